"""Envelope -> Pub/Sub message: the request's bytes, unchanged, and attributes to filter on. Pure.

Attributes stay inside Pub/Sub's limits (https://cloud.google.com/pubsub/quotas#resource_limits): what does not fit
is cut at a character boundary or dropped, so that a label can never keep an event from being delivered.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from function.config import Settings
from function.event import Envelope, is_encodable

MAX_ATTRIBUTES = 100
MAX_KEY_BYTES = 256
MAX_VALUE_BYTES = 1024
MAX_ORDERING_KEY_BYTES = 1024

Attribute: TypeAlias = tuple[str, str | None]
"""Key and value; no value, no attribute."""


class Message(Struct, frozen=True):
    """What is published. ``cut`` names the attributes that had to be cut or dropped."""

    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str = ""
    cut: tuple[str, ...] = ()


def event_message(body: bytes, envelope: Envelope, traceparent: str | None, settings: Settings) -> Message:
    """Make the message of an event for the main topic."""
    ordering_key = (envelope.device_id if settings.order_by_device else None) or ""
    attributes = [
        *_identity(envelope, traceparent, settings),
        ("schemaViolation", envelope.schema_violation),
        *_labels(envelope, settings),
    ]
    return _message(body, attributes, _fitted(ordering_key, MAX_ORDERING_KEY_BYTES) or "")


def rejected_message(
    body: bytes,
    envelope: Envelope,
    traceparent: str | None,
    settings: Settings,
    *,
    reason: str,
    received_at: str,
) -> Message:
    """Make the message of an authentic but unusable event for the rejected topic.

    ``reason`` is the decision table's reason code, ``received_at`` an RFC 3339 time.
    """
    attributes = [
        ("reason", reason),
        ("receivedAt", received_at),
        ("bodySha256", hashlib.sha256(body).hexdigest()),
        *_identity(envelope, traceparent, settings),
        *_labels(envelope, settings),
    ]
    return _message(body, attributes)


def _identity(envelope: Envelope, traceparent: str | None, settings: Settings) -> Iterator[Attribute]:
    yield "eventId", envelope.event_id
    yield "eventType", envelope.event_type
    yield "deviceId", envelope.device_id
    yield "projectId", envelope.project_id
    yield "timestamp", envelope.timestamp
    yield "deviceType", envelope.device_type
    yield "productNumber", envelope.product_number
    yield "traceparent", traceparent
    if settings.cloud_events:
        yield from _cloud_event(envelope)


def _labels(envelope: Envelope, settings: Settings) -> Iterator[Attribute]:
    """The labels asked for; they come last, so that it is labels that are dropped when there are too many."""
    for key in settings.label_attributes:
        yield f"label.{key}", envelope.labels.get(key)


def _cloud_event(envelope: Envelope) -> Iterator[Attribute]:
    """CloudEvents 1.0, binary mode; nothing where one of its required attributes is not known.

    https://github.com/googleapis/google-cloudevents/blob/main/docs/spec/pubsub.md
    """
    if not (envelope.event_id and envelope.event_type and envelope.target_name):
        return
    yield "ce-specversion", "1.0"
    yield "ce-id", envelope.event_id
    yield "ce-source", f"//api.disruptive-technologies.com/{envelope.target_name}"
    yield "ce-type", f"com.disruptive-technologies.{envelope.event_type}"
    yield "ce-time", envelope.timestamp
    yield "ce-subject", envelope.device_id
    yield "content-type", "application/json"


def _message(data: bytes, attributes: Iterable[Attribute], ordering_key: str = "") -> Message:
    kept: dict[str, str] = {}
    cut: list[str] = []
    for key, value in attributes:
        if value is None:
            continue
        has_room = len(kept) < MAX_ATTRIBUTES and _fitted(key, MAX_KEY_BYTES) == key
        fitted = _fitted(value, MAX_VALUE_BYTES) if has_room else None
        if fitted is not None:
            kept[key] = fitted
        if fitted != value:
            cut.append(key)
    return Message(data, kept, ordering_key, tuple(cut))


def _fitted(text: str, limit: int) -> str | None:
    """As much of the text as UTF-8 holds in ``limit`` bytes; ``None`` for what is not sound Unicode."""
    if text.isascii() and len(text) <= limit:
        return text
    if not is_encodable(text):
        return None
    return text.encode()[:limit].decode(errors="ignore")
