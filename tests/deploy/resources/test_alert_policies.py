"""Alert policies: what a person has changed survives an update, which changes one field at a time."""

import json
from typing import Any

import pytest

from deploy.resources.alert_definitions import alerts_of
from deploy.resources.alert_policies import AlertPolicies
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.steps import Get, RestCall, Step
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage, spec

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())
BY_HAND = f"projects/{PROJECT}/notificationChannels/77"


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts, and a channel that a person has made."""
    bring_up(stage, alerts=WITH_ALERTS)
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


API = f"https://monitoring.googleapis.com/v3/projects/{PROJECT}"
OURS = spec(alerts=Alerts(channels=(BY_HAND,)), labels={"site": "oslo"})
POLICIES = AlertPolicies(OURS)
MEMORY = next(alert for alert in alerts_of(OURS) if alert.key == "memory")
LABELS = {"site": "oslo", "dt-pubsub": "dt-pubsub", "dt-pubsub-policy": "memory"}


def memory(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return the policy ``memory`` as Google has it, but for these changes."""
    name = f"projects/{PROJECT}/alertPolicies/{number}"
    body: dict[str, Any] = json.loads(json.dumps(MEMORY.body))
    body["conditions"][0]["name"] = f"{name}/conditions/9"
    return {**body, "name": name, "userLabels": {**LABELS}, "notificationChannels": [BY_HAND], **changes}


def planned(*found: dict[str, Any]) -> Step:
    """Return the step of the policy ``memory``, the first one if there are two."""
    return next(step for step in POLICIES.plan({"policies": found}) if step.resource == "alert policy memory")


def test_a_new_policy_is_made_with_our_labels_and_all_channels() -> None:
    assert (POLICIES.title, POLICIES.describe) == ("alert policies", Get(f"{API}/alertPolicies", "alertPolicies"))
    assert list(POLICIES.details(None)) == [
        ("channels", Get(f"{API}/notificationChannels", "notificationChannels")),
    ]
    step = planned()
    assert (step.action, step.reason) == ("create", "not there")
    body = {**MEMORY.body, "userLabels": LABELS, "notificationChannels": [BY_HAND]}
    assert step.call == RestCall("POST", f"{API}/alertPolicies", body)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "is there"),
        ({"enabled": True}, "is there"),
        ({"enabled": False}, "is there, switched off by hand"),
        ({"notificationChannels": ["projects/104729/notificationChannels/77", "x/5"]}, "is there"),
    ],
)
def test_a_policy_is_kept_and_a_channel_is_known_by_its_id(changes: dict[str, Any], reason: str) -> None:
    step = planned(memory(**changes))
    assert (step.action, step.reason) == ("keep", reason)


@pytest.mark.parametrize(
    ("field", "there", "sent", "mask"),
    [
        ("displayName", "Mine", MEMORY.body["displayName"], "display_name"),
        ("documentation", {"content": "x"}, MEMORY.body["documentation"], "documentation"),
        ("userLabels", {**LABELS, "site": "x", "team": "air"}, {**LABELS, "team": "air"}, "user_labels"),
        ("combiner", "AND", "OR", "combiner"),
        ("severity", "ERROR", "WARNING", "severity"),
        ("alertStrategy", {"autoClose": "1s"}, MEMORY.body["alertStrategy"], "alert_strategy"),
        ("notificationChannels", ["x/5"], ["x/5", BY_HAND], "notification_channels"),
        ("conditions", [], list(MEMORY.body["conditions"]), "conditions"),
    ],
)
def test_an_update_sends_the_one_field_that_differs_and_names_it_in_its_mask(
    field: str, there: Any, sent: Any, mask: str
) -> None:
    step = planned(memory(**{field: there}))
    url = f"{API}/alertPolicies/1?updateMask={mask}"
    assert (step.action, step.call) == ("update", RestCall("PATCH", url, {field: sent}))


def test_two_fields_are_sent_in_one_request_and_the_first_of_two_policies_is_changed() -> None:
    step = planned(memory(2), memory(1, displayName="Mine", severity="ERROR"))
    body = {"displayName": MEMORY.body["displayName"], "severity": "WARNING"}
    assert step.call == RestCall("PATCH", f"{API}/alertPolicies/1?updateMask=display_name%2Cseverity", body)


def test_a_policy_without_channels_gets_ours() -> None:
    found = memory()
    del found["notificationChannels"]
    step = planned(found)
    assert isinstance(step.call, RestCall)
    assert step.call.body == {"notificationChannels": [BY_HAND]}


def test_a_policy_that_has_lost_all_conditions_gets_them_with_our_thresholds() -> None:
    found = memory()
    del found["conditions"]
    step = planned(found)
    assert isinstance(step.call, RestCall)
    assert step.call.body == {"conditions": [*MEMORY.body["conditions"]]}


@pytest.mark.parametrize(
    "condition", [{"displayName": "another", "conditionThreshold": {"thresholdValue": 3}}, {"conditionAbsent": {}}]
)
def test_a_condition_is_known_by_its_displayed_name(condition: dict[str, Any]) -> None:
    step = planned(memory(conditions=[condition]))
    assert isinstance(step.call, RestCall)
    assert step.call.body == {"conditions": [*MEMORY.body["conditions"]]}


def test_a_condition_that_has_become_another_kind_is_ours_again_with_our_threshold() -> None:
    name = MEMORY.body["conditions"][0]["displayName"]
    step = planned(memory(conditions=[{"name": "n", "displayName": name, "conditionAbsent": {"duration": "60s"}}]))
    assert isinstance(step.call, RestCall)
    assert step.call.body == {"conditions": [{**MEMORY.body["conditions"][0], "name": "n"}]}


def test_a_policy_belongs_to_a_deployment_by_its_labels() -> None:
    assert POLICIES.part_of(memory()) == "memory"
    for labels in ({"dt-pubsub": "site2-pubsub", "dt-pubsub-policy": "memory"}, {"dt-pubsub": "dt-pubsub"}, None):
        assert POLICIES.part_of(memory(userLabels=labels)) == ""


def test_a_policy_that_is_not_wanted_is_deleted_by_its_name() -> None:
    older = memory(7, userLabels={**LABELS, "dt-pubsub-policy": "older"})
    *_, twice, step = POLICIES.plan({"policies": [older, memory(3), memory(2)]})
    url = "https://monitoring.googleapis.com/v3/projects/{}/alertPolicies/{}"
    assert (twice.resource, twice.reason) == ("alert policy memory", "is there twice")
    assert twice.call == RestCall("DELETE", url.format(PROJECT, 3))
    assert (step.action, step.resource, step.reason) == ("delete", "alert policy older", "is no longer wanted")
    assert step.call == RestCall("DELETE", url.format(PROJECT, 7))


def test_a_refusal_to_list_policies_is_shown_in_a_removal_and_leaves_them() -> None:
    (step,) = POLICIES.removal({"refused": "no access", "policies": [memory()]})
    assert (step.action, step.resource) == ("keep", "alert policies")
    assert step.reason == "cannot be listed (no access): if there are any, they are left"


def test_a_removal_deletes_only_what_is_still_there_when_it_comes_to_it() -> None:
    (step,) = POLICIES.removal({"policies": [memory()]})
    assert step.reason == "marked dt-pubsub=dt-pubsub"
    assert POLICIES.again(step, {"policies": [memory(2), memory(1)]}) == step.call
    assert POLICIES.again(step, {"policies": [memory(2)]}) is None
    made = planned()
    assert POLICIES.again(made, {"policies": []}) == made.call
    assert POLICIES.again(made, {"policies": [memory()]}) is None
