"""Functions of this deployment in other regions, which are left after a change of the region in deploy.toml."""

from dataclasses import dataclass, replace
from typing import ClassVar

from deploy.resources.function import Function
from deploy.resources.kinds import place_of
from deploy.resources.resource import Facts, Resource, is_marked
from deploy.spec import MARK
from deploy.steps import Argv, GcloudCall, ResourceId, Step, delete


@dataclass(frozen=True, slots=True)
class Elsewhere(Resource):
    """Functions with this deployment's name and label in all other regions, which one command lists.

    Each part is the function in one region. They are deleted at the end of a plan, when the connectors already point
    at the function in the new region.
    """

    permissions: ClassVar[tuple[str, ...]] = ("cloudfunctions.functions.delete", "cloudfunctions.functions.list")
    key: ClassVar[str] = "functions"
    has_separate_parts: ClassVar[bool] = True

    @property
    def id(self) -> ResourceId:
        """The id of all these functions together."""
        return ResourceId("functions in other regions", one="function in region")

    @property
    def describe(self) -> Argv:
        """The command that lists the functions of all regions that have the label."""
        return ("functions", "list", "--v2", f"--filter=labels.{MARK}={self.spec.name}", self.spec.project_flag)

    def owner(self, of: ResourceId) -> Function:
        """Return the function in the region that a part names."""
        return Function(replace(self.spec, region=of.part))

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that delete them."""
        return tuple(self._delete(region) for region in self.regions(facts))

    def regions(self, facts: Facts) -> list[str]:
        """Return the regions that have such a function."""
        return sorted(region for function in self.found(facts) or [] if (region := self._other_region(function)))

    def _other_region(self, function: Facts) -> str:
        """Return the region of a function of this deployment; empty for its own region, or if it is not ours."""
        region, name = place_of(function)
        is_ours = is_marked(self.spec, function) and function.get("environment") != "GEN_1"
        return region if is_ours and name == self.spec.name and region != self.spec.region else ""

    def _delete(self, region: str) -> Step:
        function = self.id.part_named(region)
        reason = f"marked {self.spec.mark}, and the region is {self.spec.region} now"
        return delete(function, reason, GcloudCall(self.owner(function).command("delete")))
