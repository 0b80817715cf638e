"""Bytes -> envelope: the few fields of an event that routing and attributes need. Pure.

The function publishes the bytes themselves, and never encodes an event again.
Source: https://docs.developer.disruptive-technologies.com/docs/data-connectors/receiving-events
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from function.errors import Malformed, NoEnvelope
from function.schema import find_violation
from function.strict_json import read_object

MAX_DEPTH = 128
"""Maximum levels of nested objects and arrays. DT's events have 7."""

MAX_MARKS = 100_000
"""Maximum commas and opening brackets, also in strings. The limit bounds the parse time. DT's events have about 30."""

_COUNTED_AT_ONCE = 65_536


class Envelope(Struct, frozen=True):
    """Fields of one event. A field is ``None`` if the event does not have it, or has no usable text in it."""

    event_id: str | None
    event_type: str | None
    project_id: str | None
    device_id: str | None
    timestamp: str | None
    device_type: str | None
    product_number: str | None
    target_name: str | None
    labels: Mapping[str, str]
    data: Any = None

    @property
    def schema_violation(self) -> str | None:
        """JSON path of the data that contradict the event's type, or None; see ``schema.find_violation``."""
        return find_violation(self.event_type, self.data) if self.event_type else None


NOTHING = Envelope(None, None, None, None, None, None, None, None, {})
"""The envelope of a body that cannot be read."""


def parse_body(body: bytes) -> dict[str, Any]:
    """Return a body as one JSON object.

    Raises:
        Malformed: the body is not UTF-8, not JSON (``NaN`` is not JSON), not an object, nested deeper than
            ``MAX_DEPTH``, or has more commas and brackets than ``MAX_MARKS``.

    """
    if len(body) > MAX_MARKS and _has_more_marks(MAX_MARKS, body):
        raise Malformed(f"more than {MAX_MARKS} commas and brackets")
    try:
        value = read_object(body)
    except ValueError as error:
        raise Malformed("not one JSON object in UTF-8") from error
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _is_deeper(MAX_DEPTH, value):
        raise Malformed(f"nested deeper than {MAX_DEPTH} levels")
    return value


def read_envelope(body: Mapping[str, Any]) -> Envelope:
    """Return the usable fields of an event, which may be recent (with ``metadata``) or old (without)."""
    event, metadata, labels = _object(body, "event"), _object(body, "metadata"), _object(body, "labels")
    target_name = _text(event, "targetName")
    project_id, device_id = _target(target_name or "")
    return Envelope(
        event_id=_text(event, "eventId"),
        event_type=_text(event, "eventType"),
        project_id=project_id or _text(metadata, "projectId"),
        device_id=device_id or _text(metadata, "deviceId"),
        timestamp=_text(event, "timestamp"),
        device_type=_text(metadata, "deviceType"),
        product_number=_text(metadata, "productNumber"),
        target_name=target_name if project_id else None,
        labels={key: value for key, value in labels.items() if isinstance(value, str)},
        data=event.get("data"),
    )


def require_envelope(envelope: Envelope) -> None:
    """Check that the event has the fields that identify and route it.

    Raises:
        NoEnvelope: ``event.eventId``, ``eventType`` or ``targetName`` (``projects/P/…``) is not usable.

    """
    needed = {
        "eventId": envelope.event_id,
        "eventType": envelope.event_type,
        "targetName": envelope.target_name,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise NoEnvelope(f"no usable {', '.join(missing)}")


def _object(parent: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _text(parent: Mapping[str, Any], name: str) -> str | None:
    """Return a member's text if it is not empty and UTF-8 can encode it. UTF-8 cannot encode a lone surrogate."""
    value = parent.get(name)
    return value if isinstance(value, str) and value and is_encodable(value) else None


def is_encodable(text: str) -> bool:
    """Return whether UTF-8 can encode the text. JSON's escapes can make text that it cannot encode."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _target(name: str) -> tuple[str | None, str | None]:
    """Return P and D of ``projects/P/devices/D``. D is None for an event of the project itself."""
    parts = name.split("/", 4)
    if parts[0] != "projects" or len(parts) < 2:
        return None, None
    is_device = len(parts) == 4 and parts[2] == "devices"
    return parts[1] or None, (parts[3] or None) if is_device else None


def _has_more_marks(limit: int, body: bytes) -> bool:
    """Return whether a body has more than ``limit`` commas and opening brackets.

    The count ends after the piece that exceeds the limit, so that a body full of marks takes no longer than another.
    """
    count = 0
    for start in range(0, len(body), _COUNTED_AT_ONCE):
        count += sum(body.count(mark, start, start + _COUNTED_AT_ONCE) for mark in (b",", b"[", b"{"))
        if count > limit:
            return True
    return False


def _is_deeper(limit: int, value: Any) -> bool:
    """Return whether a value has more than ``limit`` levels. ``MAX_MARKS`` limits the number of values to visit."""
    level = [value]
    for _ in range(limit):
        inner = (parent.values() if isinstance(parent, dict) else parent for parent in level)
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
    return bool(level)
