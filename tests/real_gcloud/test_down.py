"""``down`` of a half-made deployment, with the real gcloud, while the network fails now and then."""

from tests.real_gcloud.user import REAL_GCLOUD, REFUSAL, STEPS, User

pytestmark = REAL_GCLOUD


def test_a_half_made_deployment_is_removed_after_repeated_downs(user: User) -> None:
    next(step for step in STEPS if step.path.endswith("addVersion")).fails(user)
    assert user.runs("up", "--yes")[0] == 1
    assert sorted(name.split("/")[-2] for name in user.both_clouds.left()) == [
        *("secrets", "serviceAccounts"),
        *("subscriptions", "subscriptions", "topics", "topics"),
    ]

    user.both_clouds.faults.fail(
        403, REFUSAL, host="pubsub.googleapis.com", method="DELETE", path="*/topics/dt-rejected"
    )
    status, output = user.runs("down", "--yes")
    assert (status, "  done      topic dt-events" in output, "  not done  topic dt-rejected" in output) == (
        1,
        True,
        True,
    )
    assert output.endswith("fix: python -m deploy down\n"), output

    status, output = user.runs("down", "--yes")
    assert (status, user.both_clouds.left()) == (0, []), output

    user.both_clouds.log.clear()
    status, output = user.runs("down", "--yes")
    assert (status, user.changes()) == (0, []), output
