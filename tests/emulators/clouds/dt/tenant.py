"""A customer of DT: an organization, its projects, and a service account with a role in each project.

Roles: https://docs.developer.disruptive-technologies.com/docs/service-accounts/permissions
"""

import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from tests.emulators.clouds.dt.problems import Refusal

USER, DEVELOPER, ADMIN = "roles/project.user", "roles/project.developer", "roles/project.admin"
_READS = ("dataconnector.read", "device.read", "emulator.read", "project.read")
_WRITES = tuple(f"{kind}.{verb}" for kind in ("dataconnector", "emulator") for verb in ("create", "update", "delete"))
_MORE = (*_READS, *_WRITES, "device.update")
PERMISSIONS = {USER: _READS, DEVELOPER: _MORE, ADMIN: (*_MORE, "project.update")}

RATE, RATE_WINDOW_S = 25, 5.0


@dataclass
class Tenant:
    """A customer before a deployment. Tests can change ``roles``.

    ``is_basic_enabled``: whether the key may be used for basic authentication, which DT disables by default.
    """

    organization: str = "cog3v5ab0smqiha4e8k0"
    project: str = "ccol8iuk9smqiha4e8l0"
    other_projects: tuple[str, ...] = ()
    key_id: str = "cp1offl1neuk9smqiha4"
    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    is_basic_enabled: bool = False
    roles: dict[str, str] = field(default_factory=dict)
    is_rate_limited: bool = True
    _calls: "deque[float]" = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Set the role that a deployment needs in every project that has no role yet."""
        for project in self.projects:
            self.roles.setdefault(project, DEVELOPER)

    @property
    def projects(self) -> tuple[str, ...]:
        """All projects of the organization."""
        return (self.project, *self.other_projects)

    @property
    def email(self) -> str:
        """The service account's email address, which is also its issuer in tokens."""
        return f"cp1offl1neuk9smqiha0@{self.project}.serviceaccount.d21s.com"

    def permissions(self, project: str) -> tuple[str, ...]:
        """Return the permissions of the service account in a project."""
        return PERMISSIONS.get(self.roles.get(project, ""), ())

    def check_project(self, project: str) -> None:
        """Refuse a project that does not exist."""
        if project not in self.projects:
            raise Refusal(404, f"project {project} not found")

    def check_permission(self, project: str, permission: str) -> None:
        """Refuse a call that the service account's role does not allow."""
        self.check_project(project)
        if permission not in self.permissions(project):
            raise Refusal(403, f"permission denied: {permission} on projects/{project}")

    def check_rate(self) -> None:
        """Count a call, and refuse it if there were too many."""
        now = time.monotonic()
        with self._lock:
            while self._calls and self._calls[0] <= now - RATE_WINDOW_S:
                self._calls.popleft()
            if self.is_rate_limited and len(self._calls) >= RATE:
                wait_s = int(self._calls[0] + RATE_WINDOW_S - now) + 1
                raise Refusal(429, "too many requests", {"Retry-After": str(wait_s)})
            self._calls.append(now)
