"""Reads the owner of a resource again just before a step changes it, because a plan may be some minutes old."""

from deploy.errors import DeployError
from deploy.google.gcloud import Gcloud
from deploy.resources.catalog import of_alerts, removable, resources
from deploy.resources.resource import Resource, answered
from deploy.spec import Spec
from deploy.steps import GcloudCall, ResourceId, Step


class Ownership:
    """The resources whose owner is known. A resource that this run created or checked is not read again."""

    def __init__(self, spec: Spec, google: Gcloud) -> None:
        self._google = google
        self._by_id: dict[ResourceId, Resource] = {
            resource.id: resource for resource in (*removable(spec), *resources(spec), *of_alerts(spec))
        }
        self._proven: set[ResourceId] = set()

    def prove(self, step: Step) -> None:
        """Check that the resources that a step is about to change are this deployment's.

        Raises:
            DeployError: one of them is not, or no longer exists although the step grants a role on it.

        """
        for touched in self._touched(step):
            if touched not in self._proven:
                self._must_be_ours(touched, step)
                self._proven.add(touched)

    def resource(self, step: Step) -> Resource:
        """Return the resource that a step is about."""
        return self._by_id[step.id.whole]

    def resource_of(self, of: ResourceId) -> Resource | None:
        """Return the resource with this id; None if it is not one of Google's resources of this deployment."""
        return self._by_id.get(of)

    def made(self, step: Step) -> None:
        """Remember that the resource that a step has created is this deployment's."""
        self._proven.add(step.id.whole)

    def _touched(self, step: Step) -> list[ResourceId]:
        """Return the resources that a step changes, on which it grants a role, or to which it grants one.

        Most create commands fail if the name is taken, so nothing is read before them.
        """
        resource = self._by_id.get(step.id.whole)
        if resource is None or not isinstance(step.call, GcloudCall):
            return []
        if resource.parent:
            return [resource.parent, *resource.grants_to]
        is_safe = step.action == "create" and step.id == resource.id and not resource.overwrites
        touched = step.id if resource.has_separate_parts else resource.id
        return [] if is_safe else [touched]

    def _must_be_ours(self, touched: ResourceId, step: Step) -> None:
        owner = self._by_id[touched.whole].owner(touched)
        facts = answered(owner.ownership_reads(step.action), self._google.read)
        if error := owner.not_ours(facts):
            raise error
        if touched.whole != step.id.whole and owner.found(facts) is None:
            raise DeployError("no longer exists", where=str(touched))
