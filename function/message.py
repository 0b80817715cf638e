"""Envelope -> Pub/Sub message: the request's bytes, unchanged, and attributes for filters. Pure.

Attributes stay inside Pub/Sub's limits (https://cloud.google.com/pubsub/quotas#resource_limits): values that are too
long are cut at a character boundary, other attributes that do not fit are dropped, and control characters are replaced.
So no label can prevent the delivery of an event.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct, ValidationError, convert

from function.event import Envelope, is_encodable
from function.event_types import Time
from function.schema import data_schema
from function.settings import Settings
from function.signature import Verified

CONTRACT = "1"
"""The version of docs/messages.md, an attribute of every message."""

MAX_ATTRIBUTES = 100
MAX_KEY_BYTES = 256
MAX_VALUE_BYTES = 1024
MAX_ORDERING_KEY_BYTES = 1024

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Control characters (Unicode's category Cc). CloudEvents forbids them; Pub/Sub's documents do not mention them."""

_REPLACEMENT = "\ufffd"
"""Replaces each control character. If they were removed, one event type or device could become another."""

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_REFERENCE = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})+")
"""A URI-reference without query and fragment. RFC 3986 requires to encode all other characters (§3.3, §4.1)."""

_CERTAIN = ("contract", "reason", "receivedAt", "bodySha256")
"""Attributes of a rejected message that contain nothing of the event."""

Attribute: TypeAlias = tuple[str, str | None]
"""Key and value. If the value is None there is no attribute."""


class Message(Struct, frozen=True):
    """A Pub/Sub message. ``cut`` names the attributes that were cut or dropped."""

    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str = ""
    cut: tuple[str, ...] = ()


def event_message(verified: Verified, envelope: Envelope, traceparent: str | None, settings: Settings) -> Message:
    """Return the message of an event for the main topic."""
    ordering_key = (envelope.device_id if settings.order_by_device else None) or ""
    violation = envelope.schema_violation
    schema = data_schema(envelope.event_type, violation) if settings.cloud_events else None
    attributes = [
        *_identity(envelope, traceparent, settings, schema),
        ("schemaViolation", violation),
        *_labels(envelope, settings),
    ]
    ordering_key = _truncated(ordering_key, MAX_ORDERING_KEY_BYTES) or ""
    if verified.origin:
        return _message(verified.body, [("origin", verified.origin), *attributes], ordering_key)
    return _message(verified.body, attributes, ordering_key)


def rejected_message(
    verified: Verified,
    envelope: Envelope,
    traceparent: str | None,
    settings: Settings,
    *,
    reason: str,
    received_at: str,
) -> Message:
    """Return the message of an authentic but unusable event for the rejected topic.

    ``reason`` is the reason code of the decision table, and ``received_at`` an RFC 3339 time.
    """
    attributes = [
        ("reason", reason),
        ("receivedAt", received_at),
        ("bodySha256", hashlib.sha256(verified.body).hexdigest()),
        *_identity(envelope, traceparent, settings),
        *_labels(envelope, settings),
    ]
    return _message(verified.body, attributes)


def bare_message(message: Message) -> Message:
    """Return a rejected message with only the attributes that Pub/Sub certainly accepts; the others count as cut."""
    kept = {key: value for key, value in message.attributes.items() if key in _CERTAIN}
    dropped = tuple(key for key in message.attributes if key not in _CERTAIN)
    return Message(message.data, kept, cut=(*message.cut, *dropped))


def _identity(
    envelope: Envelope, traceparent: str | None, settings: Settings, schema: str | None = None
) -> Iterator[Attribute]:
    yield "eventId", envelope.event_id
    yield "eventType", envelope.event_type
    yield "deviceId", envelope.device_id
    yield "projectId", envelope.project_id
    yield "timestamp", envelope.timestamp
    yield "deviceType", envelope.device_type
    yield "productNumber", envelope.product_number
    yield "traceparent", traceparent
    if settings.cloud_events:
        yield from _cloud_event(envelope, schema)


def _labels(envelope: Envelope, settings: Settings) -> Iterator[Attribute]:
    """Return the configured labels. They come last, so that labels are dropped if there are too many attributes."""
    for key in settings.label_attributes:
        yield f"label.{key}", envelope.labels.get(key)


def _cloud_event(envelope: Envelope, schema: str | None) -> Iterator[Attribute]:
    """Return the attributes of CloudEvents 1.0 in binary mode, or none if a required one is unknown or invalid.

    ``schema`` is the name of the JSON Schema that the data fit, or None if that is not known.
    https://github.com/googleapis/google-cloudevents/blob/main/docs/spec/pubsub.md
    """
    source = f"//api.disruptive-technologies.com/{envelope.target_name}"
    if not (envelope.event_id and envelope.event_type and envelope.target_name and _is_reference(source)):
        return
    yield "ce-specversion", "1.0"
    yield "ce-id", envelope.event_id
    yield "ce-source", source
    yield "ce-type", f"com.disruptive-technologies.{envelope.event_type}"
    yield "ce-time", _time(envelope.timestamp)
    yield "ce-subject", envelope.device_id
    yield "ce-dataschema", schema
    yield "content-type", "application/json"


def _is_reference(source: str) -> bool:
    """Return whether a source is a URI-reference, also after it has been cut to ``MAX_VALUE_BYTES``."""
    return _REFERENCE.fullmatch(source[:MAX_VALUE_BYTES]) is not None


def _time(timestamp: str | None) -> str | None:
    """Return the timestamp if it is an RFC 3339 time with a time zone, as CloudEvents requires, or else None."""
    if not timestamp or not _RFC_3339.fullmatch(timestamp[:MAX_VALUE_BYTES]):
        return None
    try:
        convert(timestamp, Time)
    except ValidationError:  # not a date of the calendar
        return None
    return timestamp


def _message(data: bytes, attributes: Iterable[Attribute], ordering_key: str = "") -> Message:
    kept: dict[str, str] = {"contract": CONTRACT}
    cut: list[str] = []
    for key, value in attributes:
        if value is None:
            continue
        has_room = len(kept) < MAX_ATTRIBUTES and _is_key(key)
        truncated = _truncated(value, MAX_VALUE_BYTES) if has_room else None
        if truncated is not None:
            kept[key] = truncated
        if truncated != value:
            cut.append(key)
    return Message(data, kept, ordering_key, tuple(cut))


@lru_cache
def _is_key(key: str) -> bool:
    """Return whether Pub/Sub accepts the key. The keys are those of this module and the configured labels: few."""
    return _truncated(key, MAX_KEY_BYTES) == key


def _truncated(text: str, limit: int) -> str | None:
    """Return the beginning of the text that has at most ``limit`` bytes in UTF-8, or None if UTF-8 cannot encode it."""
    if len(text) > limit:
        text = text[:limit]  # a character has at least one byte, and a label can be as long as the body
    if text.isascii() and text.isprintable():
        return text
    if not is_encodable(text):
        return None
    return _CONTROL.sub(_REPLACEMENT, text).encode()[:limit].decode(errors="ignore")
