"""The topics and their messages, as an AsyncAPI 3.1 document. Pure.

There is no binding of a topic schema: Pub/Sub would refuse an event with a member that DT has just added.
The payloads refer to docs/schema/, and their format is called draft-07 there: it is the only JSON Schema that AsyncAPI
names, and docs/schema/ uses nothing that differs in it.
"""

from collections.abc import Mapping
from typing import Any

from function.event import NOTHING, Envelope, parse_body, read_envelope
from function.message import event_message, rejected_message
from tests.emulators.events import encode
from tests.function.builders import settings, verified

_FORMAT = "application/schema+json;version=draft-07"
_TOPICS = {
    "events": ("dt-events", "One message for each event that DT has signed."),
    "rejected": ("dt-rejected", "Events that DT has signed and that cannot be used, with the reason."),
}
_UNKNOWN, _REJECTED = "unknownType", "rejected"


def document(examples: Mapping[str, Mapping[str, Mapping[str, Any]]], titles: Mapping[str, str]) -> dict[str, Any]:
    """Return the document. ``titles`` has the title of each event type."""
    messages = {event_type: _event(event_type, title, examples[event_type]) for event_type, title in titles.items()}
    messages[_UNKNOWN] = _message(_UNKNOWN, "An event of a type that DT has added", "attributes", "envelope", [])
    rejected = _message(_REJECTED, "An event that cannot be used", "rejected-attributes", None, [_rejected_example()])
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Events of Disruptive Technologies sensors in Pub/Sub",
            "version": "1",
            "description": "Version 1 of the contract of messages. docs/messages.md explains it: delivery, order, "
            "duplicates, and what may change.",
        },
        "defaultContentType": "application/json",
        "servers": {"pubsub": {"host": "pubsub.googleapis.com", "protocol": "googlepubsub"}},
        "channels": {
            "events": _channel("events", list(messages)),
            "rejected": _channel("rejected", [_REJECTED]),
        },
        "operations": {name: _operation(name) for name in _TOPICS},
        "components": {"messages": {**messages, _REJECTED: rejected}},
    }


def _channel(name: str, messages: list[str]) -> dict[str, Any]:
    topic, description = _TOPICS[name]
    return {
        "address": topic,
        "title": f"Topic {topic}",
        "description": f"{description} The setting of the deployment gives the topic its name; this is its default.",
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
    }


def _operation(name: str) -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": f"#/channels/{name}"}, "summary": f"The function publishes {name}."}


def _event(event_type: str, title: str, examples: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    shown = [{"name": name, **_published(body)} for name, body in examples.items()]
    return _message(event_type, title, "attributes", event_type, shown)


def _message(
    name: str, title: str, headers: str, payload: str | None, examples: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "contentType": "application/json" if payload else "application/octet-stream",
        "headers": _reference(headers),
        **({"payload": _reference(payload)} if payload else {}),
        **({"examples": examples} if examples else {}),
    }


def _reference(schema: str) -> dict[str, Any]:
    return {"schemaFormat": _FORMAT, "schema": {"$ref": f"schema/{schema}.json"}}


def _published(body: Mapping[str, Any]) -> dict[str, Any]:
    data = encode(body)
    message = event_message(verified(data), _envelope(data), None, settings())
    return {"headers": dict(message.attributes), "payload": dict(body)}


def _rejected_example() -> dict[str, Any]:
    data = b"not JSON"
    message = rejected_message(
        verified(data),
        NOTHING,
        None,
        settings(),
        reason="malformed",
        received_at="2026-11-02T08:13:16.004Z",
    )
    return {"name": "malformed", "headers": dict(message.attributes)}


def _envelope(data: bytes) -> Envelope:
    return read_envelope(parse_body(data))
