"""``cloudbuild.googleapis.com``, as far as a deploy asks: who builds."""

from deploy.offline.clouds.exchange import Json, Request, Route
from deploy.offline.clouds.google.estate import Estate


class CloudBuild:
    """The build service of the project."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        """All that is played."""
        path = "/v1/projects/{project}/locations/{region}/defaultServiceAccount"
        return [Route("GET", path, self._default_account, "cloudbuild.builds.get")]

    def _default_account(self, _: Request, project: str, region: str) -> Json:
        return {
            "name": f"projects/{project}/locations/{region}/defaultServiceAccount",
            "serviceAccountEmail": f"projects/{project}/serviceAccounts/{self._estate.default_build_account}",
        }
