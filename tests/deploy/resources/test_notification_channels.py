"""Notification channels: known by a digest of their address, of which Google shows only a part."""

import pytest

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


def test_a_channel_that_is_switched_off_by_hand_stays_so(alerted: Stage) -> None:
    (channel,) = alerted.api.channels.items.values()
    channel["enabled"] = False
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    assert "is there, switched off by hand" in alerted.shown


def test_an_address_is_the_same_in_any_case() -> None:
    assert digest_of("Ops@Example.com") == digest_of("ops@example.com")
    assert len(digest_of("ops@example.com")) <= 63
