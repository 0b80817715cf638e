"""Finds out whether a Pub/Sub applies the filters of subscriptions.

Google's emulator does so since version 555.0.0 of the Cloud SDK, of February 2026
(https://docs.cloud.google.com/sdk/docs/release-notes). An older one accepts a filter, and delivers every message.
"""

import time
from uuid import uuid4

import grpc
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

WARNING = (
    "this version of the emulator delivers every event to a subscription with a filter; "
    "PUBSUB=embedded does not, nor does a newer emulator"
)
WAIT_S = 5.0
"""Seconds that the two messages have to arrive."""

MATCHING, OTHER = PubsubMessage(data=b"matching", attributes={"a": "b"}), PubsubMessage(data=b"other")


def are_applied(host: str, project: str) -> bool:
    """Return whether a new subscription with a filter of the Pub/Sub at this address gets only messages that match."""
    topic, subscription = (f"projects/{project}/{kind}/filters-{uuid4().hex}" for kind in ("topics", "subscriptions"))
    with (
        PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(host))) as publisher,
        SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as subscriber,
    ):
        publisher.create_topic(name=topic)
        subscriber.create_subscription(request={"name": subscription, "topic": topic, "filter": "attributes:a"})
        publisher.publish(topic=topic, messages=[OTHER, MATCHING])
        give_up_at, received = time.monotonic() + WAIT_S, set()
        while MATCHING.data not in received and time.monotonic() < give_up_at:
            answer = subscriber.pull(
                request={"subscription": subscription, "max_messages": 10, "return_immediately": True}
            )
            received |= {message.message.data for message in answer.received_messages}
        subscriber.delete_subscription(subscription=subscription)
        publisher.delete_topic(topic=topic)
    return received == {MATCHING.data}
