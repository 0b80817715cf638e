"""Notification channels: known by a digest of their address, of which Google shows only a part."""

import pytest

from deploy.google.https import Call
from deploy.resources.notification_channels import digest_of
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
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
