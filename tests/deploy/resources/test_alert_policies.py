"""Alert policies: what a person has changed survives an update, which changes one field at a time."""

from typing import Any

import pytest

from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())
BY_HAND = f"projects/{PROJECT}/notificationChannels/77"


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts, and a channel that a person has made."""
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    stage.api.sent.clear()
    (ours,) = stage.api.channels.items.values()
    stage.api.channels.items[BY_HAND] = {**ours, "name": BY_HAND, "userLabels": {}}
    return stage


def stored(stage: Stage, key: str) -> dict[str, Any]:
    """Return a policy as Google has it, for changes by hand."""
    name = stage.api.policies[key]["name"]
    return stage.api.channels.policies.items[name]


def test_channels_labels_and_the_switch_that_a_person_has_set_are_no_difference_and_stay(alerted: Stage) -> None:
    policy = stored(alerted, "backlog")
    policy["notificationChannels"].append(BY_HAND)
    policy["enabled"] = False
    policy["userLabels"]["team"] = "cold-chain"
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    assert "is there, switched off by hand" in alerted.shown
    policy["displayName"] = "changed"
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    after = stored(alerted, "backlog")
    assert after["displayName"].endswith("events are not read")
    assert after["notificationChannels"][-1] == BY_HAND
    assert after["enabled"] is False
    assert after["userLabels"]["team"] == "cold-chain"


def test_an_update_names_only_the_fields_that_differ_so_that_an_absence_is_not_armed_anew(alerted: Stage) -> None:
    stored(alerted, "no-events")["severity"] = "WARNING"
    alerted.deployment(alerts=WITH_ALERTS).up(verify=False)
    ((method, url),) = alerted.api.changes()
    assert (method, url.partition("?")[2]) == ("PATCH", "updateMask=severity")


def test_our_label_that_was_changed_with_others_added_is_set_again_and_the_others_stay(alerted: Stage) -> None:
    stored(alerted, "backlog")["userLabels"] |= {"team": "x"}
    labels = {"site": "oslo"}
    assert alerted.deployment(labels=labels, alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert (
        stored(alerted, "backlog")["userLabels"] | {"site": "oslo", "team": "x"}
        == stored(alerted, "backlog")["userLabels"]
    )
    assert alerted.deployment(labels=labels, alerts=WITH_ALERTS).plan() == NOTHING_TO_DO


def test_a_threshold_changed_by_hand_stays_unless_a_setting_names_it(alerted: Stage) -> None:
    stored(alerted, "backlog")["conditions"][0]["conditionThreshold"]["thresholdValue"] = 7200
    stored(alerted, "no-events")["conditions"][0]["conditionAbsent"]["duration"] = "7200s"
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    alerted.out.truncate(0)
    alerted.out.seek(0)
    limits = {"unread_hours": 1, "no_events_hours": 5}
    named = Alerts(emails=WITH_ALERTS.emails, pages=WITH_ALERTS.pages, thresholds=limits)
    assert alerted.deployment(alerts=named).plan() == CHANGES
    assert "thresholdValue 7200 -> 3600" in alerted.shown
    assert "conditionAbsent.duration 7200s -> 18000s" in alerted.shown


def test_a_threshold_that_no_setting_can_name_stays_too_and_so_does_one_of_zero_which_google_leaves_out(
    alerted: Stage,
) -> None:
    stored(alerted, "rejected")["conditions"][0]["conditionThreshold"]["thresholdValue"] = 10
    stored(alerted, "instances")["conditions"][0]["conditionThreshold"]["thresholdValue"] = 3.5
    del stored(alerted, "server-errors")["conditions"][0]["conditionThreshold"]["thresholdValue"]
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    for key in ("rejected", "server-errors"):
        stored(alerted, key)["conditions"][0]["conditionThreshold"]["trigger"] = {"count": 2}
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert stored(alerted, "rejected")["conditions"][0]["conditionThreshold"]["thresholdValue"] == 10
    assert "thresholdValue" not in stored(alerted, "server-errors")["conditions"][0]["conditionThreshold"]
    assert stored(alerted, "server-errors")["conditions"][0]["conditionThreshold"]["trigger"] == {"count": 1}


def test_an_update_of_conditions_keeps_their_names_and_so_their_history(alerted: Stage) -> None:
    before = [condition["name"] for condition in stored(alerted, "backlog")["conditions"]]
    stored(alerted, "backlog")["conditions"][1]["conditionThreshold"]["duration"] = "600s"
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert [condition["name"] for condition in stored(alerted, "backlog")["conditions"]] == before


def test_a_condition_that_was_added_by_hand_goes_and_the_plan_says_so(alerted: Stage) -> None:
    conditions = stored(alerted, "memory")["conditions"]
    conditions.append({**conditions[0], "displayName": "another", "name": "n"})
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == CHANGES
    assert "conditions 2 items -> 1 items" in alerted.shown


def test_a_channel_of_the_settings_is_added_and_one_of_a_person_stays(alerted: Stage) -> None:
    both = Alerts(emails=WITH_ALERTS.emails, channels=(BY_HAND,), pages=WITH_ALERTS.pages)
    assert alerted.deployment(alerts=both).up(verify=False) == NOTHING_TO_DO
    assert all(policy["notificationChannels"][-1] == BY_HAND for policy in alerted.api.policies.values())
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO


def test_a_policy_that_loses_its_label_during_an_up_is_not_changed_and_another_is_made(alerted: Stage) -> None:
    policy = stored(alerted, "memory")
    policy["severity"] = "CRITICAL"
    sent = alerted.api.sent

    def taken(argv: tuple[str, ...]) -> None:
        if argv[:2] == ("billing", "projects"):
            policy["userLabels"] = {}

    alerted.google.before = taken
    alerted.deployment(alerts=WITH_ALERTS).up(verify=False)
    assert policy["severity"] == "CRITICAL"
    assert [method for method, _ in sent if method != "GET"] == ["POST"]
    assert len(alerted.api.channels.policies.items) == 10


def test_only_channels_by_name_need_no_channel_of_our_own(stage: Stage) -> None:
    stage.api.channels.items[BY_HAND] = {
        "name": BY_HAND,
        "type": "email",
        "labels": {"email_address": "a@b.org"},
    }
    only = Alerts(channels=(BY_HAND,), pages=runbook())
    assert stage.deployment(alerts=only).up(verify=False) == NOTHING_TO_DO
    assert list(stage.api.channels.items) == [BY_HAND]
    assert all(policy["notificationChannels"] == [BY_HAND] for policy in stage.api.policies.values())
