"""Lists the marked resources of a Google project, in all regions at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.errors import GcloudFailed
from deploy.google.gcloud import Gcloud, Listed
from deploy.parallel import wait_for, worker_pool
from deploy.resources.kinds import ALL_KINDS, Kind
from deploy.spec import Spec
from deploy.stages.inventory import Deployment, deployments


@dataclass(frozen=True, slots=True)
class Listing:
    """The deployments of a project. ``unreachable``: the regions that Google could not read, sorted.

    If there are such regions, nothing is called left over, because its function may be in one of them.
    """

    deployments: Sequence[Deployment]
    unreachable: tuple[str, ...]


def list_deployments(spec: Spec, google: Gcloud, kinds: Sequence[Kind] = ALL_KINDS) -> Listing:
    """List marked resources, and find the deployments. ``spec``: only its project is used.

    ``kinds``: the kinds to list; without the others, the resources of a deployment are not complete.

    Raises:
        DeployError: a kind could not be listed, for another reason than that its API is not enabled.

    """
    with worker_pool() as pool:
        reading = [pool.submit(_listed, google, kind, spec) for kind in kinds]
        found = {kind: wait_for(listed) for kind, listed in zip(kinds, reading, strict=True)}
    unreachable = {region for listed in found.values() for region in listed.unreachable}
    lists = {kind: found.get(kind, Listed()).items for kind in ALL_KINDS}
    known = deployments(spec.google_project, lists)
    shown = [deployment for deployment in known if not (unreachable and deployment.is_left_over)]
    return Listing(shown, tuple(sorted(unreachable)))


def _listed(google: Gcloud, kind: Kind, spec: Spec) -> Listed:
    """List one kind. If its API is not enabled, there are no resources of this kind. Alerts may be hidden from you."""
    try:
        return google.list_all(kind.query(spec))
    except GcloudFailed as error:
        if error.code == "SERVICE_DISABLED" or (kind.is_optional and error.code == "PERMISSION_DENIED"):
            return Listed()
        raise
