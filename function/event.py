"""Bytes -> envelope: the few facts of an event that routing and attributes need. Pure.

The bytes themselves are passed on as they are; nothing here is ever written back.
Source: https://docs.developer.disruptive-technologies.com/docs/data-connectors/receiving-events
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from function.errors import Malformed, NoEnvelope
from function.schema import find_violation
from function.strict_json import read_object

MAX_DEPTH = 128
"""Levels of objects and arrays. DT's events have 7."""

MAX_MARKS = 100_000
"""Commas and opening brackets, within texts as well. DT's events have some 30, and reading takes time."""

_COUNTED_AT_ONCE = 65_536


class Envelope(Struct, frozen=True):
    """What an event says of itself. A field is ``None`` when the event does not say, or says no usable text."""

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
        """JSON path of what contradicts the event's type; see ``schema.find_violation``."""
        return find_violation(self.event_type, self.data) if self.event_type else None


NOTHING = Envelope(None, None, None, None, None, None, None, None, {})
"""The envelope of a body that says nothing."""


def parse_body(body: bytes) -> dict[str, Any]:
    """Read a body as one JSON object.

    Raises:
        Malformed: it is not UTF-8, not JSON (``NaN`` is none), no object, nested deeper than ``MAX_DEPTH``, or has
            more than ``MAX_MARKS``.

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
    """Collect what is usable, from the newest events (with ``metadata``) and older ones (without) alike."""
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
    """Check that the event can be told from others and routed.

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
    """A text that is not empty and can be encoded, which a lone surrogate cannot."""
    value = parent.get(name)
    return value if isinstance(value, str) and value and is_encodable(value) else None


def is_encodable(text: str) -> bool:
    """Whether the text is sound Unicode: JSON's escapes can make text that is not."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _target(name: str) -> tuple[str | None, str | None]:
    """``projects/P/devices/D`` -> P and D; a project's own event has no device."""
    parts = name.split("/", 4)
    if parts[0] != "projects" or len(parts) < 2:
        return None, None
    is_device = len(parts) == 4 and parts[2] == "devices"
    return parts[1] or None, (parts[3] or None) if is_device else None


def _has_more_marks(limit: int, body: bytes) -> bool:
    """Count piece by piece, so that it takes the same short time for a body of nothing but marks."""
    count = 0
    for start in range(0, len(body), _COUNTED_AT_ONCE):
        count += sum(body.count(mark, start, start + _COUNTED_AT_ONCE) for mark in (b",", b"[", b"{"))
        if count > limit:
            return True
    return False


def _is_deeper(limit: int, value: Any) -> bool:
    """Go down level by level; how many values there are is limited by ``MAX_MARKS``."""
    level = [value]
    for _ in range(limit):
        inner = (parent.values() if isinstance(parent, dict) else parent for parent in level)
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
    return bool(level)
