"""Down where only half is there, with the real gcloud, and the network stumbles meanwhile."""

from tests.real_gcloud.user import REAL_GCLOUD, REFUSAL, STEPS, User

pytestmark = REAL_GCLOUD


def test_what_is_half_made_is_removed_however_often_that_takes(user: User) -> None:
    next(step for step in STEPS if step.path.endswith("addVersion")).fails(user)
    assert user.runs("up", "--yes")[0] == 1
    assert sorted(name.split("/")[-2] for name in user.sky.left()) == [
        *("secrets", "serviceAccounts"),
        *("subscriptions", "subscriptions", "topics", "topics"),
    ]

    user.sky.faults.fail(403, REFUSAL, host="pubsub.googleapis.com", method="DELETE", path="*/topics/dt-rejected")
    status, told = user.runs("down", "--yes")
    assert (status, "done      secret dt-signature" in told, "not done  topic dt-events" in told) == (1, True, True)
    assert told.endswith("mend it: python -m deploy down\n"), told

    status, told = user.runs("down", "--yes")
    assert (status, user.sky.left()) == (0, []), told

    user.sky.log.clear()
    status, told = user.runs("down", "--yes")
    assert (status, user.changes()) == (0, []), told
