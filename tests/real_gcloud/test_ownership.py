"""Which resources belong to the deployment, with the real gcloud: services, regions, sources, subscriptions."""

from collections.abc import Iterator

import pytest

from deploy.offline.clouds.google.service import Service
from tests.emulators.asking import all_on, ask, done, zipped
from tests.real_gcloud.user import REAL_GCLOUD, User, user_of

pytestmark = REAL_GCLOUD

PROJECT = "projects/demo-proj"
RUN = "https://run.googleapis.com/v1"
PUBSUB = "https://pubsub.googleapis.com/v1"
HERE, THERE = "europe-west1", "europe-north1"
BY_HAND = "import functions_framework\n@functions_framework.http\ndef ingest(request):\n    return 'by hand'\n"


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """Return a user with a complete deployment."""
    with user_of(tmp_path_factory.mktemp("user")) as somebody:
        all_on(somebody.sky.google.estate)
        yield somebody


def _has_up(user: User, region: str) -> None:
    """Make the deployment complete, with the function in this region, unless it is so already."""
    if user.functions() != [region]:
        user.brings_up(DEPLOY_REGION=region)


def _functions(region: str) -> str:
    return f"https://cloudfunctions.googleapis.com/v2/{PROJECT}/locations/{region}"


def _policy(user: User, region: str) -> object:
    return ask(user.sky, "GET", f"{RUN}/{PROJECT}/locations/{region}/services/dt-pubsub:getIamPolicy").json


def test_a_service_of_another_owner_is_named_and_kept_and_google_refuses_to_deploy_over_it(user: User) -> None:
    if user.functions():
        assert user.runs("down", "--yes")[0] == 0
    user.sky.google.run.put(Service("dt-pubsub", HERE, "x.cloudfunctions.net", {}, {"team": "payments"}))
    before = _policy(user, HERE)
    user.sky.log.clear()

    status, told = user.runs("up", "--yes", "--no-verify")

    assert (status, "Cloud Run service dt-pubsub: already exists in europe-west1, without a function" in told) == (
        1,
        True,
    ), told
    assert (user.changes(), _policy(user, HERE)) == ([], before)
    user.sky.google.run.remove(HERE, "dt-pubsub")


def test_a_source_that_was_deployed_by_hand_is_found_and_replaced(user: User) -> None:
    _has_up(user, HERE)
    user.finds_nothing_to_do()
    place = ask(user.sky, "POST", f"{_functions(HERE)}/functions:generateUploadUrl", {}).json
    assert ask(user.sky, "PUT", place["uploadUrl"], zipped(BY_HAND), {"Authorization": ""}).status == 200
    build = {"buildConfig": {"source": {"storageSource": place["storageSource"]}}}
    changed = ask(user.sky, "PATCH", f"{_functions(HERE)}/functions/dt-pubsub?updateMask=buildConfig.source", build)
    assert "error" not in done(user.sky, changed.json["name"])

    status, told = user.runs("plan")

    assert (status, "source another upload (" in told) == (2, True), told
    user.brings_up()
    user.finds_nothing_to_do()


def test_a_filter_set_by_hand_is_shown(user: User) -> None:
    _has_up(user, HERE)
    url = f"{PUBSUB}/{PROJECT}/subscriptions/dt-rejected"
    settings = ask(user.sky, "GET", url).json
    assert ask(user.sky, "DELETE", url).status == 200
    remade = {**settings, "filter": 'attributes.reason = "expired"', "ackDeadlineSeconds": 600}
    assert ask(user.sky, "PUT", url, remade).status == 200

    status, told = user.runs("plan")

    assert status == 0, told
    assert 'takes only messages that match attributes.reason = "expired", set elsewhere' in told
    assert "ack deadline 600 s, set elsewhere" in told


def test_another_region_moves_the_function_and_removes_the_old_one(user: User) -> None:
    _has_up(user, HERE)
    moved = {**user.environ, "DEPLOY_REGION": THERE}
    status, told = user.runs("up", "--yes", environ=moved)
    assert (status, "came through DT's connector as message" in told) == (0, True), told
    assert [name for name in user.sky.left() if "/functions/" in name] == [
        f"{PROJECT}/locations/{THERE}/functions/dt-pubsub"
    ]
    assert ask(user.sky, "GET", f"{RUN}/{PROJECT}/locations/{HERE}/services/dt-pubsub:getIamPolicy").status == 404
    status, told = user.runs("plan", environ=moved)
    assert (status, "nothing to do" in told) == (0, True), told


def test_down_removes_the_function_in_another_region_and_names_subscriptions_of_others(user: User) -> None:
    _has_up(user, THERE)
    asked = {"topic": f"{PROJECT}/topics/dt-events"}
    assert ask(user.sky, "PUT", f"{PUBSUB}/{PROJECT}/subscriptions/archive", asked).status == 200

    status, told = user.runs("down", "--yes")

    assert status == 0, told
    assert f"others subscribe to it, and get nothing any more: {PROJECT}/subscriptions/archive" in told
    assert user.sky.left() == [f"{PROJECT}/subscriptions/archive"]
    assert ask(user.sky, "DELETE", f"{PUBSUB}/{PROJECT}/subscriptions/archive").status == 200


def test_down_closes_the_service_that_a_function_was_detached_from(user: User) -> None:
    _has_up(user, HERE)
    operation = ask(user.sky, "POST", f"{_functions(HERE)}/functions/dt-pubsub:detachFunction", {}).json["name"]
    assert "error" not in done(user.sky, operation)
    service = user.sky.google.run.find(HERE, "dt-pubsub")
    assert service is not None
    service.annotations["run.googleapis.com/invoker-iam-disabled"] = "true"

    status, told = user.runs("down", "--yes")

    assert (status, "was detached from its Cloud Run service, which stays" in told) == (0, True), told
    assert not user.sky.google.run.is_open(service)
    assert user.sky.left() == []
    user.sky.google.run.remove(HERE, "dt-pubsub")
