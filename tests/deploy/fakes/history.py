"""DT's history of events in memory: the events of each device, as they are written."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deploy.dt.calls import DtAnswer, DtRequest


@dataclass
class FakeHistory:
    """The events of each device by its id. ``page_size``: the most events of a page."""

    page_size: int = 1000
    events: dict[str, list[str]] = field(default_factory=dict)
    _number: int = 0

    def add(
        self,
        device: str,
        timestamp: str,
        event_type: str = "touch",
        data: str = "{}",
        *,
        project: str,
        event_id: str = "",
    ) -> str:
        """Add an event, and return its id. ``data``: the JSON in ``data.<event_type>``."""
        self._number += 1
        event_id = event_id or f"event{self._number:04}"
        name = f"projects/{project}/devices/{device}"
        text = (
            f'{{"eventId":"{event_id}","targetName":"{name}","eventType":"{event_type}",'
            f'"data":{{"{event_type}":{data}}},"timestamp":"{timestamp}"}}'
        )
        self.events.setdefault(device, []).append(text)
        return event_id

    def answer(self, device: str, request: DtRequest) -> DtAnswer:
        """Return the requested page, the newest event first."""
        first, size = (int(str(request.params.get(name, 0))) for name in ("pageToken", "page_size"))
        size = min(size, self.page_size)
        chosen = [text for text in reversed(self.events.get(device, [])) if _is_chosen(json.loads(text), request)]
        chosen.sort(key=lambda text: _time(json.loads(text)["timestamp"]), reverse=True)
        more = str(first + size) if first + size < len(chosen) else ""
        return page_of(chosen[first : first + size], more)


def page_of(texts: list[str], next_token: str = "") -> DtAnswer:
    """Return a page with these events, as they are written."""
    text = f'{{"events":[{",".join(texts)}],"nextPageToken":{json.dumps(next_token)}}}'
    return DtAnswer(200, json.loads(text), text=text)


def _is_chosen(event: Any, request: DtRequest) -> bool:
    types, at = request.params.get("eventTypes"), _time(event["timestamp"])
    is_within = _time(request.params["startTime"]) <= at <= _time(request.params["endTime"])
    return is_within and (not types or event["eventType"] in types)


def _time(text: Any) -> datetime:
    return datetime.fromisoformat(text)
