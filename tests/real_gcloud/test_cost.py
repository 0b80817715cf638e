"""The profile ``large`` with the real ``gcloud``: billing by instance, and the exclusion of the log."""

import pytest

from tests.real_gcloud.user import REAL_GCLOUD, User

pytestmark = REAL_GCLOUD

LARGE = {"DEPLOY_COST_PROFILE": "large", "DEPLOY_COST_SENSORS": "100000"}
OURS = "dt-pubsub-dt-pubsub-requests"


def test_the_large_profile_is_billed_by_instance_and_a_plan_is_empty_then(owner: User) -> None:
    google = owner.both_clouds.google
    google.log_exclusions.items["theirs"] = {"name": "theirs", "filter": "severity=DEBUG"}
    status, output = owner.runs("plan", environ={**owner.environ, **LARGE})
    assert (status, "billing request -> instance" in output) == (2, True), output
    assert "a month at 100,000 sensors (prices of" in output
    owner.brings_up(**LARGE)
    assert google.run.services["dt-pubsub"].is_throttled is False
    assert set(google.log_exclusions.items) == {OURS, "theirs"}
    status, output = owner.runs("plan", environ={**owner.environ, **LARGE})
    assert (status, owner.both_clouds.log.not_played()) == (0, []), output


@pytest.mark.thorough
def test_from_large_to_small_and_down_leave_only_what_is_not_ours(owner: User) -> None:
    google = owner.both_clouds.google
    google.log_exclusions.items["theirs"] = {"name": "theirs", "filter": "severity=DEBUG"}
    owner.brings_up(**LARGE)
    owner.brings_up(DEPLOY_COST_PROFILE="small")
    assert google.run.services["dt-pubsub"].is_throttled is True
    status, output = owner.runs("down", "--yes")
    assert (status, list(google.log_exclusions.items)) == (0, ["theirs"]), output
