"""A resource that tells whose it is: by the label of this deployment, or by a mark in its description."""

from abc import abstractmethod
from dataclasses import dataclass

from deploy.errors import DeployError
from deploy.resources.resource import Facts, Resource, is_marked
from deploy.steps import Argv, GcloudCall, Step, create, delete, keep


@dataclass(frozen=True, slots=True)
class Marked(Resource):
    """Planned and deleted only if it has the mark; anything else of its name stays as it is."""

    @abstractmethod
    def command(self, verb: str, *flags: str) -> Argv:
        """Return a gcloud command on it."""

    @abstractmethod
    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that makes it."""

    @abstractmethod
    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Compare it, if it is there and ours, with what it should be."""

    @property
    def describe(self) -> Argv:
        """The command that describes it."""
        return self.command("describe")

    @property
    def adoption(self) -> Argv:
        """The command that marks what somebody else has made."""
        return self.command("update", f"--update-labels={self.spec.mark}")

    def is_ours(self, found: Facts) -> bool:
        """Return whether it has the mark of this deployment."""
        return is_marked(self.spec, found)

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return an error with the command that adopts it, if it is there without the mark."""
        found = self.found(facts)
        if found is None or self.is_ours(found):
            return None
        what = f"exists, and is not marked {self.spec.mark}\n  adopt it by this line, or choose another --name"
        return DeployError(what, where=self.title, fix=[GcloudCall(self.adoption).line()])

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Make it if it is not there, else compare it with what it should be."""
        if error := self.not_ours(facts):
            raise error
        if self.found(facts) is None:
            return (create(self.id, "not there", self.creation(facts)),)
        return self.changed(facts)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Delete it if it has the mark."""
        if self.found(facts) is None:
            return self.removal_of_traces(facts)
        if self.not_ours(facts):
            return (keep(self.id, f"is not marked {self.spec.mark}"),)
        reason = f"marked {self.spec.mark}{self.lost_with_it(facts)}"
        return (delete(self.id, reason, GcloudCall(self.command("delete"))),)

    def removal_of_traces(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that remove what it left behind, if it is not there any more."""
        del facts
        return (keep(self.id, "is not there"),)

    def lost_with_it(self, facts: Facts) -> str:
        """Return what else is lost with it, as the end of the reason for its removal."""
        del facts
        return ""
