"""What a run works with: both clouds, the deployment, the clock, and how it waits for something to become true."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from deploy.dt.api import DtApi
from deploy.dt.connectors import Connectors
from deploy.dt.devices import Devices
from deploy.first_contact.findings import Redaction
from deploy.function_client import Post
from deploy.google.gcloud import Gcloud
from deploy.proof.fixtures import Fixtures
from deploy.spec import Spec, last_segment

POLL_S = 2.0
"""Seconds between two checks whether something has become visible."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Facts of the deployed function, from which the recorder is made in the same way.

    ``build``: the full name of its last build, empty if Google does not show it. ``is_unchecked``: Cloud Run checks no
    caller, because organization policy forbids allUsers.
    """

    runtime: str
    build: str
    is_unchecked: bool

    @classmethod
    def of(cls, function: Mapping[str, Any], *, is_unchecked: bool) -> "Deployed":
        """Return the facts from the description of the function."""
        built = function.get("buildConfig", {})
        return cls(str(built.get("runtime", "")), str(built.get("build", "")), is_unchecked)


@dataclass(frozen=True, slots=True)
class Site:
    """Both clouds and one deployment. ``project``: the DT project of the run. ``organization``: that of the project.

    ``event_type``: the type of the emulated events, which as few real devices as possible send.
    """

    spec: Spec
    google: Gcloud
    dt: DtApi
    connectors: Connectors
    devices: Devices
    fixtures: Fixtures
    post: Post
    redaction: Redaction
    organization: str
    deployed: Deployed
    event_type: str
    progress: Callable[[str], AbstractContextManager[None]]
    notice: Callable[[str], None]
    sleep: Callable[[float], None]
    now: Callable[[], float]

    @property
    def project(self) -> str:
        """The DT project of the run: the first one of the deployment."""
        return self.spec.dt_projects[0]

    def took(self, work: Callable[[], object]) -> float:
        """Do some work, and return how many seconds it took."""
        began_at = self.now()
        work()
        return round(self.now() - began_at, 1)

    def watch(self, checks: Mapping[str, Callable[[], bool]], limit_s: float) -> dict[str, float]:
        """Return after how many seconds each check was true, by its name. A check that was never true is left out.

        The seconds are those at which the check began, because a gcloud command itself takes about a second.
        """
        began_at, found = self.now(), dict[str, float]()
        while True:
            for name in [name for name in checks if name not in found]:
                checked_after_s = round(self.now() - began_at, 1)
                if checks[name]():
                    found[name] = checked_after_s
            if len(found) == len(checks) or self.now() - began_at >= limit_s:
                return found
            self.sleep(POLL_S)


def has_item(listed: Sequence[Mapping[str, Any]] | None, item: str) -> bool:
    """Return whether a list of Google's has an item of this id."""
    return any(last_segment(str(found.get("name", ""))) == item for found in listed or [])
