"""Google's APIs, switched on all at once. They are never switched off: others may need them."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.errors import DeployError
from deploy.resources.resource import Facts, Reads
from deploy.spec import SERVICES, Spec
from deploy.steps import GcloudCall, Step, create, keep


@dataclass(frozen=True, slots=True)
class Services:
    """The APIs that a deployment needs."""

    spec: Spec
    upon: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """Say what they are."""
        return "APIs"

    def reads(self) -> Reads:
        """List what is on."""
        yield "enabled", ("services", "list", "--enabled", f"--project={self.spec.google_project}")

    def removal_reads(self) -> Reads:
        """List what is on."""
        return self.reads()

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return None: APIs belong to the project."""
        del facts
        return None

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Switch on what is missing."""
        on = services_on(facts)
        missing = tuple(service for service in SERVICES if service not in on)
        if not missing:
            return (keep(self.title, f"all {len(SERVICES)} are on"),)
        argv = ("services", "enable", *missing, f"--project={self.spec.google_project}")
        return (create(self.title, f"off: {', '.join(missing)}", GcloudCall(argv)),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Leave them on."""
        del facts
        return (keep(self.title, "stay on: others may need them"),)


def services_on(facts: Facts) -> frozenset[str]:
    """Give the names of the APIs that are on."""
    listed = facts.get("enabled") or []
    return frozenset(each.get("config", {}).get("name") or each["name"].rpartition("/")[2] for each in listed)
