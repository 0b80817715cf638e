"""``cloudbuild.googleapis.com``: the default service account, which gcloud needs for a deploy, and finished builds."""

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.problems import not_found


class CloudBuild:
    """Cloud Build of the project."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        path = "/v1/projects/{project}/locations/{region}/defaultServiceAccount"
        build = "/v1/projects/{project}/locations/{region}/builds/{build}"
        return [
            Route("GET", path, self._default_account, "cloudbuild.builds.get"),
            Route("GET", build, self._build, "cloudbuild.builds.get"),
        ]

    def _build(self, _: Request, project: str, region: str, build: str) -> Json:
        self._estate.check_project(project)
        found = self._estate.builds.get(build)
        if found is None or f"/locations/{region}/" not in found["name"]:
            raise not_found("Requested entity was not found.")
        return dict(found)

    def _default_account(self, _: Request, project: str, region: str) -> Json:
        return {
            "name": f"projects/{project}/locations/{region}/defaultServiceAccount",
            "serviceAccountEmail": f"projects/{project}/serviceAccounts/{self._estate.default_build_account}",
        }
