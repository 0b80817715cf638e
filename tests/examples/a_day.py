"""``python -m tests.examples.a_day FILE``: a day of three sensors, as ``follow --output`` writes it.

The messages are made by the function's own code, and the lines by that of ``follow``. With a duplicate, an event of
the day before, one that was rejected, one of another type, and an outage: the freezer's sensor reported nothing from
06:00 to 09:00, and sent what it had stored later, newest first.
"""

import itertools
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.live.documents import document
from deploy.live.message import Message
from deploy.live.readings import reading
from deploy.live.repeats import Repeats
from function.event import parse_body, read_envelope
from function.message import event_message
from tests.emulators.events import PROJECT_ID, encode
from tests.function.builders import settings, verified

DAY = datetime(2026, 11, 2, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 1, 23, tzinfo=UTC)  # in Oslo
REPORT = timedelta(hours=1)
SAMPLES = 4
NAMES = {"bchonod7rihjtvdmd2vg": "Fridge 2", "bchonod7rihjtvdmd3wh": "Freezer", "bchonod7rihjtvdmd4xi": "Kitchen"}
FRIDGE, FREEZER, KITCHEN = NAMES


def degrees(device: str, at: datetime) -> float:
    """Return what a sensor measures: a compressor that goes on and off, a door left open at noon, a heated room."""
    hour = (at - MIDNIGHT) / timedelta(hours=1)
    if device == KITCHEN:
        return round(
            20 + 2.4 * math.sin((hour - 9) / 24 * 2 * math.pi) + 0.8 * math.exp(-(((hour - 18) / 1.2) ** 2)), 2
        )
    sawtooth = 1.2 * abs((hour / 1.75) % 1 - 0.5)
    if device == FREEZER:
        return round(-18.6 + 1.5 * sawtooth, 2)
    opened = hour - 12
    return round(3.4 + 2 * sawtooth + (6.2 * math.exp(-opened / 0.7) if opened >= 0 else 0), 2)


def written(at: datetime) -> str:
    """Return a time as DT writes it."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def body(device: str, event_type: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """Return an event's body."""
    return {
        "event": {
            "eventId": f"{int(at.timestamp()):010}{device[-6:]}{event_type[:4]}",
            "targetName": f"projects/{PROJECT_ID}/devices/{device}",
            "eventType": event_type,
            "data": {event_type: {**data, "updateTime": written(at)}},
            "timestamp": written(at),
        },
        "labels": {"name": NAMES[device]},
        "metadata": {
            "deviceId": device,
            "projectId": PROJECT_ID,
            "deviceType": "temperature",
            "productNumber": "100110",
        },
    }


def temperature(device: str, at: datetime, *, is_backfilled: bool = False) -> dict[str, Any]:
    """Return the report of the hour before a time, with its samples, newest first."""
    times = [at - number * REPORT / SAMPLES for number in range(SAMPLES)]
    samples = [{"value": degrees(device, time), "sampleTime": written(time)} for time in times]
    data = {"value": samples[0]["value"], "samples": samples, "isBackfilled": is_backfilled}
    return body(device, "temperature", at, data)


def bodies() -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield the events of the day with the time when each arrives."""
    for number, (place, device) in itertools.product(range(26), enumerate(NAMES)):
        at = MIDNIGHT + number * REPORT + timedelta(minutes=7 * place, seconds=15)
        is_stored = device == FREEZER and 7 <= number < 10
        arrived = MIDNIGHT + timedelta(hours=9, minutes=40) - timedelta(seconds=number) if is_stored else at
        yield arrived, temperature(device, at, is_backfilled=is_stored)
    noon = DAY.replace(hour=11, minute=2)
    yield noon, temperature(FRIDGE, MIDNIGHT + 5 * REPORT + timedelta(seconds=15))  # a copy
    yield noon, temperature(KITCHEN, MIDNIGHT - 20 * REPORT)  # of the day before
    yield noon, body(KITCHEN, "touch", noon, {})


def messages() -> list[Message]:
    """Return the messages in the order of their arrival."""
    made = []
    for number, (arrived, event) in enumerate(sorted(bodies(), key=lambda pair: pair[0])):
        data = encode(event)
        sent = event_message(verified(data), read_envelope(parse_body(data)), None, settings())
        at = arrived.timestamp()
        made.append(Message(f"{number + 1}", data, sent.attributes, at + 0.2, at + 0.3, rejected=False))
    refused = replace(made[9], id="0", data=b'{"event": {}}', attributes={"contract": "1", "reason": "malformed"})
    return [*made[:9], replace(refused, rejected=True), *made[9:]]


def lines() -> str:
    """Return what ``follow --output`` writes of these messages."""
    repeats = Repeats()
    return "".join(f"{document(message, reading(message), repeats.of(message))}\n" for message in messages())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(lines(), "utf-8", newline="\n")
