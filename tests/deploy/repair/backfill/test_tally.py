"""What a backfill has found and sent, and how long the rest takes."""

import pytest

from deploy.dt.history import HistoryDevice, HistoryEvent
from deploy.repair.backfill.tally import MOST_NAMED, NotOnMain, Tally, remaining_s, rows

DEVICE = HistoryDevice("p", "d", "touch", "", {"name": "Door"})
EVENT = HistoryEvent("", "", "", "{}")


@pytest.mark.parametrize(
    ("finished", "total", "left_s"), [(0, 10, None), (2, None, None), (2, 10, 80.0), (10, 10, 0.0), (11, 10, None)]
)
def test_the_estimate_goes_by_finished_devices_and_says_nothing_that_is_not_known(
    finished: int, total: int | None, left_s: float | None
) -> None:
    assert remaining_s(finished * 10.0, finished, total) == left_s


def test_the_sentence_counts_what_became_of_the_events() -> None:
    tally = Tally(skipped=1)
    for outcome in ("published", "refused", "failed", "before"):
        tally.count(DEVICE, "touch", outcome)
    tally.finish(DEVICE, "DT did not answer")
    assert tally.sentence() == (
        "4 events of 0 devices in DT's history, 2 on the main topic, 1 refused, 1 failed, "
        "1 device could not be read, 1 device finished by an earlier run"
    )
    assert (tally.missing, tally.failures_in_a_row, tally.done()) == (2, 0, set())


def test_only_failures_without_a_published_event_between_them_are_in_a_row() -> None:
    tally, counted = Tally(), []
    for outcome in ("failed", "refused", "failed", "published", "failed"):
        tally.count(DEVICE, "touch", outcome)
        counted.append(tally.failures_in_a_row)
    assert counted == [1, 1, 2, 0, 1]


def test_only_refusals_without_a_published_event_between_them_are_in_a_row() -> None:
    tally, counted = Tally(), []
    for outcome in ("refused", "failed", "refused", "before", "refused"):
        tally.count(DEVICE, "touch", outcome)
        counted.append(tally.refusals_in_a_row)
    assert counted == [1, 1, 2, 0, 1]


def test_the_table_has_a_row_for_each_device_and_one_for_all() -> None:
    tally = Tally()
    for event_type in ("touch", "", "touch"):
        tally.count(DEVICE, event_type, "")
    types = "touch 2, without a type 1"
    assert list(rows(tally)) == [("3", "d Door", types), ("3", "all", types)]


def test_an_event_without_anything_is_named_all_the_same() -> None:
    text = NotOnMain(EVENT, DEVICE, "refused", "no_envelope").text()
    assert text == "refused: event without an id, no type of d at no time: no_envelope"


def test_so_many_events_are_named_and_no_more() -> None:
    tally = Tally()
    for _ in range(MOST_NAMED + 1):
        tally.name(NotOnMain(EVENT, DEVICE, "failed", "503"))
    assert len(tally.as_json()["notOnMain"]) == MOST_NAMED
