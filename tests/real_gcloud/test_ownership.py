"""What is this deployment's and what is not, with the real gcloud: services, regions, sources, subscriptions.

Every test has a deployment of its own, or none.
"""

from tests.emulators.clients import all_on, ask, done, zipped
from tests.emulators.clouds.google.service import Service
from tests.real_gcloud.recordings import Recording
from tests.real_gcloud.user import REAL_GCLOUD, User

pytestmark = REAL_GCLOUD

PROJECT = "projects/demo-proj"
RUN = "https://run.googleapis.com/v1"
PUBSUB = "https://pubsub.googleapis.com/v1"
HERE, THERE = "europe-west1", "europe-north1"
BY_HAND = "import functions_framework\n@functions_framework.http\ndef ingest(request):\n    return 'by hand'\n"


def _functions(region: str) -> str:
    return f"https://cloudfunctions.googleapis.com/v2/{PROJECT}/locations/{region}"


def _policy(user: User, region: str) -> object:
    return ask(user.both_clouds, "GET", f"{RUN}/{PROJECT}/locations/{region}/services/dt-pubsub:getIamPolicy").json


def test_a_service_of_others_is_named_and_left_and_google_would_not_deploy_over_it(user: User) -> None:
    all_on(user.both_clouds.google.estate)
    user.both_clouds.google.run.put(Service("dt-pubsub", HERE, "x.cloudfunctions.net", {}, {"team": "payments"}))
    before = _policy(user, HERE)
    user.both_clouds.log.clear()

    status, output = user.runs("up", "--yes", "--no-verify")

    assert (status, "Cloud Run service dt-pubsub: already exists in europe-west1, without a function" in output) == (
        1,
        True,
    ), output
    assert (user.changes(), _policy(user, HERE)) == ([], before)


def test_a_source_deployed_by_hand_is_seen_and_replaced(owner: User) -> None:
    place = ask(owner.both_clouds, "POST", f"{_functions(HERE)}/functions:generateUploadUrl", {}).json
    assert ask(owner.both_clouds, "PUT", place["uploadUrl"], zipped(BY_HAND), {"Authorization": ""}).status == 200
    build = {"buildConfig": {"source": {"storageSource": place["storageSource"]}}}
    changed = ask(
        owner.both_clouds, "PATCH", f"{_functions(HERE)}/functions/dt-pubsub?updateMask=buildConfig.source", build
    )
    assert "error" not in done(owner.both_clouds, changed.json["name"])

    status, output = owner.runs("plan")

    assert (status, "source another upload (" in output) == (2, True), output
    owner.brings_up()
    owner.finds_nothing_to_do()


def test_a_filter_set_by_hand_is_shown(owner: User) -> None:
    url = f"{PUBSUB}/{PROJECT}/subscriptions/dt-rejected"
    settings = ask(owner.both_clouds, "GET", url).json
    assert ask(owner.both_clouds, "DELETE", url).status == 200
    remade = {**settings, "filter": 'attributes.reason = "expired"', "ackDeadlineSeconds": 600}
    assert ask(owner.both_clouds, "PUT", url, remade).status == 200

    status, output = owner.runs("plan")

    assert status == 0, output
    assert 'takes only messages that match attributes.reason = "expired", set elsewhere' in output
    assert "ack deadline 600 s, set elsewhere" in output


def test_another_region_moves_the_function_and_leaves_none_behind(owner: User) -> None:
    moved = {**owner.environ, "DEPLOY_REGION": THERE}
    status, output = owner.runs("up", "--yes", environ=moved)
    assert (status, "came through DT's connector as message" in output) == (0, True), output
    assert [name for name in owner.both_clouds.left() if "/functions/" in name] == [
        f"{PROJECT}/locations/{THERE}/functions/dt-pubsub"
    ]
    assert (
        ask(owner.both_clouds, "GET", f"{RUN}/{PROJECT}/locations/{HERE}/services/dt-pubsub:getIamPolicy").status == 404
    )
    status, output = owner.runs("plan", environ=moved)
    assert (status, "nothing to do" in output) == (0, True), output


def test_down_sees_the_function_of_another_region_and_names_the_subscriptions_of_others(
    user: User, recording: Recording
) -> None:
    recording.played(user.both_clouds, {HERE: THERE})
    asked = {"topic": f"{PROJECT}/topics/dt-events"}
    assert ask(user.both_clouds, "PUT", f"{PUBSUB}/{PROJECT}/subscriptions/archive", asked).status == 200

    status, output = user.runs("down", "--yes")

    assert status == 0, output
    assert f"others subscribe to it, and will receive nothing: {PROJECT}/subscriptions/archive" in output
    assert user.both_clouds.left() == [f"{PROJECT}/subscriptions/archive"]


def test_down_closes_the_service_that_a_function_was_detached_from(owner: User) -> None:
    operation = ask(owner.both_clouds, "POST", f"{_functions(HERE)}/functions/dt-pubsub:detachFunction", {}).json[
        "name"
    ]
    assert "error" not in done(owner.both_clouds, operation)
    service = owner.both_clouds.google.run.find(HERE, "dt-pubsub")
    assert service is not None
    service.annotations["run.googleapis.com/invoker-iam-disabled"] = "true"

    status, output = owner.runs("down", "--yes")

    assert (status, "was detached from its Cloud Run service, which stays" in output) == (0, True), output
    assert not owner.both_clouds.google.run.is_open(service)
    assert owner.both_clouds.left() == []
