"""The examples of docs/examples as modules, and messages for them."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
from google.pubsub_v1 import PublisherClient, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from function.event import parse_body, read_envelope
from function.message import Message, event_message
from tests.emulators.events import encode
from tests.function.builders import event, settings, verified

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def example(path: str) -> ModuleType:
    """Return an example as a module, from the file as it stands."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, EXAMPLES / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def published(body: Mapping[str, Any]) -> Message:
    """Return the message that the function makes of an event."""
    data = encode(body)
    return event_message(verified(data), read_envelope(parse_body(data)), None, settings())


def touch(number: int, time: str = "2026-11-02T08:00:00Z") -> Message:
    """Return the message of a touch with this number."""
    return published(event("touch", eventId=f"touch-{number:04}", timestamp=time, data={"touch": {"updateTime": time}}))


def publish(host: str, topic: str, messages: Sequence[Message]) -> None:
    """Publish messages."""
    with PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(host))) as publisher:
        sent = [PubsubMessage(data=message.data, attributes=dict(message.attributes)) for message in messages]
        publisher.publish(topic=topic, messages=sent, timeout=10)


@dataclass
class Received:
    """A message as Google's client hands it to a subscriber."""

    sent: Message
    message_id: str = "1"
    publish_time: datetime = datetime(2026, 11, 2, 8, 0, 1, tzinfo=UTC)
    answers: list[str] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        """The bytes."""
        return self.sent.data

    @property
    def attributes(self) -> Mapping[str, str]:
        """The attributes."""
        return self.sent.attributes

    def ack(self) -> None:
        """Acknowledge it."""
        self.answers.append("ack")

    def nack(self) -> None:
        """Give it back."""
        self.answers.append("nack")
