"""The Google project: its names, its enabled APIs, the permissions of the caller, the organization policies in force.

Tests can change ``denied`` (permissions that the caller lacks), ``organization_policies``, and ``silent`` (regions that
Google cannot read).
"""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.emulators.clouds.google.problems import Problem, denied, service_disabled

ON_FROM_THE_START = frozenset(
    f"{name}.googleapis.com"
    for name in (
        *("bigquery", "cloudapis", "datastore", "logging", "monitoring", "servicemanagement", "serviceusage"),
        *("sql-component", "storage", "storage-api", "storage-component"),
    )
)
"""The APIs of a new project: https://cloud.google.com/service-usage/docs/enabled-service#default."""

AGENTS = {"pubsub.googleapis.com": "gcp-sa-pubsub"}
"""The domains of the service agents that are played."""

INVOKER_IAM_REQUIRED = "constraints/run.managed.requireInvokerIam"
ALLOWED_MEMBERS = "constraints/iam.allowedPolicyMemberDomains"


@dataclass
class Estate:
    """One project and its owner, who is the caller.

    ``build_role``: the role that the default build account has on the project, or "" as in organizations created since
    May 2024. ``organization_policies``: constraints in force. ``is_billed``: whether billing is on. ``secret_lag_s``:
    seconds after which ``latest`` and mounted files show a new version of a secret; its number shows it at once.
    ``agent_lag_s``: seconds after which the service agent of an API exists that was enabled; None if it exists only
    after generateServiceIdentity. ``iam_lag_s``: seconds after which a new role has an effect.
    """

    project: str = "demo-proj"
    number: str = "123456789012"
    caller: str = "newcomer@example.com"
    token: str = "offline-access-token"  # not a secret
    is_billed: bool = True
    build_role: str = "roles/editor"
    enabled: set[str] = field(default_factory=lambda: set(ON_FROM_THE_START))
    denied: set[str] = field(default_factory=set)
    organization_policies: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    account_lag_s: float = 1.0
    secret_lag_s: float = 0.0
    agent_lag_s: float | None = 0.0
    iam_lag_s: float = 0.0
    enabled_at: dict[str, float] = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def default_build_account(self) -> str:
        """The Compute Engine default service account, which builds functions."""
        return f"{self.number}-compute@developer.gserviceaccount.com"

    @property
    def pubsub_agent(self) -> str:
        """The service agent of Pub/Sub, which writes into BigQuery and publishes dead letters."""
        return service_agent("pubsub.googleapis.com", self.number)

    def agent_exists(self, email: str) -> bool:
        """Whether a service agent of this project exists."""
        service = next((name for name in AGENTS if service_agent(name, self.number) == email), "")
        if service in self.identities:
            return True
        if self.agent_lag_s is None or service not in self.enabled:
            return False
        return time.monotonic() >= self.enabled_at.get(service, 0.0) + self.agent_lag_s

    def enable(self, services: Iterable[str]) -> None:
        """Enable APIs."""
        for service in services:
            if service not in self.enabled:
                self.enabled_at[service] = time.monotonic()
            self.enabled.add(service)

    def next_number(self) -> int:
        """Return a number that is unique in this project."""
        return next(self._numbers)

    def check_project(self, project: str) -> None:
        """Refuse another project; this one may be named by id, by number, or by ``-``."""
        if project not in {self.project, self.number, "-"}:
            raise denied(f"Permission denied on resource project {project}.")

    def check_user_project(self, project: str) -> None:
        """Refuse to charge the quota of a project in which the caller may use no service.

        The header X-Goog-User-Project names it: https://cloud.google.com/apis/docs/system-parameters.
        """
        if project in {self.project, self.number} and "serviceusage.services.use" not in self.denied:
            return
        message = (
            f"Caller does not have required permission to use project {project}. Grant the caller the "
            "roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use "
            "permission, and then retry."
        )
        info = {"reason": "USER_PROJECT_DENIED", "domain": "googleapis.com", "metadata": {"consumer": project}}
        raise Problem("PERMISSION_DENIED", message, {"@type": "type.googleapis.com/google.rpc.ErrorInfo", **info})

    def check_enabled(self, service: str) -> None:
        """Refuse a call to an API that is not enabled."""
        if service not in self.enabled:
            raise service_disabled(service, self.number, self.project)

    def check_permission(self, permission: str, resource: str) -> None:
        """Refuse a call for which the caller lacks the permission."""
        if permission and permission in self.denied:
            raise Problem(
                "PERMISSION_DENIED",
                f"Permission '{permission}' denied on resource '{resource}' (or it may not exist).",
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "IAM_PERMISSION_DENIED",
                    "domain": "iam.googleapis.com",
                    "metadata": {"permission": permission, "resource": resource},
                },
            )


def service_agent(service: str, number: str) -> str:
    """Return the email of a service agent of a project: https://cloud.google.com/iam/docs/service-agents."""
    return f"service-{number}@{AGENTS[service]}.iam.gserviceaccount.com"


def timestamp(at: float | None = None) -> str:
    """Return a time (default: now) in Google's format."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
