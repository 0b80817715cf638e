"""``plan`` against both clouds in memory."""

from deploy.dt.calls import DtAnswer
from deploy.spec import CostSettings
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage


def test_a_plan_after_up_is_empty_and_says_so(up: Stage) -> None:
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "nothing to do" in up.shown


def test_plan_shows_changes_and_makes_none(stage: Stage) -> None:
    assert stage.deployment().plan() == CHANGES
    assert stage.google.changes() == []
    assert "gcloud pubsub topics create dt-events" in stage.shown


def test_a_plan_in_json_is_one_document(stage: Stage) -> None:
    stage.deployment(in_json=True).plan()
    printed = stage.in_json()
    assert printed["changes"] == 15
    assert printed["steps"][2] == {
        "action": "create",
        "resource": "topic dt-events",
        "reason": "not there",
        "changes": [],
        "call": f"gcloud pubsub topics create dt-events --labels=dt-pubsub=dt-pubsub --project={PROJECT}",
    }


def test_the_secret_is_passed_only_through_standard_input(up: Stage) -> None:
    up.deployment(in_json=True).plan()
    everything = f"{up.shown}{up.noted}{up.google.asked}"
    assert len(up.secret()) == 64
    assert up.secret() not in everything


def test_settings_made_by_hand_are_shown_and_left_alone(up: Stage) -> None:
    served = up.google.things["functions", "dt-pubsub"]["serviceConfig"]
    served |= {"minInstanceCount": 2, "availableMemory": "1Gi"}
    served["environmentVariables"]["LOG_LEVEL"] = "DEBUG"
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "left alone: memory 1Gi, min_instances 2" in up.shown


def test_a_busy_page_of_dt_is_requested_again(up: Stage) -> None:
    up.dt.stumbles = [DtAnswer(429, {"error": "too many requests"}, "7")]
    numbered = up.deployment(cost=CostSettings(sensors=1_000))  # a set number, so that no count takes the refusal
    assert numbered.plan() == NOTHING_TO_DO
    assert "again in 7 s" in up.noted
