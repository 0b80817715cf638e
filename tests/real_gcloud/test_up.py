"""Up as its users run it, with the real gcloud: fresh, again, and with what passes by itself."""

import json

from tests.real_gcloud.user import REAL_GCLOUD, User

pytestmark = REAL_GCLOUD
CONFLICT = {"error": {"code": 409, "status": "ABORTED", "message": "There were concurrent policy changes."}}


def test_up_plan_up_again_down_with_everything_going_wrong_that_passes_by_itself(user: User) -> None:
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


def test_what_is_made_of_a_recorded_up_is_what_up_makes_and_it_works(owner: User) -> None:
    """The other tests begin with it: see tests/real_gcloud/recordings.py."""
    owner.finds_nothing_to_do()
    status, output = owner.runs("verify")
    assert (status, "came through DT's connector as message" in output) == (0, True), output
    assert owner.both_clouds.log.not_played() == []
