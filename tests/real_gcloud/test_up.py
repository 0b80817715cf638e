"""``up`` as users run it, with the real gcloud: first, repeated, with temporary errors, interrupted, two at a time."""

import json
import signal
import time

from tests.real_gcloud.user import REAL_GCLOUD, STEPS, User, struck

pytestmark = REAL_GCLOUD
CONFLICT = {"error": {"code": 409, "status": "ABORTED", "message": "There were concurrent policy changes."}}


def test_up_plan_up_and_down_succeed_in_spite_of_all_temporary_errors(user: User) -> None:
    faults = user.both_clouds.faults
    faults.fail(409, CONFLICT, host="pubsub.googleapis.com", path="*:setIamPolicy")
    faults.fail(429, {"error": "too many requests", "code": 429}, host="api.disruptive*", retry_after_s=2)
    faults.drop(host="api.disruptive*", method="POST", path="*/dataconnectors")
    faults.fail(
        404, {"error": "not found", "code": 404}, host="api.disruptive*", method="PATCH", path="*/dataconnectors/*"
    )
    status, output = user.runs("up", "--yes")
    assert status == 0, output
    assert "came through DT's connector as message" in output
    assert len(user.connectors()) == 1
    assert len(user.secret()) == 64
    assert user.both_clouds.log.not_played() == []
    user.keeps_secrets(output)

    user.both_clouds.log.clear()
    user.finds_nothing_to_do()
    status, output = user.runs("up", "--yes", "--json")
    assert (status, json.loads(output[output.index("{") :])["changes"]) == (0, 0)
    assert user.changes() == []

    status, output = user.runs("down", "--yes")
    assert (status, user.both_clouds.left()) == (0, []), output


def test_two_ups_at_once_and_an_interrupted_one_leave_one_working_deployment(user: User) -> None:
    account = next(step for step in STEPS if step.resource == "service account dt-pubsub")
    interrupted = user.starts("up", "--yes")
    status, output = struck(interrupted, signal.SIGINT, lambda: account.count(user) > 0)
    assert (status, "not done  function dt-pubsub" in output) == (1, True), output

    both = [user.starts("up", "--yes", "--no-verify")]
    time.sleep(1)
    both.append(user.starts("up", "--yes", "--no-verify"))
    for process in both:
        process.communicate(timeout=400)
    user.brings_up()
    assert len(user.connectors()) == 1
    user.finds_nothing_to_do()
    status, output = user.runs("verify")
    assert (status, "came through DT's connector as message" in output) == (0, True), output
    assert user.both_clouds.dt.devices.names() == []
