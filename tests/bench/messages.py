"""The size of a message that Pub/Sub bills, made by the function's own modules from events like DT's. Pure."""

from datetime import UTC, datetime

from deploy.costs.sensors import SENSORS
from function.event import parse_body, read_envelope
from function.message import event_message
from function.settings import Settings
from function.signature import Verified
from tests.emulators.events import encode, sample_event

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
"""Cloud Run adds one to every request, and the function copies it into the message."""

SETTINGS = Settings.from_environ(
    {
        "PUBSUB_TOPIC": "projects/p/topics/events",
        "PUBSUB_REJECTED_TOPIC": "projects/p/topics/rejected",
        "DT_SIGNATURE_SECRET": "any secret will do, as nothing is signed",
    }
)


def message_bytes(event_type: str) -> int:
    """Return the bytes of body and attributes of an event of this type."""
    body = encode(sample_event(event_type, number=1, at=datetime(2026, 1, 1, tzinfo=UTC)))
    message = event_message(Verified(body, 0, expired=False), read_envelope(parse_body(body)), TRACEPARENT, SETTINGS)
    return len(message.data) + sum(len(key) + len(value.encode()) for key, value in message.attributes.items())


def mean_message_bytes() -> float:
    """Return the mean size of what a sensor reports: a reading, and a networkStatus from each Cloud Connector."""
    reading, network = message_bytes("temperature"), message_bytes("networkStatus")
    return (reading + SENSORS.network_events * network) / (1 + SENSORS.network_events)
