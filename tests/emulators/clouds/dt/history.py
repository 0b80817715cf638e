"""The history of the events of all devices, which is read in pages, the newest first; faults of its pages on demand.

Whether DT compares the times of a request with an event's time or its arrival is not documented. Here it is the time.
"""

import bisect
import json
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from tests.emulators.clouds.dt.problems import Refusal
from tests.emulators.clouds.exchange import Answer, Json, Request

KEPT = timedelta(days=31)
"""The time for which the history keeps an event."""

DEFAULT_SIZE, MAX_SIZE = 100, 1000
PARAMETERS = frozenset(
    [
        *("startTime", "start_time", "endTime", "end_time", "eventTypes", "event_types"),
        *("pageSize", "page_size", "pageToken", "page_token"),
    ]
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the events as they are written, and its own and the next token. The last page has no next token."""

    texts: list[str]
    token: str
    next_token: str


PageFault = Callable[[Page], Page]


def circular(page: Page) -> Page:
    """Return a page whose next page is itself."""
    return replace(page, next_token=page.token)


def duplicated(page: Page) -> Page:
    """Return a page that has each event twice."""
    return replace(page, texts=[text for text in page.texts for _ in range(2)])


def reordered(page: Page) -> Page:
    """Return a page with the oldest event first."""
    return replace(page, texts=page.texts[::-1])


def overlapping(page: Page) -> Page:
    """Return a page of which the next repeats the end: so it is if newer events come between two reads."""
    if not page.next_token:
        return page
    place, _, query = page.next_token.removeprefix("after-").partition("-")
    return replace(page, next_token=f"after-{max(int(place) - len(page.texts) // 2, 1)}-{query}")


@dataclass(frozen=True, slots=True, order=True)
class _Kept:
    at: float
    number: int
    arrived_at: float
    event_type: str
    text: str


@dataclass
class History:
    """The events of all devices. ``lag_s``: the time after its arrival in which an event is not listed yet.

    ``page_faults``: those of the next pages, one for each; ``now``: unix seconds.
    """

    lag_s: float = 0.0
    now: Callable[[], float] = time.time
    page_faults: "deque[PageFault]" = field(default_factory=deque)
    _events: dict[str, list[_Kept]] = field(default_factory=dict)
    _count: int = 0

    def keep(self, device: str, event: Json | str) -> None:
        """Keep an event of a device, given as JSON or as it is written, which may have numbers of any form."""
        text = event if isinstance(event, str) else json.dumps(event, separators=(",", ":"))
        value: Json = json.loads(text)
        self._count += 1
        kept = _Kept(read_time(value["timestamp"]).timestamp(), self._count, self.now(), value["eventType"], text)
        bisect.insort(self._events.setdefault(device, []), kept)

    def forget(self, device: str) -> None:
        """Forget a device that is deleted."""
        self._events.pop(device, None)

    def newest(self, device: str) -> list[Json]:
        """Return the newest event of each type."""
        newest = {kept.event_type: kept.text for kept in self._events.get(device, ())}
        return [json.loads(text) for text in newest.values()]

    def answer(self, device: str, request: Request) -> Answer:
        """Return the requested page of a device's events."""
        page = self._page(device, request)
        if self.page_faults:
            page = self.page_faults.popleft()(page)
        body = f'{{"events":[{",".join(page.texts)}],"nextPageToken":"{page.next_token}"}}'
        return Answer(200, body.encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _page(self, device: str, request: Request) -> Page:
        if unknown := request.query.keys() - PARAMETERS:
            raise Refusal(400, f"unknown parameter: {', '.join(sorted(unknown))}")
        size = min(request.number("page_size", "pageSize", default=DEFAULT_SIZE) or DEFAULT_SIZE, MAX_SIZE)
        place = _place(request)
        chosen = [kept.text for kept in islice(self._chosen(device, request), place, place + size + 1)]
        next_token = _token(request, place + size) if len(chosen) > size else ""
        return Page(chosen[:size], _token(request, place), next_token)

    def _chosen(self, device: str, request: Request) -> Iterator[_Kept]:
        events, now = self._events.get(device, []), datetime.fromtimestamp(self.now(), UTC)
        start = read_time(request.parameter("startTime", "start_time"), now - timedelta(days=1))
        end = read_time(request.parameter("endTime", "end_time"), now + timedelta(seconds=1))
        if end < start:
            raise Refusal(400, "end_time is before start_time")
        first = bisect.bisect_left(events, max(start, now - KEPT).timestamp(), key=lambda kept: kept.at)
        last = bisect.bisect_right(events, end.timestamp(), key=lambda kept: kept.at)
        types = {*request.query.get("eventTypes", []), *request.query.get("event_types", [])}
        indexed_until = now.timestamp() - self.lag_s
        for place in range(last - 1, first - 1, -1):
            kept = events[place]
            if kept.arrived_at <= indexed_until and (not types or kept.event_type in types):
                yield kept


def _token(request: Request, place: int) -> str:
    """Return the token of a page, which is only good for the query that it was given for."""
    types = sorted([*request.query.get("eventTypes", []), *request.query.get("event_types", [])])
    bounds = [request.parameter(name, other) for name, other in (("startTime", "start_time"), ("endTime", "end_time"))]
    return f"after-{place}-{zlib.crc32(repr((types, bounds)).encode()):08x}"


def _place(request: Request) -> int:
    """Return how many events are on the pages before the requested one."""
    token = request.parameter("pageToken", "page_token")
    if not token:
        return 0
    place = token.removeprefix("after-").partition("-")[0]
    if not place.isdecimal() or token != _token(request, int(place)):
        raise Refusal(400, "the page token is not one of this query")
    return int(place)


def read_time(text: Any, default: datetime | None = None) -> datetime:
    """Return a time of a request or an event; the default if there is none."""
    if not text and default:
        return default
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except (ValueError, AttributeError) as error:
        raise Refusal(400, f"{text!r} is not a time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
