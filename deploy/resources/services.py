"""Google's APIs, enabled by one command. They are never disabled, because other software may need them."""

from dataclasses import dataclass
from typing import ClassVar

from deploy.resources.resource import Facts, Resource
from deploy.spec import last_segment
from deploy.steps import Argv, GcloudCall, ResourceId, Step, create, keep

APIS = ResourceId("APIs")


@dataclass(frozen=True, slots=True)
class Services(Resource):
    """The APIs that the other resources need."""

    permissions: ClassVar[tuple[str, ...]] = (
        "serviceusage.services.enable",
        "serviceusage.services.get",
        "serviceusage.services.list",
    )
    key: ClassVar[str] = "enabled"

    needed: tuple[str, ...]

    @property
    def id(self) -> ResourceId:
        """The id of all APIs together."""
        return APIS

    @property
    def describe(self) -> Argv:
        """The command that lists the enabled APIs."""
        return ("services", "list", "--enabled", self.spec.project_flag)

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that enables the missing APIs."""
        enabled = services_on(facts)
        missing = tuple(service for service in self.needed if service not in enabled)
        if not missing:
            return (keep(self.id, f"all {len(self.needed)} are enabled"),)
        argv = ("services", "enable", *missing, self.spec.project_flag)
        return (create(self.id, f"off: {', '.join(missing)}", GcloudCall(argv)),)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return a step that keeps the APIs enabled."""
        del facts
        return (keep(self.id, "stay enabled: others may need them"),)


def services_on(facts: Facts) -> frozenset[str]:
    """Return the names of the enabled APIs."""
    listed = facts.get(Services.key) or []
    return frozenset(service.get("config", {}).get("name") or last_segment(service["name"]) for service in listed)
