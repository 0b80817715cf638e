"""Messages as a subscriber receives them."""

import json
from collections.abc import Mapping
from typing import Any

from deploy.live.message import Message

NOON = 1_793_620_800.0
"""2026-11-02T12:00:00Z, in unix seconds."""

NOON_TEXT = "2026-11-02T12:00:00Z"

DEVICE = "bchonod7rihjtvdmd2vg"


def body(
    event_type: str = "temperature",
    data: Any = None,
    *,
    device: str = DEVICE,
    labels: Any = None,
    timestamp: str = NOON_TEXT,
    event_id: str = "bjehn6sdm92f9pd7f4s0",
) -> bytes:
    """Return the body of an event as DT sends it. ``data``: those of its type; without them, it is 24.9 °C warm."""
    if data is None:
        data = {"value": 24.9, "updateTime": timestamp}
    event = {
        "eventId": event_id,
        "targetName": f"projects/p/devices/{device}",
        "eventType": event_type,
        "data": data if event_type == "labelsChanged" else {event_type: data},
        "timestamp": timestamp,
    }
    return json.dumps({"event": event, "labels": labels or {}}).encode()


def message(
    data: bytes | None = None,
    *,
    number: int = 1,
    at: float = NOON,
    attributes: Mapping[str, str] | None = None,
    rejected: bool = False,
) -> Message:
    """Return a message with these bytes; without any, with an event. Its attributes name the event, unless given."""
    named = {"eventId": "bjehn6sdm92f9pd7f4s0", "eventType": "temperature", "deviceId": DEVICE}
    chosen = named if attributes is None else attributes
    return Message(str(number), body() if data is None else data, chosen, at, at, rejected)
