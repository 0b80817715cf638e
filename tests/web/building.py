"""Messages of a made-up building: fridges, rooms, doors, desks. The same seed gives the same messages."""

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploy.live.message import Message

PROJECT = "bhmh0143iktucae701vg"


@dataclass(frozen=True, slots=True)
class Device:
    """A sensor: its id, its name, and the type of its events."""

    id: str
    name: str
    event_type: str


DEVICES = (
    Device("bjei2dia9k365r1ntb20", "Fridge 1, kitchen", "temperature"),
    Device("bjei2dia9k365r1ntb2g", "Fridge 2, kitchen", "temperature"),
    Device("bjejn53dirs000as4d8g", "Freezer, cellar", "temperature"),
    Device("bfui4kc1apog00a3fm8g", "Meeting room Oslo", "co2"),
    Device("bfui4kc1apog00a3fmag", "Meeting room Bergen", "humidity"),
    Device("c0agu4p4d0fg00c51n2g", "Front door", "contact"),
    Device("b6roh6d7rihmn9oji86g", "Desk 12", "deskOccupancy"),
    Device("bchonol7rihjtvdmd7bg", "Entrance hall", "objectPresentCount"),
    Device("btka7bm0fj50008d3sag", "Under the sink", "waterPresent"),
)


def time_text(at: float) -> str:
    """Return unix seconds as DT writes a time."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def event(device: Device, data: Mapping[str, Any], at: float, number: int) -> Message:
    """Return the message of an event of this device."""
    body = {
        "event": {
            "eventId": f"c{number:019d}",
            "targetName": f"projects/{PROJECT}/devices/{device.id}",
            "eventType": device.event_type,
            "data": {device.event_type: {**data, "updateTime": time_text(at)}},
            "timestamp": time_text(at),
        },
        "labels": {"name": device.name},
        "metadata": {
            "deviceId": device.id,
            "projectId": PROJECT,
            "deviceType": device.event_type,
            "productNumber": "102081",
        },
    }
    attributes = {
        "eventId": f"c{number:019d}",
        "eventType": device.event_type,
        "deviceId": device.id,
        "projectId": PROJECT,
        "timestamp": time_text(at),
        "deviceType": device.event_type,
    }
    data_bytes = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return Message(str(17954149000000 + number), data_bytes, attributes, at + 0.4, at + 0.5, rejected=False)


def rejected(reason: str, data: bytes, at: float, number: int) -> Message:
    """Return a message of the rejected topic."""
    attributes = {"reason": reason, "receivedAt": time_text(at), "bodySha256": "0" * 64}
    return Message(str(17954149000000 + number), data, attributes, at, at, rejected=True)


def history(until: float, count: int, seed: int = 4) -> Iterator[Message]:
    """Yield ``count`` messages of the last half hour before ``until`` (unix seconds), oldest first."""
    chance = random.Random(seed)
    times = sorted(until - 1800 * chance.random() ** 1.3 for _ in range(count))
    for number, at in enumerate(times):
        device = DEVICES[number % len(DEVICES)]
        yield event(device, _data(device, at, number, chance), at, number)


def _data(device: Device, at: float, number: int, chance: random.Random) -> dict[str, Any]:
    wave = math.sin(at / 420 + len(device.name)) + chance.gauss(0, 0.12)
    celsius = _celsius(device, at)
    state = number // len(DEVICES) % 5 in (0, 3)
    data: dict[str, dict[str, Any]] = {
        "temperature": {"value": celsius, "samples": [_sample(device, at - 12 * back) for back in range(5)]},
        "co2": {"ppm": round(620 + 140 * wave)},
        "humidity": {"temperature": celsius, "relativeHumidity": round(38 + 4 * wave, 1)},
        "contact": {"state": "OPEN" if state else "CLOSED"},
        "deskOccupancy": {"state": "OCCUPIED" if state else "NOT_OCCUPIED"},
        "objectPresentCount": {"total": 4176 + number // 3},
        "waterPresent": {"state": "NOT_PRESENT"},
    }
    return data[device.event_type]


def _celsius(device: Device, at: float) -> float:
    """Return the temperature at a device, which changes slowly, and a little all the time."""
    base = {"Fridge 1, kitchen": 4.2, "Fridge 2, kitchen": 3.6, "Freezer, cellar": -18.4}.get(device.name, 21.5)
    return round(base + 0.8 * math.sin(at / 420 + len(device.name)) + 0.12 * math.sin(at / 33), 2)


def _sample(device: Device, at: float) -> dict[str, Any]:
    return {"value": _celsius(device, at), "sampleTime": time_text(at)}
