"""The events of one device, sorted by time."""

from contextlib import closing

import pytest

from deploy.dt.history import HistoryEvent
from deploy.repair.backfill.chronology import Chronology, key_of, micros


def event(event_id: str, timestamp: str, raw: str = "{}") -> HistoryEvent:
    return HistoryEvent(event_id, "touch", timestamp, raw)


def sorted_ids(*events: HistoryEvent) -> list[str]:
    with closing(Chronology()) as chronology:
        for one in events:
            chronology.add(one)
        return [one.event_id for one in chronology.oldest_first()]


def test_events_are_sorted_by_time_whatever_its_zone_and_fraction() -> None:
    ids = sorted_ids(
        event("d", "2026-11-02T08:00:00.000001Z"),
        event("a", "2026-11-02T07:59:59.9Z"),
        event("c", "2026-11-02T09:00:00+01:00"),
        event("b", "2026-11-02T07:59:59.999999999Z"),
    )
    assert ids == ["a", "b", "c", "d"]


def test_events_of_the_same_time_come_in_the_reverse_of_dts_order() -> None:
    assert sorted_ids(*(event(name, "2026-11-02T08:00:00Z") for name in "cba")) == ["a", "b", "c"]


def test_an_event_that_is_listed_twice_is_kept_once() -> None:
    with closing(Chronology()) as chronology:
        added = [chronology.add(event("a", "2026-11-02T08:00:00Z")) for _ in range(2)]
        assert added == [True, False]
        assert len(list(chronology.oldest_first())) == 1


def test_events_without_an_id_are_told_apart_by_their_text() -> None:
    first, second = event("", "2026-11-02T08:00:00Z", '{"a":1}'), event("", "2026-11-02T08:00:00Z", '{"a":2}')
    assert key_of(first) != key_of(second)
    assert sorted_ids(first, second, first) == ["", ""]


@pytest.mark.parametrize("timestamp", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_an_event_without_a_time_is_the_oldest(timestamp: str) -> None:
    assert micros(event("a", timestamp)) == 0
    assert sorted_ids(event("b", "2026-11-02T08:00:00Z"), event("a", timestamp)) == ["a", "b"]


def test_an_event_comes_back_as_it_was_added() -> None:
    added = event("a", "2026-11-02T08:00:00Z", '{"value":27.0,"name":"\\u00e6æ"}')
    with closing(Chronology()) as chronology:
        chronology.add(added)
        assert list(chronology.oldest_first()) == [added]
