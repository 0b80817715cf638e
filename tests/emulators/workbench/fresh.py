"""Events to send: of a sample or of a file, with a new event id and the current time."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.emulators.errors import EventUnusable
from tests.emulators.events import SAMPLES, encode, sample_event

ALL = "all"
_TIMES = ("timestamp", "updateTime", "sampleTime")

Make = Callable[[], bytes]
"""Returns the body of a new event."""


def of_type(event_type: str) -> list[Make]:
    """Return what makes events of this type, or of each type if it is ``all``."""
    names = [*SAMPLES] if event_type == ALL else [event_type]
    return [lambda name=name: _sample(name) for name in names]  # type: ignore[misc]  # mypy knows no defaults of lambdas


def of_file(path: Path, *, as_is: bool) -> Make:
    """Return what makes events of a file's body, or returns the bytes of the file unchanged.

    Raises ``EventUnusable``.
    """
    body = read(path)
    return lambda: body if as_is else _renewed(body)


def read(path: Path) -> bytes:
    """Return the bytes of a file. Raises ``EventUnusable``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise EventUnusable(f"{path} cannot be read: {error.strerror}") from error


def _sample(event_type: str) -> bytes:
    number = [*SAMPLES].index(event_type) + 1
    return _renewed(encode(sample_event(event_type, number=number, at=datetime.now(UTC))))


def _renewed(body: bytes) -> bytes:
    """Return a body with a new event id and new times where it has them. A body that is no event is unchanged."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return body
    event = read.get("event") if isinstance(read, dict) else None
    if not isinstance(event, dict):
        return body
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    renewed: dict[str, Any] = _with_times(event, now)
    if "eventId" in renewed:
        renewed["eventId"] = uuid4().hex[:20]
    return encode({**read, "event": renewed})


def _with_times(value: Any, now: str) -> Any:
    if isinstance(value, list):
        return [_with_times(item, now) for item in value]
    if isinstance(value, dict):
        return {key: now if key in _TIMES else _with_times(item, now) for key, item in value.items()}
    return value
