"""Notification channels: known by a digest of their address, of which Google shows only a part."""

from typing import Any

import pytest

from deploy.google.calls import Call
from deploy.resources.notification_channels import NotificationChannels, address_in, channel_names, digest_of
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.steps import Get, RestCall
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage, spec

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    bring_up(stage, alerts=WITH_ALERTS)
    stage.api.sent.clear()
    return stage


def addresses(stage: Stage) -> set[str]:
    return {channel["labels"]["email_address"] for channel in stage.api.channels.items.values()}


def test_another_address_is_another_channel_and_the_first_goes_if_it_is_no_longer_named(alerted: Stage) -> None:
    more = Alerts(emails=("ops@example.com", "night@example.com"), pages=WITH_ALERTS.pages)
    assert alerted.deployment(alerts=more).up(verify=False) == NOTHING_TO_DO
    assert addresses(alerted) == {"ops@example.com", "night@example.com"}
    assert all(len(policy["notificationChannels"]) == 2 for policy in alerted.api.policies.values())
    other = Alerts(emails=("night@example.com",), pages=WITH_ALERTS.pages)
    assert alerted.deployment(alerts=other).up(verify=False) == NOTHING_TO_DO
    assert addresses(alerted) == {"night@example.com"}
    assert all(len(policy["notificationChannels"]) == 1 for policy in alerted.api.policies.values())
    assert alerted.deployment(alerts=other).plan() == NOTHING_TO_DO


def test_a_channel_that_others_policies_use_is_left_by_up_and_down(alerted: Stage) -> None:
    (name,) = alerted.api.channels.items
    theirs = f"projects/{PROJECT}/alertPolicies/5"
    alerted.api.channels.policies.items[theirs] = {
        "name": theirs,
        "displayName": "Disk is full",
        "userLabels": {"dt-pubsub-policy": "-"},
        "notificationChannels": [name],
    }
    other = Alerts(emails=("night@example.com",), pages=WITH_ALERTS.pages)
    assert alerted.deployment(alerts=other).up(verify=False) == NOTHING_TO_DO
    assert name in alerted.api.channels.items
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert "is left, because other alert policies use it: Disk is full" in alerted.shown
    assert [found.split("/")[2] for found in alerted.api.left()] == ["notificationChannels", "alertPolicies"]


def by_number(stage: Stage) -> None:
    """Let all policies name their channels with the number of the project, as Google may do."""
    for policy in stage.api.channels.policies.items.values():
        ids = [name.rpartition("/")[2] for name in policy["notificationChannels"]]
        policy["notificationChannels"] = [f"projects/104729/notificationChannels/{number}" for number in ids]


def theirs(stage: Stage, channel: str) -> None:
    """Add a policy of others that uses a channel."""
    name = f"projects/{PROJECT}/alertPolicies/5"
    stage.api.channels.policies.items[name] = {
        "name": name,
        "displayName": "Disk is full",
        "userLabels": {"dt-pubsub-policy": "-"},
        "notificationChannels": [channel],
    }


def test_a_channel_is_known_by_its_id_because_google_may_name_the_project_by_its_number(alerted: Stage) -> None:
    (name,) = alerted.api.channels.items
    theirs(alerted, name)
    by_number(alerted)
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    other = Alerts(emails=("night@example.com",), pages=WITH_ALERTS.pages)
    assert alerted.deployment(alerts=other).up(verify=False) == NOTHING_TO_DO
    assert name in alerted.api.channels.items, "others use it"
    (new,) = set(alerted.api.channels.items) - {name}
    ours = [policy for key, policy in alerted.api.policies.items() if key != "-"]
    assert all(policy["notificationChannels"] == [new] for policy in ours)
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert alerted.api.left() == [name, f"projects/{PROJECT}/alertPolicies/5"]


def test_a_channel_that_others_begin_to_use_after_the_plan_is_left(alerted: Stage) -> None:
    (name,) = alerted.api.channels.items

    def used(call: Call) -> None:
        if call.method == "DELETE" and "/dashboards/" in call.url:
            theirs(alerted, name)

    alerted.api.before = used
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert name in alerted.api.channels.items


def test_a_channel_that_is_switched_off_by_hand_stays_so(alerted: Stage) -> None:
    (channel,) = alerted.api.channels.items.values()
    channel["enabled"] = False
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    assert "is there, switched off by hand" in alerted.shown


def test_an_address_is_the_same_in_any_case() -> None:
    assert digest_of("Ops@Example.com") == digest_of("ops@example.com")
    assert len(digest_of("ops@example.com")) <= 63


API = f"https://monitoring.googleapis.com/v3/projects/{PROJECT}"
POLICIES = Get(f"{API}/alertPolicies", "alertPolicies")
TWO = NotificationChannels(spec(alerts=Alerts(emails=("ops@example.com", "night@example.com")), labels={"team": "air"}))
NAMES = f"projects/{PROJECT}/notificationChannels"


def channel(number: int, address: str, **changes: Any) -> dict[str, Any]:
    """Return a channel of ours, as Google has it."""
    marks = {"dt-pubsub": "dt-pubsub", "dt-pubsub-address": digest_of(address)}
    return {
        "name": f"{NAMES}/{number}",
        "displayName": f"dt-pubsub: {address}",
        "labels": {"email_address": "o***@example.com"},
        "userLabels": marks,
        **changes,
    }


def policy(*channels: str, **changes: Any) -> dict[str, Any]:
    """Return a policy of others that uses these channels."""
    return {"displayName": "Disk is full", "notificationChannels": list(channels), **changes}


def test_a_channel_is_made_with_its_address_and_a_digest_of_it_as_a_label() -> None:
    steps = TWO.plan({"channels": [channel(1, "ops@example.com")]})
    kept, made = steps
    assert (kept.action, kept.resource, kept.reason) == ("keep", "notification channel ops@example.com", "is there")
    assert (made.action, made.resource, made.reason) == (
        *("create", "notification channel night@example.com", "not there"),
    )
    assert made.call == RestCall(
        "POST",
        f"{API}/notificationChannels",
        {
            "type": "email",
            "displayName": "dt-pubsub: night@example.com",
            "labels": {"email_address": "night@example.com"},
            "userLabels": {
                "team": "air",
                "dt-pubsub": "dt-pubsub",
                "dt-pubsub-address": "f912f0b9fe03465928f7c53a696f29d6",
            },
        },
    )


def test_the_channels_are_listed_and_all_policies_too_if_one_of_the_channels_is_ours() -> None:
    assert TWO.describe == Get(f"{API}/notificationChannels", "notificationChannels")
    assert TWO.title == "notification channels"
    for details in (TWO.details, TWO.removal_details):
        ours, theirs = channel(1, "ops@example.com"), channel(2, "a@b.org", userLabels={"dt-pubsub": "site2-pubsub"})
        assert list(details([theirs, ours])) == [("policies", POLICIES)]
        assert list(details([theirs])) == list(details(None)) == []


def test_a_channel_belongs_to_an_address_by_its_digest_or_else_by_its_displayed_name() -> None:
    assert TWO.part_of(channel(1, "Night@example.com", displayName="mine")) == "night@example.com"
    assert TWO.part_of(channel(1, "old@example.com")) == "old@example.com"
    assert TWO.part_of(channel(1, "old@example.com", userLabels={"dt-pubsub": "site2-pubsub"})) == ""
    assert address_in({"displayName": "a: b: old@example.com"}) == "old@example.com"
    assert address_in({"userLabels": {"dt-pubsub-address": "d1"}}) == "d1"
    assert address_in({}) == ""


def test_a_channel_that_is_not_wanted_is_deleted_also_from_our_policies_and_one_that_others_use_is_kept() -> None:
    nobody = NotificationChannels(spec(alerts=Alerts(emails=())))
    found = [channel(2, "b@example.com"), channel(1, "a@example.com")]
    ours = policy(f"{NAMES}/1", userLabels={"dt-pubsub": "dt-pubsub"})
    theirs = policy(f"{NAMES}/7", "projects/104729/notificationChannels/2")
    facts = {"channels": found, "policies": [ours, theirs, {}, policy("2", displayName="Rain")]}
    first, second = nobody.removal(facts)
    assert (first.resource, first.reason) == ("notification channel a@example.com", "marked dt-pubsub=dt-pubsub")
    url = f"https://monitoring.googleapis.com/v3/{NAMES}/1?force=true"
    assert (first.action, first.call) == ("delete", RestCall("DELETE", url))
    assert (second.action, second.resource) == ("keep", "notification channel b@example.com")
    assert second.reason == "is left, because other alert policies use it: Disk is full, Rain"
    assert nobody.again(first, facts) == first.call
    assert nobody.again(first, {**facts, "policies": [policy(f"{NAMES}/2")]}) == first.call
    assert nobody.again(first, {**facts, "policies": [policy(f"{NAMES}/1")]}) is None
    assert nobody.again(first, {**facts, "channels": found[:1]}) is None


def test_a_policy_gets_the_first_channel_of_each_address_and_loses_those_that_are_not_wanted() -> None:
    found = [
        channel(3, "ops@example.com"),
        channel(1, "ops@example.com"),
        channel(2, "old@example.com"),
        channel(9, "a@b.org", userLabels={}),
    ]
    both = NotificationChannels(spec(alerts=Alerts(emails=TWO.spec.alerts.emails, channels=(f"{NAMES}/9",))))
    names, surplus = channel_names(both, {"channels": found})
    assert names == [f"{NAMES}/1", "<its name>: night@example.com", f"{NAMES}/9"]
    assert surplus == {"2", "3"}
    assert channel_names(NotificationChannels(spec()), {}) == ([], set())


def test_a_channel_that_is_there_twice_is_deleted_once() -> None:
    found = [channel(3, "ops@example.com"), channel(1, "ops@example.com"), channel(2, "night@example.com")]
    *kept, step = TWO.plan({"channels": found})
    assert [one.action for one in kept] == ["keep", "keep"]
    assert (step.action, step.resource, step.reason) == (
        *("delete", "notification channel ops@example.com", "is there twice"),
    )
    assert step.call == RestCall("DELETE", f"https://monitoring.googleapis.com/v3/{NAMES}/3?force=true")
