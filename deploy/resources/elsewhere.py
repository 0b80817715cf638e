"""Functions of this deployment in other regions: what is left where deploy.toml names another region now."""

from dataclasses import dataclass, replace
from typing import ClassVar

from deploy.errors import DeployError
from deploy.resources.function import Function
from deploy.resources.resource import Facts, Reads, is_marked
from deploy.spec import MARK, Spec
from deploy.steps import GcloudCall, Step, delete


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Functions that bear this deployment's name and label, in any region but its own. One call lists all regions."""

    spec: Spec
    title: ClassVar[str] = "functions in other regions"
    upon: ClassVar[str] = ""

    def reads(self) -> Reads:
        """List the functions of all regions that bear the label."""
        mark, project = f"--filter=labels.{MARK}={self.spec.name}", f"--project={self.spec.google_project}"
        yield "functions", ("functions", "list", "--v2", mark, project)

    def removal_reads(self) -> Reads:
        """List them."""
        return self.reads()

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return None: they are listed by their label."""
        del facts
        return None

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Nothing: they go when no connector posts to them any more, which a plan's end sees to."""
        del facts
        return ()

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete them."""
        return tuple(self._delete(region) for region in self.regions(facts))

    def function_in(self, region: str) -> Function:
        """Return this deployment's function as it is in a region."""
        return Function(replace(self.spec, region=region))

    def regions(self, facts: Facts) -> list[str]:
        """Return the regions in which there is one."""
        return sorted(region for found in facts.get("functions") or [] if (region := self._other_region(found)))

    def _other_region(self, found: Facts) -> str:
        """Return the region of a function of this deployment; nothing for one of its own region, or of others."""
        region, _, name = str(found.get("name", "")).partition("/locations/")[2].partition("/functions/")
        is_one = name == self.spec.name and is_marked(self.spec, found) and found.get("environment") != "GEN_1"
        return region if is_one and region != self.spec.region else ""

    def _delete(self, region: str) -> Step:
        place = (f"--region={region}", f"--project={self.spec.google_project}")
        call = GcloudCall(("functions", "delete", self.spec.name, "--gen2", *place))
        reason = f"marked {self.spec.mark}, and the region is {self.spec.region} now"
        return delete(f"{self.title}, {region}", reason, call)
