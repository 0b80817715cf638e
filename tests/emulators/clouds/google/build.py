"""``cloudbuild.googleapis.com``: the default service account, which gcloud needs for a deploy, and the finished builds.

https://cloud.google.com/build/docs/api/reference/rest/v1/projects.locations.builds
"""

import uuid

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.problems import not_found


class CloudBuild:
    """Cloud Build of the project."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._builds: dict[str, Json] = {}

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        place = "/v1/projects/{project}/locations/{region}"
        return [
            Route("GET", f"{place}/defaultServiceAccount", self._default_account, "cloudbuild.builds.get"),
            Route("GET", f"{place}/builds/{{build}}", self._get, "cloudbuild.builds.get"),
        ]

    def finished(self, region: str, began_at: float) -> str:
        """Add a build that began at a time (seconds since 1970) and is finished now; return its full name."""
        build = str(uuid.uuid4())
        name = f"projects/{self._estate.number}/locations/{region}/builds/{build}"
        times = {"createTime": timestamp(began_at), "startTime": timestamp(began_at), "finishTime": timestamp()}
        self._builds[build] = {"name": name, "id": build, "status": "SUCCESS", **times}
        return name

    def _get(self, _: Request, project: str, region: str, build: str) -> Json:
        self._estate.check_project(project)
        found = self._builds.get(build)
        if found is None or found["name"].split("/")[3] != region:
            raise not_found("Requested entity was not found.")
        return found

    def _default_account(self, _: Request, project: str, region: str) -> Json:
        return {
            "name": f"projects/{project}/locations/{region}/defaultServiceAccount",
            "serviceAccountEmail": f"projects/{project}/serviceAccounts/{self._estate.default_build_account}",
        }
