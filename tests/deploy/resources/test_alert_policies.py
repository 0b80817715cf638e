"""Alert policies: what a person has changed survives an update, which changes one field at a time."""

from typing import Any

import pytest

from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage

TOLD = Alerts(emails=("ops@example.com",), pages=runbook())
BY_HAND = f"projects/{PROJECT}/notificationChannels/77"


@pytest.fixture
def told(stage: Stage) -> Stage:
    """A finished deployment with alerts, and a channel that a person has made."""
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    stage.api.sent.clear()
    (ours,) = stage.api.channels.items.values()
    stage.api.channels.items[BY_HAND] = {**ours, "name": BY_HAND, "userLabels": {}}
    return stage


def stored(stage: Stage, key: str) -> dict[str, Any]:
    """Return a policy as Google has it, for changes by hand."""
    name = stage.api.policies[key]["name"]
    return stage.api.channels.policies.items[name]


def test_channels_labels_and_the_switch_that_a_person_has_set_are_no_difference_and_stay(told: Stage) -> None:
    policy = stored(told, "backlog")
    policy["notificationChannels"].append(BY_HAND)
    policy["enabled"] = False
    policy["userLabels"]["team"] = "cold-chain"
    assert told.deployment(alerts=TOLD).plan() == NOTHING_TO_DO
    assert "is there, switched off by hand" in told.shown
    policy["displayName"] = "changed"
    assert told.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    after = stored(told, "backlog")
    assert after["displayName"].endswith("events are not read")
    assert after["notificationChannels"][-1] == BY_HAND
    assert after["enabled"] is False
    assert after["userLabels"]["team"] == "cold-chain"


def test_an_update_names_only_the_fields_that_differ_so_that_an_absence_is_not_armed_anew(told: Stage) -> None:
    stored(told, "no-events")["severity"] = "WARNING"
    told.deployment(alerts=TOLD).up(verify=False)
    ((method, url),) = told.api.changes()
    assert (method, url.partition("?")[2]) == ("PATCH", "updateMask=severity")


def test_our_label_that_was_changed_with_others_added_is_set_again_and_the_others_stay(told: Stage) -> None:
    stored(told, "backlog")["userLabels"] |= {"team": "x"}
    labels = {"site": "oslo"}
    assert told.deployment(labels=labels, alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert (
        stored(told, "backlog")["userLabels"] | {"site": "oslo", "team": "x"} == stored(told, "backlog")["userLabels"]
    )
    assert told.deployment(labels=labels, alerts=TOLD).plan() == NOTHING_TO_DO


def test_a_threshold_changed_by_hand_stays_unless_a_setting_names_it(told: Stage) -> None:
    stored(told, "backlog")["conditions"][0]["conditionThreshold"]["thresholdValue"] = 7200
    stored(told, "no-events")["conditions"][0]["conditionAbsent"]["duration"] = "7200s"
    assert told.deployment(alerts=TOLD).plan() == NOTHING_TO_DO
    told.out.truncate(0)
    told.out.seek(0)
    limits = {"unread_hours": 1, "no_events_hours": 5}
    named = Alerts(emails=TOLD.emails, pages=TOLD.pages, thresholds=limits)
    assert told.deployment(alerts=named).plan() == CHANGES
    assert "thresholdValue 7200 -> 3600" in told.shown
    assert "conditionAbsent.duration 7200s -> 18000s" in told.shown


def test_an_update_of_conditions_keeps_their_names_and_so_their_history(told: Stage) -> None:
    before = [condition["name"] for condition in stored(told, "backlog")["conditions"]]
    stored(told, "backlog")["conditions"][1]["conditionThreshold"]["duration"] = "600s"
    assert told.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert [condition["name"] for condition in stored(told, "backlog")["conditions"]] == before


def test_a_condition_that_was_added_by_hand_goes_and_the_plan_says_so(told: Stage) -> None:
    conditions = stored(told, "memory")["conditions"]
    conditions.append({**conditions[0], "displayName": "another", "name": "n"})
    assert told.deployment(alerts=TOLD).plan() == CHANGES
    assert "conditions 2 items -> 1 items" in told.shown


def test_a_channel_of_the_settings_is_added_and_one_of_a_person_stays(told: Stage) -> None:
    both = Alerts(emails=TOLD.emails, channels=(BY_HAND,), pages=TOLD.pages)
    assert told.deployment(alerts=both).up(verify=False) == NOTHING_TO_DO
    assert all(policy["notificationChannels"][-1] == BY_HAND for policy in told.api.policies.values())
    assert told.deployment(alerts=TOLD).plan() == NOTHING_TO_DO


def test_a_policy_that_loses_its_label_during_an_up_is_not_changed_and_another_is_made(told: Stage) -> None:
    policy = stored(told, "memory")
    policy["severity"] = "CRITICAL"
    sent = told.api.sent

    def taken(argv: tuple[str, ...]) -> None:
        if argv[:2] == ("billing", "projects"):
            policy["userLabels"] = {}

    told.google.before = taken
    told.deployment(alerts=TOLD).up(verify=False)
    assert policy["severity"] == "CRITICAL"
    assert [method for method, _ in sent if method != "GET"] == ["POST"]
    assert len(told.api.channels.policies.items) == 10


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
