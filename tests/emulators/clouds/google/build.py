"""``cloudbuild.googleapis.com``: only the method for the default service account, which gcloud needs for a deploy."""

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google.estate import Estate


class CloudBuild:
    """Cloud Build of the project."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        path = "/v1/projects/{project}/locations/{region}/defaultServiceAccount"
        return [Route("GET", path, self._default_account, "cloudbuild.builds.get")]

    def _default_account(self, _: Request, project: str, region: str) -> Json:
        return {
            "name": f"projects/{project}/locations/{region}/defaultServiceAccount",
            "serviceAccountEmail": f"projects/{project}/serviceAccounts/{self._estate.default_build_account}",
        }
