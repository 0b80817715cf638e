"""Converts messages to Google's protobuf classes: ``google.pubsub.v1.ReceivedMessage``."""

from typing import Any

from google.protobuf import timestamp_pb2
from google.pubsub_v1 import types

from tests.emulators.pubsub.backlog import Lease, Message
from tests.emulators.pubsub.broker import Subscription

_RECEIVED = types.ReceivedMessage.pb()
_MESSAGE = types.PubsubMessage.pb()


def received_message(subscription: Subscription, lease: Lease) -> Any:
    """Return a delivery as a subscriber gets it. It has the number of attempts only with a dead letter policy."""
    has_policy = subscription.settings.HasField("dead_letter_policy")
    attempt = lease.entry.attempts if has_policy else 0
    return _RECEIVED(ack_id=lease.ack_id, message=wire_message(lease.message), delivery_attempt=attempt)


def wire_message(message: Message) -> Any:
    """Return a ``google.pubsub.v1.PubsubMessage``."""
    seconds, nanos = divmod(message.publish_time_ns, 10**9)
    return _MESSAGE(
        data=message.data,
        attributes=message.attributes,
        message_id=message.message_id,
        publish_time=timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos),
        ordering_key=message.ordering_key,
    )
