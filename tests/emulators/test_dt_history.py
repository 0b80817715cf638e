"""The history of events in DT's stand-in: pages, times, types, the lag of its index, and faults on demand."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.emulators.clouds.dt.history import (
    KEPT,
    History,
    PageFault,
    circular,
    duplicated,
    overlapping,
    reordered,
)
from tests.emulators.clouds.dt.problems import Refusal
from tests.emulators.clouds.exchange import Request

DEVICE = "projects/p/devices/d"
NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)


class Clock:
    """The time of the history."""

    at = NOW

    def __call__(self) -> float:
        """Return unix seconds."""
        return self.at.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history(clock: Clock) -> History:
    """The history of ten touches, one in each of the last ten minutes."""
    history = History(now=clock)
    for minutes in range(10):
        history.keep(DEVICE, event(f"e{minutes}", NOW - timedelta(minutes=minutes)))
    return history


def event(event_id: str, at: datetime, event_type: str = "touch") -> dict[str, Any]:
    return {"eventId": event_id, "eventType": event_type, "timestamp": at.isoformat(), "data": {}}


def read(history: History, **parameters: Any) -> tuple[list[str], str]:
    """Return the ids on one page, and the token of the next."""
    target = f"/v2/{DEVICE}/events?{urlencode(parameters, doseq=True)}"
    answer = json.loads(history.answer(DEVICE, Request.from_target("GET", "api", target, {}, b"")).body)
    return [item["eventId"] for item in answer["events"]], answer["nextPageToken"]


def read_all(history: History, **parameters: Any) -> list[list[str]]:
    """Return the ids on all pages, at most ten of them."""
    pages, token = [], ""
    for _ in range(10):
        ids, token = read(history, **parameters, **({"pageToken": token} if token else {}))
        pages.append(ids)
        if not token:
            break
    return pages


def test_pages_have_the_newest_events_first(history: History) -> None:
    assert read_all(history, page_size=4) == [["e0", "e1", "e2", "e3"], ["e4", "e5", "e6", "e7"], ["e8", "e9"]]
    assert read_all(history, pageSize=10) == [[f"e{number}" for number in range(10)]]


def test_times_are_inclusive_and_types_can_be_chosen(history: History) -> None:
    history.keep(DEVICE, event("t", NOW - timedelta(minutes=3), "temperature"))
    bounds = {"startTime": "2026-11-02T07:57:00Z", "endTime": "2026-11-02T07:58:00Z"}
    assert read(history, **bounds) == (["e2", "t", "e3"], "")
    assert read(history, **bounds, eventTypes=["temperature", "humidity"]) == (["t"], "")


def test_an_event_is_listed_only_after_the_lag(history: History, clock: Clock) -> None:
    history.lag_s = 10.0
    assert read(history) == ([], "")
    clock.at += timedelta(seconds=10)
    assert len(read(history)[0]) == 10


def test_after_31_days_an_event_is_gone(history: History, clock: Clock) -> None:
    clock.at += KEPT - timedelta(minutes=5)
    assert read(history, startTime="2026-01-01T00:00:00Z") == (["e0", "e1", "e2", "e3", "e4", "e5"], "")


def test_an_event_stays_as_it_is_written(history: History) -> None:
    text = '{"eventId":"n","eventType":"touch","timestamp":"2026-11-02T08:00:00Z", "data":{"value":27.0,"e":1E2}}'
    history.keep(DEVICE, text)
    request = Request.from_target("GET", "api", f"/v2/{DEVICE}/events?page_size=1", {}, b"")
    assert text.encode() in history.answer(DEVICE, request).body


@pytest.mark.parametrize(
    "parameters",
    [
        {"startTime": "yesterday"},
        {"startTime": "2026-11-02T08:00:00Z", "endTime": "2026-11-01T08:00:00Z"},
        {"pageToken": "after-4"},
        {"pageToken": "nonsense"},
        {"limit": "5"},
    ],
)
def test_a_wrong_request_is_refused(history: History, parameters: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        read(history, **parameters)
    assert refused.value.status == 400


def test_a_page_token_is_good_only_for_its_own_query(history: History) -> None:
    _, token = read(history, page_size=4)
    with pytest.raises(Refusal):
        read(history, page_size=4, eventTypes="touch", pageToken=token)


@pytest.mark.parametrize(
    ("fault", "pages"),
    [
        (duplicated, [["e0", "e0", "e1", "e1", "e2", "e2", "e3", "e3"], ["e4", "e5", "e6", "e7"], ["e8", "e9"]]),
        (reordered, [["e3", "e2", "e1", "e0"], ["e4", "e5", "e6", "e7"], ["e8", "e9"]]),
        (overlapping, [["e0", "e1", "e2", "e3"], ["e2", "e3", "e4", "e5"], ["e6", "e7", "e8", "e9"]]),
    ],
)
def test_a_page_can_be_faulty_and_no_event_is_missing(
    history: History, fault: PageFault, pages: list[list[str]]
) -> None:
    history.page_faults.append(fault)
    assert read_all(history, page_size=4) == pages


def test_pages_can_lead_in_a_circle(history: History) -> None:
    history.page_faults.extend([circular] * 10)
    assert read_all(history, page_size=4) == [["e0", "e1", "e2", "e3"]] * 10
