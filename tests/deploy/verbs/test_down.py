"""``down`` against both clouds in memory."""

from dataclasses import replace

import pytest

from deploy.errors import Aborted, DeployError
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import URL
from tests.deploy.stage import Deployment, Stage


def test_down_leaves_a_connector_made_by_hand_alone_although_it_is_older(up: Stage) -> None:
    push = {"url": URL, "signatureSecret": "of-their-own" * 4, "headers": {}}
    by_hand = up.dt.has_connector(displayName="Fridges", events=["touch"], httpConfig=push)
    up.dt.connectors[DT_PROJECT].reverse()
    by_hand["name"] = f"projects/{DT_PROJECT}/dataconnectors/dc0"
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert len(up.dt.connectors[DT_PROJECT]) == 2
    assert (by_hand["events"], by_hand["httpConfig"]["signatureSecret"]) == (["touch"], "of-their-own" * 4)
    assert up.deployment().down() == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT] == [by_hand]


def test_down_removes_a_secret_whose_newest_version_is_destroyed(up: Stage) -> None:
    up.google.newest_version = "DESTROYED"
    assert up.deployment().down() == NOTHING_TO_DO
    assert up.google.things == {}


def test_down_removes_everything_on_both_ends(up: Stage) -> None:
    up.dt.has_connector(displayName="somebody else's")
    assert up.deployment().down() == NOTHING_TO_DO
    assert up.google.things == {}
    assert [connector["displayName"] for connector in up.dt.connectors[DT_PROJECT]] == ["somebody else's"]


def test_down_leaves_another_deployments_connector_of_the_same_name(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["displayName"] = "Events"
    push = {"url": "https://dt-pubsub-otherproj9-ew.a.run.app", "signatureSecret": "theirs", "headers": {}}
    theirs = up.dt.has_connector(displayName="Events", httpConfig=push)
    assert up.deployment(connector_name="Events").down() == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT] == [theirs]


def test_down_finds_a_connector_by_our_secret_when_the_function_is_gone_already(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["displayName"] = "Events"
    del up.google.things["functions", "dt-pubsub"]
    assert up.deployment(connector_name="Events").down() == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT] == []


def test_down_stops_dt_before_it_removes_the_function(up: Stage) -> None:
    up.google.before = lambda argv: None if "delete" not in argv else _no_connector_is_left(up)
    up.deployment().down()


def _no_connector_is_left(stage: Stage) -> None:
    assert stage.dt.connectors[DT_PROJECT] == []


def test_down_leaves_what_is_not_marked(up: Stage) -> None:
    up.google.things["topics", "dt-events"]["labels"] = {}
    up.deployment().down()
    assert list(up.google.things) == [("topics", "dt-events")]


def test_down_asks_for_confirmation(up: Stage) -> None:
    with pytest.raises(Aborted):
        up.deployment(yes=False, answer="n\n").down()
    assert len(up.google.things) == 7


def test_down_before_the_first_up_succeeds(stage: Stage) -> None:
    assert stage.deployment().down() == NOTHING_TO_DO
    assert not [argv for argv in stage.google.asked if argv[0] == "pubsub"]


def test_a_second_down_succeeds(up: Stage) -> None:
    up.deployment().down()
    assert up.deployment().down() == NOTHING_TO_DO
    assert "nothing to do: nothing of dt-pubsub is there" in up.shown


def test_down_says_before_and_after_how_many_unread_messages_go_with_the_subscriptions(up: Stage) -> None:
    up.unread = {"dt-events": (12, 60), "dt-rejected": (1, 5)}
    assert up.deployment(yes=False, answer="y\n").down() == NOTHING_TO_DO
    assert "; 12 unread messages go with it, as Google counted them in the last minutes" in up.shown
    assert "; 1 unread message goes with it, as Google counted it in the last minutes" in up.shown
    assert "delete 9 resources and 13 unread messages permanently? [y/N]" in up.noted
    assert up.shown.endswith(
        "dt-pubsub is removed: 9 resources and 13 unread messages are deleted; what stays is marked = above\n"
    )


def test_down_counts_only_the_messages_of_subscriptions_that_it_deletes(up: Stage) -> None:
    up.unread = {"dt-events": (12, 60), "dt-rejected": (0, 0)}
    up.google.things["subscriptions", "dt-events"]["labels"] = {}
    up.deployment(yes=False, answer="y\n").down()
    assert "; no unread messages go with it" in up.shown
    assert "unread" not in up.noted
    assert "dt-pubsub is removed: 8 resources are deleted; what stays is marked = above" in up.shown


@pytest.mark.parametrize("answer", ["refused", "nonsense", "none yet"])
def test_down_works_without_the_number_of_unread_messages(up: Stage, answer: str) -> None:
    up.unread = {}
    if answer == "refused":
        up.monitoring_fails = DeployError("its API is disabled", where="Cloud Monitoring")
    context = up.deployment().context
    if answer == "nonsense":
        context = replace(context, read_time_series=lambda *_: [{"points": [{}], "resource": {}}])
    assert Deployment(context).down() == NOTHING_TO_DO
    assert "; messages not yet read go with it" in up.shown
    assert "dt-pubsub is removed: 9 resources are deleted" in up.shown
    assert up.google.things == {}
