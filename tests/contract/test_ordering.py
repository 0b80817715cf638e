"""ORDERING_KEY=device: a subscription with message ordering gets the events of each device in the order of publication.

And what that costs, as docs/messages.md says: more Publish requests, and a message waits for the earlier ones of its
device. Google's emulator keeps the order as well, but sends a message that was not acknowledged after the later ones.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence

import grpc
import pytest
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import ReceivedMessage

from function.access_token import AccessToken, AccessTokens
from function.batching import Batcher
from function.errors import PublishMisconfigured
from function.event import parse_body, read_envelope
from function.message import Message, event_message
from function.pubsub import PubSub
from tests.emulators.events import encode, sample_event
from tests.emulators.pubsub import EmbeddedPubSub
from tests.function.builders import AT, TOPIC, settings, verified

SUBSCRIPTION = "projects/demo/subscriptions/ordered"
DEVICES = 3
EVENTS_OF_EACH = 8


@pytest.fixture
def subscriber(embedded: EmbeddedPubSub) -> Iterator[SubscriberClient]:
    embedded.create_topic(TOPIC)
    embedded.create_subscription(SUBSCRIPTION, TOPIC, ordered=True)
    with grpc.insecure_channel(embedded.host) as channel:
        yield SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def no_token(_: float) -> AccessToken:
    raise PublishMisconfigured("none is needed here")


def messages(**changes: str) -> list[list[Message]]:
    """Return the messages of the devices; the timestamps of each device go down, as those of stored readings do."""
    made: list[list[Message]] = []
    for device in range(DEVICES):
        made.append([])
        for number in range(EVENTS_OF_EACH):
            body = sample_event("touch", number=device, at=AT)
            body["event"].update(eventId=f"{device}-{number}", timestamp=f"2026-11-02T08:{59 - number}:00Z")
            data = encode(body)
            envelope = read_envelope(parse_body(data))
            made[-1].append(event_message(verified(data), envelope, None, settings(**changes)))
    return made


def publish(host: str, devices: Sequence[Sequence[Message]]) -> None:
    """Publish the devices' messages side by side, and those of one device one after the other."""

    async def main() -> None:
        tokens = AccessTokens(no_token, now=time.time, monotonic=time.monotonic, warn=print)
        broker = PubSub(host, tokens)
        batcher = Batcher(broker)

        async def one_by_one(sent: Sequence[Message]) -> None:
            for message in sent:
                await batcher.publish(TOPIC, message, timeout_s=4.0)

        try:
            await asyncio.gather(*(one_by_one(sent) for sent in devices))
        finally:
            await broker.close()

    asyncio.run(main())


def pulled(subscriber: SubscriberClient, most: int) -> list[ReceivedMessage]:
    return list(subscriber.pull(subscription=SUBSCRIPTION, max_messages=most, timeout=10).received_messages)


def numbers(received: Sequence[ReceivedMessage]) -> dict[str, list[int]]:
    """Return the numbers of the events of each device in the order of their arrival."""
    found: dict[str, list[int]] = {}
    for one in received:
        device, number = one.message.attributes["eventId"].split("-")
        found.setdefault(device, []).append(int(number))
    return found


def test_the_events_of_each_device_arrive_in_the_order_of_their_publication(
    embedded: EmbeddedPubSub, subscriber: SubscriberClient
) -> None:
    publish(embedded.host, messages(ORDERING_KEY="device"))
    received: list[ReceivedMessage] = []
    while len(received) < DEVICES * EVENTS_OF_EACH:
        some = pulled(subscriber, most=5)
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[one.ack_id for one in some])
        received += some
    assert numbers(received) == {str(device): [*range(EVENTS_OF_EACH)] for device in range(DEVICES)}
    timestamps = [
        one.message.attributes["timestamp"] for one in received if one.message.ordering_key.startswith("emu0000")
    ]
    assert timestamps == sorted(timestamps, reverse=True)  # the order is not that of the timestamps


def test_an_event_that_is_not_acknowledged_brings_the_later_ones_of_its_device_again(
    embedded: EmbeddedPubSub, subscriber: SubscriberClient
) -> None:
    publish(embedded.host, messages(ORDERING_KEY="device")[:1])
    received = pulled(subscriber, most=100)
    assert numbers(received) == {"0": [*range(EVENTS_OF_EACH)]}
    subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=[received[0].ack_id])
    subscriber.modify_ack_deadline(subscription=SUBSCRIPTION, ack_ids=[received[1].ack_id], ack_deadline_seconds=0)
    assert numbers(pulled(subscriber, most=100)) == {"0": [*range(1, EVENTS_OF_EACH)]}


@pytest.mark.parametrize(("ordering_key", "requests"), [("none", EVENTS_OF_EACH), ("device", DEVICES * EVENTS_OF_EACH)])
def test_two_devices_never_share_a_publish_request(
    embedded: EmbeddedPubSub, subscriber: SubscriberClient, ordering_key: str, requests: int
) -> None:
    publish(embedded.host, messages(ORDERING_KEY=ordering_key))
    assert embedded.publish_calls() == requests
