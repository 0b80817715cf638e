"""Revisions and traffic of the offline Cloud Run: which revision of a function answers, and what changes that.

https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration
"""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulators.clients import ANSWERS, FUNCTIONS, all_on, ask, deploy, done, gcloud, zipped
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.google.estate import Estate

RUN = "https://europe-west1-run.googleapis.com/apis/serving.knative.dev/v1/namespaces/demo-proj"
SERVICE = f"{RUN}/services/f"
SERVICE_IAM = "https://run.googleapis.com/v1/projects/demo-proj/locations/europe-west1/services/f:setIamPolicy"
PLACE = "--region=europe-west1"
TO_LATEST = [{"percent": 100, "latestRevision": True}]

pytestmark = [pytest.mark.tools, pytest.mark.timeout(300)]

needs_gcloud = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not installed")


@pytest.fixture(scope="module")
def played() -> Iterator[Clouds]:
    """A public function with two revisions that answer differently."""
    with clouds("embedded", estate=all_on(Estate(account_lag_s=0))) as both:
        deploy(both, ANSWERS.replace("hello", "first"))
        public = {"policy": {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}}
        ask(both, "POST", SERVICE_IAM, public)
        again(both, ANSWERS.replace("hello", "second"))
        yield both


@pytest.fixture
def two(played: Clouds) -> Iterator[Clouds]:
    """The same, with all requests on the newest revision before and after a test."""
    yield played
    assert route(played, TO_LATEST) == 200


def again(both: Clouds, main: str, **settings: Any) -> dict[str, Any]:
    """Deploy the function again, and return the operation when it is done."""
    place = ask(both, "POST", f"{FUNCTIONS}/functions:generateUploadUrl", {}).json
    ask(both, "PUT", place["uploadUrl"], zipped(main), {"Authorization": ""})
    body = {"buildConfig": {"source": {"storageSource": place["storageSource"]}}, "serviceConfig": settings}
    mask = ",".join(["buildConfig.source", *(f"serviceConfig.{name}" for name in settings)])
    return done(both, ask(both, "PATCH", f"{FUNCTIONS}/functions/f?updateMask={mask}", body).json["name"])


def route(both: Clouds, traffic: list[dict[str, Any]]) -> int:
    """Change the traffic, and return the status of the answer."""
    service = ask(both, "GET", SERVICE).json
    service["spec"]["traffic"] = traffic
    return ask(both, "PUT", SERVICE, service).status


def answer(both: Clouds) -> str:
    return ask(both, "GET", function(both)["serviceConfig"]["uri"]).body.decode()


def function(both: Clouds) -> Any:
    return ask(both, "GET", f"{FUNCTIONS}/functions/f").json


def revisions(both: Clouds) -> list[Any]:
    """Return the revisions, the newest first."""
    found: list[Any] = ask(both, "GET", f"{RUN}/revisions?labelSelector=serving.knative.dev/service%20%3D%20f").json[
        "items"
    ]
    return found


def names(both: Clouds) -> list[str]:
    return [revision["metadata"]["name"] for revision in revisions(both)]


def test_requests_go_to_the_newest_revision_and_can_be_sent_to_an_older_one(two: Clouds) -> None:
    assert answer(two) == "second"
    assert function(two)["serviceConfig"]["allTrafficOnLatestRevision"]

    assert route(two, [{"revisionName": names(two)[-1], "percent": 100}]) == 200

    assert answer(two) == "first"
    assert not function(two)["serviceConfig"]["allTrafficOnLatestRevision"]
    assert ask(two, "GET", SERVICE).json["status"]["traffic"][0]["revisionName"] == names(two)[-1]


def test_a_deployment_leaves_the_traffic_where_it_is_unless_it_asks_for_all(two: Clouds) -> None:
    route(two, [{"revisionName": names(two)[-1], "percent": 100}])

    assert "error" not in again(two, ANSWERS.replace("hello", "third"))
    assert answer(two) == "first"
    assert "error" not in again(two, ANSWERS.replace("hello", "second"), allTrafficOnLatestRevision=True)
    assert answer(two) == "second"


def test_a_revision_that_did_not_start_is_listed_and_gets_no_requests(two: Clouds) -> None:
    assert "error" in again(two, "raise RuntimeError")

    newest = revisions(two)[0]
    assert [part["status"] for part in newest["status"]["conditions"] if part["type"] == "Ready"] == ["False"]
    status = ask(two, "GET", SERVICE).json["status"]
    assert status["latestCreatedRevisionName"] == newest["metadata"]["name"] != status["latestReadyRevisionName"]
    assert answer(two) == "second"
    assert route(two, [{"revisionName": newest["metadata"]["name"], "percent": 100}]) == 400


@pytest.mark.parametrize(
    "traffic",
    [
        [{"revisionName": "f-00099-off", "percent": 100}],
        [{"latestRevision": True, "percent": 90}],
        [{"percent": 100}],
        [{"latestRevision": True, "revisionName": "f-00001-off", "percent": 100}],
    ],
)
def test_shares_of_unknown_revisions_and_shares_that_are_not_a_whole_are_refused(
    two: Clouds, traffic: list[dict[str, Any]]
) -> None:
    assert route(two, traffic) == 400
    assert answer(two) == "second"


def test_requests_can_be_shared_and_only_revisions_with_a_share_run(two: Clouds) -> None:
    service = two.google.run.services["f"]
    assert [revision.name for revision in service.revisions if revision.port] == [service.revisions[-1].name]

    assert route(two, [{"revisionName": names(two)[-1], "percent": 50}, {"latestRevision": True, "percent": 50}]) == 200

    assert {answer(two) for _ in range(64)} == {"first", "second"}
    assert len([revision for revision in service.revisions if revision.port]) == 2


def test_the_list_of_revisions_has_pages_and_needs_its_permission(two: Clouds) -> None:
    first = ask(two, "GET", f"{RUN}/revisions?limit=1").json
    rest = ask(two, "GET", f"{RUN}/revisions?continue={first['metadata']['continue']}").json
    assert [revision["metadata"]["name"] for revision in first["items"] + rest["items"]] == names(two)

    assert ask(two, "GET", f"{RUN}/revisions?service=f").status == 400

    two.google.estate.denied.add("run.revisions.list")
    assert ask(two, "GET", f"{RUN}/revisions").status == 403
    two.google.estate.denied.clear()


@needs_gcloud
def test_the_real_gcloud_lists_revisions_and_changes_the_traffic(two: Clouds) -> None:
    listed = json.loads(gcloud(two, f"run revisions list --service=f {PLACE} --format=json").stdout)
    assert [revision["metadata"]["name"] for revision in listed] == names(two)

    oldest = names(two)[-1]
    changed = gcloud(two, f"run services update-traffic f --to-revisions={oldest}=100 {PLACE} --format=json")
    assert (changed.returncode, answer(two)) == (0, "first"), changed.stderr
    assert isinstance(json.loads(changed.stdout), list)
    changed = gcloud(two, f"run services update-traffic f --to-latest {PLACE} --format=json")
    assert (changed.returncode, answer(two)) == (0, "second"), changed.stderr
    assert two.log.not_played() == []
