"""DT's devices and the history of their events, a page at a time, under DT's rate limit.

https://docs.developer.disruptive-technologies.com/docs/reference/events: DT lists the events of one device, the newest
first. It keeps them for 30 days, has an event up to ten seconds after it came, and has no ``labelsChanged``. Whether
the times of a request are compared with an event's own time or with its arrival is not documented, nor whether they are
inclusive: whoever joins windows has to drop what comes twice, by ``eventId``.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deploy.dt.api import SENSOR_COUNT, DtApi, parsing_response
from deploy.dt.calls import Params
from deploy.dt.json_text import compact, items_of
from deploy.dt.limiter import LONGEST_RETRY_AFTER_S, Limited, Limiter
from deploy.spec import last_segment
from deploy.times import utc

KEPT_S = 30 * 86_400.0
"""For how long DT keeps an event at least."""

LAG_S = 10.0
"""How long it takes at most until the history has an event that DT has received."""

NOT_IN_HISTORY = ("labelsChanged",)
"""Types of events that DT sends and does not keep: https://developer.d21s.com/api#/Event%20History."""

OF_ALL_DEVICES = frozenset({401, 403, 429})
"""DT's statuses that hold for all devices of a project. 429: DT goes on to refuse calls after all pauses."""

EVENTS_PER_PAGE, DEVICES_PER_PAGE = 1000, 100
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Pauses before a call is repeated: a long reader does not give up as soon as a command that a user waits for."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """An event. ``raw``: its compact JSON, with all numbers as DT wrote them. What DT left out is empty."""

    event_id: str
    event_type: str
    timestamp: str
    raw: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HistoryDevice:
    """A device as it is today. ``labels``: its labels, which include its ``name``."""

    project: str
    id: str
    type: str
    product_number: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The full name."""
        return f"projects/{self.project}/devices/{self.id}"


class History:
    """The history of all devices that the service account can see. All calls share one limiter, over all threads."""

    def __init__(self, api: DtApi, limiter: Limiter | None = None) -> None:
        limited = None if api.transport is None else Limited(api.transport, limiter or Limiter())
        longest_s = LONGEST_RETRY_AFTER_S
        self._api = replace(api, transport=limited, pauses_s=PAUSES_S, longest_pause_s=longest_s, gives_up_s=longest_s)

    def devices(self, project: str) -> Iterator[HistoryDevice]:
        """Yield the devices of a project, a page at a time.

        Raises:
            DtFailed: the devices could not be listed.

        """
        path = f"/projects/{project}/devices"
        for page in self._api.stream(path, "devices", {"page_size": str(DEVICES_PER_PAGE)}):
            with parsing_response(f"DT, GET {path}"):
                devices = [_device(project, item) for item in page.body["devices"]]
            yield from devices

    def device(self, project: str, device: str) -> HistoryDevice:
        """Return one device.

        Raises:
            DtFailed: DT refused the call; its ``status`` is 404 if the project has no such device.

        """
        path = f"/projects/{project}/devices/{device}"
        with parsing_response(f"DT, GET {path}"):
            return _device(project, self._api.call("GET", path))

    def device_count(self, project: str) -> int | None:
        """Return about how many devices a project has, as DT counts them; None if it does not.

        Raises:
            DtFailed: DT refused the call or did not answer.

        """
        known = self._api.counts(project, SENSOR_COUNT, "cloudConnectorCount")
        return sum(known) if known else None

    def events(
        self, project: str, device: str, start: float, end: float, types: Sequence[str] = ()
    ) -> Iterator[HistoryEvent]:
        """Yield the events of a device from ``start`` to ``end``, in unix seconds, as DT lists them: the newest first.

        DT may list an event twice, or events in another order. ``types``: only these; all if there are none.

        Raises:
            DtFailed: DT refused a call or did not answer, or its page tokens lead in a circle.

        """
        path = f"/projects/{project}/devices/{device}/events"
        for page in self._api.stream(path, "events", _params(start, end, types)):
            with parsing_response(f"DT, GET {path}"):
                for item, text in items_of(page.text, "events"):
                    yield _event(item, text)


def _params(start: float, end: float, types: Sequence[str]) -> Params:
    until = utc(math.ceil(end * 1000) / 1000, "milliseconds")  # start is rounded down
    bounds = {"startTime": utc(start, "milliseconds"), "endTime": until, "page_size": str(EVENTS_PER_PAGE)}
    return {**bounds, "eventTypes": list(types)} if types else bounds


def _event(item: Any, text: str) -> HistoryEvent:
    fields = item if isinstance(item, Mapping) else {}
    event_id, event_type, timestamp = (_text(fields.get(key)) for key in ("eventId", "eventType", "timestamp"))
    return HistoryEvent(event_id, event_type, timestamp, compact(text))


def _text(value: Any) -> str:
    """Return a text; "" if it is none, or has half a surrogate pair, which can be written only as an escape."""
    return value if isinstance(value, str) and not _SURROGATE.search(value) else ""


def _device(project: str, item: Mapping[str, Any]) -> HistoryDevice:
    labels = {str(key): str(value) for key, value in (item.get("labels") or {}).items()}
    number = str(item.get("productNumber") or "")
    return HistoryDevice(project, last_segment(item["name"]), str(item.get("type") or ""), number, labels)
