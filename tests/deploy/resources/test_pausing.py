"""Pausing and resuming: what is remembered, and of which time DT delivers no events."""

import pytest

from deploy.resources.connector import Connector
from deploy.resources.memory import paused_words, read_memory
from deploy.resources.pausing import Undelivered, now_written, paused_after_pause
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


def test_the_time_without_deliveries_is_said_with_how_long_dt_keeps_the_events() -> None:
    assert Undelivered("p1", SINCE, NOW).sentence() == (
        f"p1: DT delivers no events from {SINCE} to {NOW}; DT's history of each device has them for 30 days, the first "
        "until 2026-12-02T08:13:15Z"
    )
    unknown = Undelivered("p1", "", NOW)
    assert "since when is not known" in unknown.sentence()
    assert unknown.as_json() == {"dtProject": "p1", "from": None, "until": NOW}


def test_times_are_written_in_utc() -> None:
    assert now_written(0.9) == "1970-01-01T00:00:00Z"
