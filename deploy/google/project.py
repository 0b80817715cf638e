"""Whether the caller sees a project: Google answers calls on one that does not exist like forbidden ones."""

from deploy.errors import Code, DeployError, GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.google.pubsub_api import PubSubFailed

DOUBTFUL: frozenset[Code] = frozenset({"PERMISSION_DENIED", "PROJECT", "ELSEWHERE"})
"""Reasons of errors that Google also gives if there is no such project."""


class Invisible(DeployError):
    """The project does not exist, is not active, or is not visible to the caller."""

    def __init__(self, what: str, project: str) -> None:
        super().__init__(what, where=f"project {project}", fix=["gcloud projects list"])


def require_visible(google: Gcloud, project: str) -> None:
    """Require that a project exists, is active, and is visible to the caller.

    Raises:
        Invisible: it is not.
        GcloudFailed: that is not known.

    """
    try:
        found = google.read(("projects", "describe", project))
    except GcloudFailed as error:
        if error.code not in DOUBTFUL or any(" undelete " in line for line in error.fix):
            raise
        raise Invisible("does not exist, or you have no access to it", project) from None
    if found is None or found.get("lifecycleState", "ACTIVE") != "ACTIVE":
        raise Invisible("does not exist" if found is None else f"is {found['lifecycleState']}", project)


def explained(error: DeployError, google: Gcloud, project: str) -> DeployError:
    """Return an error, or the better one if it is because the caller does not see the project."""
    is_doubtful = (isinstance(error, GcloudFailed) and error.code in DOUBTFUL) or (
        isinstance(error, PubSubFailed) and error.status in {403, 404}
    )
    if not is_doubtful or not project:
        return error
    try:
        require_visible(google, project)
    except Invisible as invisible:
        return invisible
    except GcloudFailed:  # it is not known, so the error stays
        return error
    return error
