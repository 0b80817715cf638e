"""A resource with a mark that names its deployment: a label, or a text in its description."""

from abc import abstractmethod
from dataclasses import dataclass

from deploy.errors import DeployError
from deploy.resources.resource import Facts, Resource, is_marked
from deploy.steps import Argv, GcloudCall, Query, Step, create, delete, keep


@dataclass(frozen=True, slots=True)
class Marked(Resource):
    """A resource that is changed and deleted only if it has the mark. Without the mark, it is left alone."""

    @abstractmethod
    def command(self, verb: str, *flags: str) -> Argv:
        """Return a gcloud command on the resource."""

    @abstractmethod
    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that creates the resource."""

    @abstractmethod
    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that update the resource, which exists and is ours; or a step that keeps it."""

    @property
    def describe(self) -> Query:
        """The command that describes the resource."""
        return self.command("describe")

    @property
    def adoption(self) -> Argv:
        """The command that adds the mark to a resource that was created elsewhere."""
        return self.command("update", f"--update-labels={self.spec.mark}")

    def is_ours(self, found: Facts) -> bool:
        """Return whether a resource has the mark of this deployment."""
        return is_marked(self.spec, found)

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return an error with the command that adopts the resource, if it exists without the mark."""
        found = self.found(facts)
        if found is None or self.is_ours(found):
            return None
        what = f"exists, but does not have the label {self.spec.mark}\n  add it by this command, or use another --name"
        return DeployError(what, where=self.title, fix=[GcloudCall(self.adoption).line()])

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that creates the resource if it is absent; else the steps that update it."""
        if error := self.not_ours(facts):
            raise error
        if self.found(facts) is None:
            return (create(self.id, "not there", self.creation(facts)),)
        return self.changed(facts)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that deletes the resource if it has the mark."""
        if self.found(facts) is None:
            return self.removal_of_traces(facts)
        if self.not_ours(facts):
            return (keep(self.id, f"does not have the label {self.spec.mark}"),)
        reason = f"marked {self.spec.mark}{self.loss(facts)}"
        return (delete(self.id, reason, GcloudCall(self.command("delete"))),)

    def removal_of_traces(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that remove the traces of a resource that no longer exists."""
        del facts
        return (keep(self.id, "is not there"),)

    def loss(self, facts: Facts) -> str:
        """Return what is lost when the resource is deleted, as the end of the step's reason."""
        del facts
        return ""
