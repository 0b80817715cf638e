"""Pausing and resuming: what is remembered, and of which time DT delivers no events."""

import pytest

from deploy.resources.connector import Connector
from deploy.resources.memory import paused_words, read_memory
from deploy.resources.pausing import (
    RETRY_HOURS,
    Undelivered,
    losses,
    paused_after_pause,
    plan_pause,
    plan_resume,
    since_with_new,
    undelivered,
)
from deploy.steps import Change, ConnectorCall
from tests.deploy.stage import spec

SINCE = "2026-11-02T08:13:15Z"
NOW = "2026-11-03T08:13:15Z"


def memory_of(annotation: str) -> dict[str, str]:
    labels, annotations = {"dt-pubsub": "dt-pubsub"}, {"dt-pubsub-paused": annotation}
    return dict(read_memory(spec(), {"secret": {"labels": labels, "annotations": annotations}}).paused_since)


def test_what_is_written_is_read_again() -> None:
    since = {"p2/dc2": NOW, "p1/dc1": SINCE}
    assert paused_words(since) == f"p1/dc1@{SINCE}+p2/dc2@{NOW}"
    assert memory_of(paused_words(since)) == since
    assert memory_of(paused_words({})) == {}


@pytest.mark.parametrize("word", ["", "none", "p1", "p1/dc1", "p1/dc1@yesterday", "p1/dc1@2026-11-02", "@", "/@"])
def test_a_note_that_cannot_be_read_counts_for_nothing(word: str) -> None:
    assert memory_of(f"{word}+p2/dc2@{NOW}") == {"p2/dc2": NOW}


def test_the_first_time_of_a_pause_is_kept_and_a_pause_by_hand_is_not_noted() -> None:
    paused = "USER_DISABLED"
    owned = {
        "p1": [Connector("dc1", status=paused)],
        "p2": [Connector("dc2", status=paused)],
        "p3": [Connector("dc3")],
        "p4": [Connector("dc4")],
    }
    since = {"p1/dc1": SINCE, "p4/dc4": SINCE, "p9/gone": SINCE}
    assert paused_after_pause(owned, since, NOW) == {"p1/dc1": SINCE, "p3/dc3": NOW, "p4/dc4": NOW}


PAUSED = [Connector("dc1", status="USER_DISABLED")]


def test_a_connector_that_is_made_during_a_pause_is_remembered_by_its_project_until_the_next_pause() -> None:
    since = {"p1/dc1": SINCE, "p4/dc4": NOW}
    owned = {"p1": PAUSED, "p2": [], "p4": [Connector("dc4", status="USER_DISABLED")], "p5": []}
    added = since_with_new(owned, since, ["p1", "p2", "p3", "p4"])
    assert added == {**since, "p2/new": NOW, "p3/new": NOW}
    made = {**owned, "p2": [Connector("dc2", status="USER_DISABLED")]}
    assert paused_after_pause(made, added, "later") == {"p1/dc1": SINCE, "p2/dc2": NOW, "p4/dc4": NOW}


@pytest.mark.parametrize(
    ("owned", "since", "named"),
    [
        ({"p1": PAUSED, "p2": []}, {}, ["p1", "p2"]),
        ({"p1": PAUSED}, {"p1/dc1": SINCE}, ["p1"]),
        ({"p1": [Connector("dc1")], "p2": []}, {"p1/dc1": SINCE}, ["p1", "p2"]),
        ({"p1": PAUSED, "p2": [Connector("dc2")], "p3": []}, {"p1/dc1": SINCE}, ["p1", "p2", "p3"]),
        ({"p1": [], "p2": []}, {}, ["p1", "p2"]),
    ],
    ids=["paused by hand", "nothing new", "resumed by hand", "one is active", "nothing there"],
)
def test_nothing_new_is_remembered_unless_all_connectors_are_paused_by_the_command(
    owned: dict[str, list[Connector]], since: dict[str, str], named: list[str]
) -> None:
    assert since_with_new(owned, since, named) == {}


def test_what_is_missing_after_dt_switched_a_connector_off_is_said_with_where_it_is() -> None:
    gap = Undelivered("p1", "", NOW, was_off=True)
    assert gap.sentence().startswith("p1: DT had switched the connector off after five days of failed deliveries, and ")
    assert "neither those that failed for more than 12 h before it went off, nor any since" in gap.sentence()
    command = "`python -m deploy backfill --from=TIME` sends those of the last 30 days from DT's history"
    assert gap.sentence().endswith(command)


def test_the_time_without_deliveries_is_said_with_how_long_dt_keeps_the_events() -> None:
    assert Undelivered("p1", SINCE, NOW).sentence() == (
        f"p1: DT delivers no events from {SINCE} to {NOW}; `python -m deploy backfill --from={SINCE} --to={NOW}` sends "
        "them from DT's history, which has the first until 2026-12-02T08:13:15Z"
    )
    unknown = Undelivered("p1", "", NOW)
    assert "since when is not known" in unknown.sentence()
    assert unknown.as_json() == {"dtProject": "p1", "from": None, "until": NOW}


ON, OFF = Connector("dc1"), Connector("dc1", status="USER_DISABLED")
SWITCHED_OFF = Connector("dc1", status="SYSTEM_DISABLED")
NONE_THERE = "there is no connector of this deployment"


@pytest.mark.parametrize(
    ("connector", "since", "action", "reason"),
    [
        (ON, {}, "update", "dc1 is ACTIVE"),
        (SWITCHED_OFF, {}, "update", "dc1: DT has switched it off; paused, it stays off also after up"),
        (OFF, {"p1/dc1": SINCE}, "keep", f"dc1 is paused (USER_DISABLED) since {SINCE}, and stays so"),
        (OFF, {}, "keep", "dc1 is paused (USER_DISABLED), and stays so"),
    ],
)
def test_a_pause_sets_what_is_not_paused_and_says_since_when_the_rest_is(
    connector: Connector, since: dict[str, str], action: str, reason: str
) -> None:
    step, absent = plan_pause({"p1": [connector], "p2": []}, since)
    assert (step.action, step.resource) == (action, "connector in p1")
    assert step.reason.startswith(reason)
    assert (absent.action, absent.resource, absent.reason) == ("keep", "connector in p2", NONE_THERE)
    if action == "update":
        assert step.changes == (Change("status", connector.status, "USER_DISABLED"),)
        assert step.call == ConnectorCall("PATCH", "p1", "dc1", {"status": "USER_DISABLED"})


GOES_OFF_AGAIN = (
    "dc1 is SYSTEM_DISABLED: switched off by DT, after five days of failed deliveries, and not paused: "
    "it goes off again unless the cause is gone"
)


@pytest.mark.parametrize(
    ("connector", "since", "flags", "action", "reason"),
    [
        (ON, {}, "", "keep", "dc1 is ACTIVE"),
        (ON, {"p1/dc1": SINCE}, "", "keep", f"dc1 is ACTIVE; it was paused at {SINCE}, and resumed since"),
        (OFF, {"p1/dc1": SINCE}, "", "update", f"dc1 was paused at {SINCE}"),
        (OFF, {}, "--all", "update", "dc1 was paused in DT Studio, since when is not known"),
        (
            *(OFF, {}, "", "keep"),
            "dc1 was paused in DT Studio, and not by `python -m deploy pause`: it stays so, unless --all is given",
        ),
        (SWITCHED_OFF, {}, "", "update", GOES_OFF_AGAIN),
    ],
)
def test_a_resumption_sets_what_pause_has_paused_and_leaves_a_pause_by_hand_unless_it_is_asked_for(
    connector: Connector, since: dict[str, str], flags: str, action: str, reason: str
) -> None:
    step, absent = plan_resume({"p1": [connector], "p2": []}, since, by_hand=bool(flags))
    assert (step.action, step.resource, step.reason) == (action, "connector in p1", reason)
    assert (absent.action, absent.resource, absent.reason) == ("keep", "connector in p2", NONE_THERE)
    if action == "update":
        assert step.changes == (Change("status", connector.status, "ACTIVE"),)
        assert step.call == ConnectorCall("PATCH", "p1", "dc1", {"status": "ACTIVE"})
        was_off = connector is SWITCHED_OFF
        assert undelivered((step, absent), since, NOW) == [Undelivered("p1", since.get("p1/dc1", ""), NOW, was_off)]


def test_what_a_pause_loses_is_said_for_each_project_once() -> None:
    steps = plan_pause({"p1": [ON, Connector("dc2")], "p2": [ON], "p3": []}, {})
    text = losses(steps)
    assert text.startswith("During the pause DT sends nothing from p1, p2, and does not send it later.")
    assert f"for up to {RETRY_HOURS} h, are dropped, too.\nDT's history keeps the events for 30 days: `" in text
