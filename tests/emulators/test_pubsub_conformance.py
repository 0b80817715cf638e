"""Google's emulator and the embedded Pub/Sub behave alike for Google's own clients."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Queue
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1  # type: ignore[import-untyped]
from google.cloud.pubsub_v1.subscriber.message import Message
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.pubsub_v1 import PublisherAsyncClient, types
from google.pubsub_v1 import PublisherClient as GeneratedPublisher
from google.pubsub_v1 import SubscriberClient as GeneratedSubscriber
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport, PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.emulators.endpoint import Endpoint, listening
from tests.pace import in_time

pytestmark = pytest.mark.tools

DAY_S = 24 * 3600


@dataclass
class Pubsub:
    """One of the two Pub/Subs, with a project of its own and Google's clients."""

    host: str
    project: str
    publisher: pubsub_v1.PublisherClient
    subscriber: pubsub_v1.SubscriberClient

    @property
    def topic(self) -> str:
        """The topic of a test."""
        return f"{self.project}/topics/events"

    @property
    def subscription(self) -> str:
        """The subscription of most tests."""
        return f"{self.project}/subscriptions/reader"

    def create(self, name: str = "reader", **settings: Any) -> str:
        """Create a subscription, and its topic if it does not exist."""
        if self.topic not in [topic.name for topic in self.publisher.list_topics(project=self.project)]:
            self.publisher.create_topic(name=self.topic)
        subscription = f"{self.project}/subscriptions/{name}"
        self.subscriber.create_subscription(request={"name": subscription, "topic": self.topic, **settings})
        return subscription

    def publish(self, *data: bytes, key: str = "") -> list[str]:
        """Publish these messages in one request; return their ids."""
        messages = [types.PubsubMessage(data=content, ordering_key=key) for content in data]
        return self.publish_request(messages)

    def publish_request(self, messages: Sequence[types.PubsubMessage], topic: str = "") -> list[str]:
        """Send one publish request without retries; return the ids."""
        request = types.PublishRequest(topic=topic or self.topic, messages=messages)
        reply = GeneratedPublisher.publish(self.publisher, request, retry=None, timeout=30)
        return list(reply.message_ids)

    def pull(self, subscription: str = "", most: int = 1000) -> list[types.ReceivedMessage]:
        """Return the messages of one Pull."""
        name = subscription or self.subscription
        return list(self.subscriber.pull(subscription=name, max_messages=most, timeout=30).received_messages)

    def pull_exactly(self, count: int, subscription: str = "") -> list[types.ReceivedMessage]:
        """Return this many messages, from as many Pulls as necessary."""
        received: list[types.ReceivedMessage] = []
        while len(received) < count:
            received += self.pull(subscription, count - len(received))
        return received

    def nothing_to_pull(self, subscription: str = "") -> bool:
        """Return whether a Pull returns nothing for a while."""
        return not self.pull_at_once(subscription)

    def pull_at_once(self, subscription: str = "") -> list[types.ReceivedMessage]:
        """Return the messages of one Pull; one of the Pub/Subs lets a call without messages run into its deadline."""
        name = subscription or self.subscription
        try:
            reply = self.subscriber.pull(subscription=name, max_messages=10, timeout=0.2, retry=None)
        except exceptions.DeadlineExceeded:
            return []
        return list(reply.received_messages)

    def acknowledge(self, received: Sequence[types.ReceivedMessage], subscription: str = "") -> None:
        """Acknowledge these messages."""
        ack_ids = [delivery.ack_id for delivery in received]
        self.subscriber.acknowledge(subscription=subscription or self.subscription, ack_ids=ack_ids)

    def set_deadline(self, received: Sequence[types.ReceivedMessage], seconds: int) -> None:
        """Set the acknowledgement deadline of these messages, in seconds from now."""
        ack_ids = [delivery.ack_id for delivery in received]
        self.subscriber.modify_ack_deadline(
            subscription=self.subscription, ack_ids=ack_ids, ack_deadline_seconds=seconds
        )


@pytest.fixture(params=["emulator_host", "embedded"])
def pubsub(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pubsub]:
    backend = request.getfixturevalue(request.param)
    host = backend if isinstance(backend, str) else backend.host
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    yield Pubsub(host, f"projects/test-{uuid.uuid4().hex[:12]}", publisher, subscriber)
    publisher.stop()
    publisher.transport.close()
    subscriber.close()


@contextlib.contextmanager
def streaming(pubsub: Pubsub, take: Callable[[Message], None]) -> Iterator[None]:
    future = pubsub.subscriber.subscribe(pubsub.subscription, take)
    try:
        yield
    finally:
        future.cancel()
        future.result(5)


def data_of(received: Sequence[types.ReceivedMessage]) -> list[bytes]:
    return [delivery.message.data for delivery in received]


def test_a_created_topic_can_be_fetched_and_listed(pubsub: Pubsub) -> None:
    pubsub.publisher.create_topic(request={"name": pubsub.topic, "labels": {"team": "cold"}})

    assert pubsub.publisher.get_topic(topic=pubsub.topic).labels == {"team": "cold"}
    assert [topic.name for topic in pubsub.publisher.list_topics(project=pubsub.project)] == [pubsub.topic]


def test_a_topic_is_created_once(pubsub: Pubsub) -> None:
    pubsub.publisher.create_topic(name=pubsub.topic)

    with pytest.raises(exceptions.AlreadyExists):
        pubsub.publisher.create_topic(name=pubsub.topic)


def test_every_call_that_needs_a_missing_topic_fails_with_not_found(pubsub: Pubsub) -> None:
    publisher = pubsub.publisher
    needs: list[Callable[[], Any]] = [
        lambda: publisher.get_topic(topic=pubsub.topic),
        lambda: publisher.delete_topic(topic=pubsub.topic),
        lambda: pubsub.publish(b"x"),
        lambda: pubsub.subscriber.create_subscription(name=pubsub.subscription, topic=pubsub.topic),
    ]
    for need in needs:
        with pytest.raises(exceptions.NotFound):
            need()


def test_every_call_that_needs_a_missing_subscription_fails_with_not_found(pubsub: Pubsub) -> None:
    subscriber, name = pubsub.subscriber, pubsub.subscription
    needs: list[Callable[[], Any]] = [
        lambda: subscriber.get_subscription(subscription=name),
        lambda: subscriber.delete_subscription(subscription=name),
        lambda: subscriber.pull(subscription=name, max_messages=1),
        lambda: subscriber.subscribe(name, print).result(5),
    ]
    for need in needs:
        with pytest.raises(exceptions.NotFound):
            need()


def test_a_subscription_is_created_once(pubsub: Pubsub) -> None:
    pubsub.create()

    with pytest.raises(exceptions.AlreadyExists):
        pubsub.create()


def test_the_settings_of_a_subscription_are_returned_unchanged(pubsub: Pubsub) -> None:
    pubsub.create(
        ack_deadline_seconds=17,
        message_retention_duration=Duration(seconds=3 * DAY_S),
        expiration_policy=types.ExpirationPolicy(),
        labels={"a": "b"},
        enable_message_ordering=True,
    )
    settings = pubsub.subscriber.get_subscription(subscription=pubsub.subscription)

    assert (settings.topic, settings.ack_deadline_seconds, settings.labels) == (pubsub.topic, 17, {"a": "b"})
    assert settings.message_retention_duration.total_seconds() == 3 * DAY_S
    assert settings.enable_message_ordering
    assert "expiration_policy" in settings
    assert not settings.expiration_policy.ttl
    assert settings in list(pubsub.subscriber.list_subscriptions(project=pubsub.project))


def test_a_deleted_subscription_is_gone(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.subscriber.delete_subscription(subscription=pubsub.subscription)

    assert not list(pubsub.subscriber.list_subscriptions(project=pubsub.project))


def test_a_message_is_delivered_byte_for_byte(pubsub: Pubsub) -> None:
    pubsub.create()
    sent = types.PubsubMessage(data=bytes(range(256)), attributes={"ключ": "\N{SNOWMAN}", "empty": ""})
    before = time.time()

    ids = pubsub.publish_request([sent])

    (received,) = pubsub.pull()
    message = received.message
    assert (message.data, message.attributes, [message.message_id]) == (sent.data, sent.attributes, ids)
    published_at = types.PubsubMessage.pb(message).publish_time.seconds
    assert before - 2 < published_at < time.time() + 1


def test_a_message_can_have_attributes_without_data(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish_request([types.PubsubMessage(attributes={"only": "this"})])

    (received,) = pubsub.pull()
    assert (received.message.data, received.message.attributes) == (b"", {"only": "this"})


def test_message_ids_are_unique_and_in_the_order_of_the_request(pubsub: Pubsub) -> None:
    pubsub.create()
    ids = pubsub.publish(*[b"%d" % number for number in range(50)])

    received = {delivery.message.message_id: delivery.message.data for delivery in pubsub.pull_exactly(50)}
    assert [received[message_id] for message_id in ids] == [b"%d" % number for number in range(50)]


def test_an_acknowledged_message_does_not_come_back(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"x")
    received = pubsub.pull()
    pubsub.acknowledge(received)
    pubsub.acknowledge(received)

    assert pubsub.nothing_to_pull()


def test_an_outstanding_message_is_not_delivered_again(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"x")
    pubsub.pull()

    assert pubsub.nothing_to_pull()


def test_a_nacked_message_comes_back(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"x")
    pubsub.set_deadline(pubsub.pull(), 0)

    assert data_of(pubsub.pull()) == [b"x"]


def test_a_message_comes_back_when_its_deadline_has_passed(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"x")
    pubsub.set_deadline(pubsub.pull(), 1)

    started = time.monotonic()
    assert data_of(pubsub.pull_exactly(1)) == [b"x"]
    took_s = time.monotonic() - started
    assert took_s > 0.5
    in_time(took_s, 3)


def test_a_deadline_that_is_extended_in_time_counts_from_then_and_the_id_stays_valid(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"x")
    received = pubsub.pull()
    pubsub.set_deadline(received, 1)
    pubsub.set_deadline(received, 600)
    time.sleep(1.3)

    assert pubsub.nothing_to_pull()
    pubsub.acknowledge(received)
    assert pubsub.nothing_to_pull()


def test_each_subscription_gets_its_own_copy(pubsub: Pubsub) -> None:
    first, second = pubsub.create("first"), pubsub.create("second")
    pubsub.publish(b"x")

    pubsub.acknowledge(pubsub.pull(first), first)
    assert data_of(pubsub.pull(second)) == [b"x"]


def test_a_subscription_gets_no_messages_from_before_its_creation(pubsub: Pubsub) -> None:
    pubsub.create("early")
    pubsub.publish(b"x")

    assert pubsub.nothing_to_pull(pubsub.create("late"))


def test_a_pull_gets_no_more_than_it_asked_for(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"1", b"2", b"3")

    assert len(pubsub.pull(most=2)) <= 2


def test_a_waiting_pull_gets_what_is_published_meanwhile(pubsub: Pubsub) -> None:
    pubsub.create()
    request = types.PullRequest(subscription=pubsub.subscription, max_messages=1)
    waiting = pubsub.subscriber.transport.pull.future(request, timeout=30)
    time.sleep(0.1)
    pubsub.publish(b"x")

    assert data_of(waiting.result().received_messages) == [b"x"]


def test_messages_of_one_key_come_in_order(pubsub: Pubsub) -> None:
    pubsub.create(enable_message_ordering=True)
    for number in range(20):
        pubsub.publish(b"a%02d" % number, key="a")
        pubsub.publish(b"b%02d" % number, key="b")

    received: list[bytes] = []
    while len(received) < 40:
        some = pubsub.pull(most=7)
        received += data_of(some)
        pubsub.acknowledge(some)
    for key in (b"a", b"b"):
        mine = [data for data in received if data.startswith(key)]
        assert mine == sorted(mine)


@pytest.mark.parametrize("messages", [[], [types.PubsubMessage()], [types.PubsubMessage(data=b"x")] * 1001])
def test_an_impossible_publish_is_an_invalid_argument(pubsub: Pubsub, messages: list[types.PubsubMessage]) -> None:
    pubsub.create()

    with pytest.raises(exceptions.InvalidArgument):
        pubsub.publish_request(messages)


def test_a_thousand_messages_fit_in_one_request(pubsub: Pubsub) -> None:
    pubsub.create()

    assert len(set(pubsub.publish(*[b"x"] * 1000))) == 1000


def test_a_large_message_is_delivered(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(bytes(9_900_000))

    channel = grpc.insecure_channel(pubsub.host, [("grpc.max_receive_message_length", -1)])
    with GeneratedSubscriber(transport=SubscriberGrpcTransport(channel=channel)) as subscriber:
        reply = subscriber.pull(subscription=pubsub.subscription, max_messages=1, timeout=30)
    assert data_of(reply.received_messages) == [bytes(9_900_000)]


def test_deleting_a_topic_keeps_its_subscriptions_and_their_messages(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"x")
    pubsub.publisher.delete_topic(topic=pubsub.topic)

    settings = pubsub.subscriber.get_subscription(subscription=pubsub.subscription)
    assert settings.topic == "_deleted-topic_"
    assert data_of(pubsub.pull()) == [b"x"]
    with pytest.raises(exceptions.NotFound):
        pubsub.publish(b"y")


def test_a_topic_that_is_created_again_is_another_topic(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publisher.delete_topic(topic=pubsub.topic)
    pubsub.publisher.create_topic(name=pubsub.topic)
    pubsub.publish(b"x")

    assert pubsub.nothing_to_pull()


def test_a_streaming_pull_delivers_everything_once_it_is_acknowledged(pubsub: Pubsub) -> None:
    pubsub.create()
    arrived: Queue[bytes] = Queue()

    def take(message: Message) -> None:
        message.ack_with_response().result(5)
        arrived.put(message.data)

    with streaming(pubsub, take):
        for _ in range(3):
            pubsub.publish(*[b"%d" % number for number in range(500)])
        received = [arrived.get(timeout=30) for _ in range(1500)]
    assert sorted(received) == sorted(b"%d" % number for number in range(500) for _ in range(3))
    assert pubsub.nothing_to_pull()


def test_a_streaming_pull_redelivers_nacked_messages(pubsub: Pubsub) -> None:
    pubsub.create()
    arrived: Queue[str] = Queue()

    def take(message: Message) -> None:
        if arrived.empty():
            message.nack()
        else:
            message.ack()
        arrived.put(message.message_id)

    with streaming(pubsub, take):
        (message_id,) = pubsub.publish(b"x")
        deliveries = [arrived.get(timeout=30) for _ in range(2)]
    assert deliveries == [message_id, message_id]


def test_a_streaming_pull_keeps_the_order_of_a_key(pubsub: Pubsub) -> None:
    pubsub.create(enable_message_ordering=True)
    arrived: Queue[bytes] = Queue()

    def take(message: Message) -> None:
        arrived.put(message.data)
        message.ack()

    with streaming(pubsub, take):
        for number in range(50):
            pubsub.publish(b"%02d" % number, key="a")
        received = [arrived.get(timeout=30) for _ in range(50)]
    assert received == [b"%02d" % number for number in range(50)]


def test_the_batching_publisher_gets_an_id_for_each_message(pubsub: Pubsub) -> None:
    pubsub.create()
    futures = [pubsub.publisher.publish(pubsub.topic, b"%d" % number, n=str(number)) for number in range(100)]
    ids = {future.result(5): number for number, future in enumerate(futures)}

    received = {
        delivery.message.message_id: int(delivery.message.attributes["n"]) for delivery in pubsub.pull_exactly(100)
    }
    assert received == ids


def test_the_generated_asynchronous_publisher_gets_its_ids(pubsub: Pubsub) -> None:
    pubsub.create()

    async def publish() -> list[str]:
        channel = grpc.aio.insecure_channel(pubsub.host)
        async with PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel)) as publisher:
            message = types.PubsubMessage(data=b"x")
            calls = [publisher.publish(topic=pubsub.topic, messages=[message]) for _ in range(100)]
            return [reply.message_ids[0] for reply in await asyncio.gather(*calls)]

    ids = asyncio.run(publish())
    assert {delivery.message.message_id for delivery in pubsub.pull_exactly(100)} == set(ids)


def test_the_generated_publisher_gets_its_id(pubsub: Pubsub) -> None:
    pubsub.create()
    transport = PublisherGrpcTransport(channel=grpc.insecure_channel(pubsub.host))
    with GeneratedPublisher(transport=transport) as publisher:
        reply = publisher.publish(topic=pubsub.topic, messages=[types.PubsubMessage(data=b"x")])

    assert [delivery.message.message_id for delivery in pubsub.pull()] == list(reply.message_ids)


# lists, updates


def seconds(number: int) -> Duration:
    return Duration(seconds=number)


def test_lists_are_returned_in_pages(pubsub: Pubsub) -> None:
    pubsub.create("reader0")
    for number in range(1, 5):
        pubsub.publisher.create_topic(name=f"{pubsub.project}/topics/more{number}")
        pubsub.create(f"reader{number}")

    topics = pubsub.publisher.list_topics(request={"project": pubsub.project, "page_size": 2}).pages
    assert [len(page.topics) for page in topics] == [2, 2, 1]
    subscriptions = pubsub.subscriber.list_subscriptions(request={"project": pubsub.project, "page_size": 3}).pages
    assert [len(page.subscriptions) for page in subscriptions] == [3, 2]
    names = pubsub.publisher.list_topic_subscriptions(request={"topic": pubsub.topic, "page_size": 3})
    assert sorted(names) == [f"{pubsub.project}/subscriptions/reader{number}" for number in range(5)]


def update(pubsub: Pubsub, *paths: str, **settings: Any) -> types.Subscription:
    asked = {"name": pubsub.subscription, **settings}
    request = {"subscription": asked, "update_mask": {"paths": paths}}
    changed: types.Subscription = pubsub.subscriber.update_subscription(request=request)
    return changed


def test_an_update_changes_only_what_its_mask_names(pubsub: Pubsub) -> None:
    pubsub.create(ack_deadline_seconds=20, retain_acked_messages=True)

    changed = update(pubsub, "ack_deadline_seconds", ack_deadline_seconds=60, message_retention_duration=seconds(601))

    assert (changed.ack_deadline_seconds, changed.retain_acked_messages) == (60, True)
    assert types.Subscription.pb(changed).message_retention_duration.seconds == 7 * DAY_S
    assert pubsub.subscriber.get_subscription(subscription=pubsub.subscription) == changed


@pytest.mark.parametrize("path", ["", "nope", "ackDeadlineSeconds", "topic", "filter", "enable_message_ordering"])
def test_an_update_without_a_mask_or_of_an_immutable_field_is_refused(pubsub: Pubsub, path: str) -> None:
    pubsub.create()

    with pytest.raises(exceptions.InvalidArgument):
        update(pubsub, *filter(None, [path]), ack_deadline_seconds=60, filter="attributes:a")


def test_a_topic_is_updated(pubsub: Pubsub) -> None:
    pubsub.publisher.create_topic(name=pubsub.topic)
    topic = {"name": pubsub.topic, "message_retention_duration": seconds(3600)}
    request = {"topic": topic, "update_mask": {"paths": ["message_retention_duration"]}}

    assert pubsub.publisher.update_topic(request=request).message_retention_duration.total_seconds() == 3600
    assert pubsub.publisher.get_topic(topic=pubsub.topic).message_retention_duration.total_seconds() == 3600


def test_an_update_of_a_topic_needs_a_mask_of_mutable_fields(pubsub: Pubsub) -> None:
    pubsub.publisher.create_topic(name=pubsub.topic)

    for paths in ([], ["name"], ["nope"]):
        request = {"topic": {"name": pubsub.topic}, "update_mask": {"paths": paths}}
        with pytest.raises(exceptions.InvalidArgument):
            pubsub.publisher.update_topic(request=request)


# dead letters and retries


def dead_letters(pubsub: Pubsub, attempts: int = 5) -> dict[str, Any]:
    """Return a dead-letter policy, whose topic has a subscription."""
    topic, subscription = f"{pubsub.project}/topics/dead", f"{pubsub.project}/subscriptions/dead"
    pubsub.publisher.create_topic(name=topic)
    pubsub.subscriber.create_subscription(name=subscription, topic=topic)
    return {"dead_letter_topic": topic, "max_delivery_attempts": attempts}


def test_a_message_goes_to_the_dead_letter_topic_after_its_last_attempt(pubsub: Pubsub) -> None:
    policy = dead_letters(pubsub)
    pubsub.create(dead_letter_policy=policy)
    pubsub.publish_request([types.PubsubMessage(data=b"x", attributes={"k": "v"})])

    attempts = []
    for _ in range(5):
        received = pubsub.pull_exactly(1)
        attempts += [message.delivery_attempt for message in received]
        pubsub.set_deadline(received, 0)
    assert attempts == [1, 2, 3, 4, 5]
    assert pubsub.nothing_to_pull()
    (dead,) = pubsub.pull_exactly(1, f"{pubsub.project}/subscriptions/dead")
    source = "CloudPubSubDeadLetterSource"
    published_at = dead.message.attributes[f"{source}TopicPublishTime"]
    assert abs(datetime.fromisoformat(published_at).timestamp() - time.time()) < 30
    assert (dead.message.data, dict(dead.message.attributes)) == (
        b"x",
        {
            "k": "v",
            f"{source}DeliveryCount": "5",
            f"{source}Subscription": "reader",
            f"{source}SubscriptionProject": pubsub.project.removeprefix("projects/"),
            f"{source}TopicPublishTime": published_at,
        },
    )


def test_delivery_attempts_are_shown_only_with_a_dead_letter_policy(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"x")

    assert not pubsub.pull()[0].delivery_attempt


def test_a_streaming_pull_shows_the_delivery_attempts(pubsub: Pubsub) -> None:
    pubsub.create(dead_letter_policy=dead_letters(pubsub))
    attempts: Queue[int] = Queue()

    def take(message: Message) -> None:
        attempts.put(message.delivery_attempt)
        message.nack()

    with streaming(pubsub, take):
        pubsub.publish(b"x")
        assert [attempts.get(timeout=30) for _ in range(5)] == [1, 2, 3, 4, 5]


def test_a_dead_letter_policy_is_set_changed_and_cleared_by_updates(pubsub: Pubsub) -> None:
    pubsub.create()
    policy = dead_letters(pubsub, 20)

    changed = update(pubsub, "dead_letter_policy", dead_letter_policy=policy)
    assert changed.dead_letter_policy == types.DeadLetterPolicy(policy)
    policy = {"dead_letter_topic": policy["dead_letter_topic"]}
    assert update(pubsub, "dead_letter_policy", dead_letter_policy=policy).dead_letter_policy.max_delivery_attempts == 5
    assert "dead_letter_policy" not in update(pubsub, "dead_letter_policy")


@pytest.mark.parametrize("attempts", [4, 101])
def test_a_dead_letter_policy_allows_5_to_100_attempts(pubsub: Pubsub, attempts: int) -> None:
    with pytest.raises(exceptions.BadRequest):
        pubsub.create(dead_letter_policy=dead_letters(pubsub, attempts))


def test_a_dead_letter_topic_must_exist(pubsub: Pubsub) -> None:
    with pytest.raises(exceptions.NotFound):
        pubsub.create(dead_letter_policy={"dead_letter_topic": f"{pubsub.project}/topics/none"})


def test_a_retry_policy_is_completed_and_returned(pubsub: Pubsub) -> None:
    pubsub.create(retry_policy={"minimum_backoff": seconds(3)})

    policy = pubsub.subscriber.get_subscription(subscription=pubsub.subscription).retry_policy
    assert policy.minimum_backoff.total_seconds() == 3
    assert policy.maximum_backoff.total_seconds() == 600


@pytest.mark.parametrize("backoffs", [(601, 600), (60, 59), (0, 601)])
def test_a_backoff_is_at_most_600_seconds_and_the_smaller_one_first(pubsub: Pubsub, backoffs: tuple[int, int]) -> None:
    minimum, maximum = map(seconds, backoffs)

    with pytest.raises(exceptions.InvalidArgument):
        pubsub.create(retry_policy={"minimum_backoff": minimum, "maximum_backoff": maximum})


# seeks and snapshots


def now() -> Timestamp:
    moment = Timestamp()
    moment.GetCurrentTime()
    time.sleep(0.05)  # so that messages published later have a later time on any clock
    return moment


def drain(pubsub: Pubsub) -> list[bytes]:
    """Pull and acknowledge all messages; return their data."""
    data: list[bytes] = []
    while received := pubsub.pull_at_once():
        data += data_of(received)
        pubsub.acknowledge(received)
    return data


def test_a_seek_to_a_time_redelivers_messages_published_since(pubsub: Pubsub) -> None:
    pubsub.create(retain_acked_messages=True)
    start = now()
    pubsub.publish(b"1")
    middle = now()
    pubsub.publish(b"2")
    end = now()
    assert drain(pubsub) == [b"1", b"2"]

    for moment, expected in ((middle, [b"2"]), (start, [b"1", b"2"]), (end, [])):
        pubsub.subscriber.seek(request={"subscription": pubsub.subscription, "time": moment})
        assert drain(pubsub) == expected


def test_a_seek_to_a_later_time_skips_unread_messages(pubsub: Pubsub) -> None:
    pubsub.create()
    pubsub.publish(b"1")
    middle = now()
    pubsub.publish(b"2")

    pubsub.subscriber.seek(request={"subscription": pubsub.subscription, "time": middle})
    assert drain(pubsub) == [b"2"]


def test_a_seek_to_a_snapshot_redelivers_messages_unacknowledged_then_or_published_since(pubsub: Pubsub) -> None:
    pubsub.create()
    snapshot = f"{pubsub.project}/snapshots/before"
    pubsub.publish(b"1")
    pubsub.acknowledge(pubsub.pull())
    pubsub.publish(b"2")
    pubsub.subscriber.create_snapshot(name=snapshot, subscription=pubsub.subscription)
    pubsub.publish(b"3")
    assert drain(pubsub) == [b"2", b"3"]

    pubsub.subscriber.seek(request={"subscription": pubsub.subscription, "snapshot": snapshot})
    assert drain(pubsub) == [b"2", b"3"]


def test_snapshots_are_made_once_shown_and_deleted(pubsub: Pubsub) -> None:
    pubsub.create()
    name = f"{pubsub.project}/snapshots/one"
    made = pubsub.subscriber.create_snapshot(name=name, subscription=pubsub.subscription)

    assert made.topic == pubsub.topic
    assert abs(made.expire_time.timestamp() - time.time() - 7 * DAY_S) < 60
    assert pubsub.subscriber.get_snapshot(snapshot=name) == made
    assert [snapshot.name for snapshot in pubsub.subscriber.list_snapshots(project=pubsub.project)] == [name]
    assert list(pubsub.publisher.list_topic_snapshots(topic=pubsub.topic)) == [name]
    with pytest.raises(exceptions.AlreadyExists):
        pubsub.subscriber.create_snapshot(name=name, subscription=pubsub.subscription)
    pubsub.subscriber.delete_snapshot(snapshot=name)
    for need in (pubsub.subscriber.get_snapshot, pubsub.subscriber.delete_snapshot):
        with pytest.raises(exceptions.NotFound):
            need(snapshot=name)


def test_a_seek_needs_an_existing_target(pubsub: Pubsub) -> None:
    pubsub.create()

    with pytest.raises(exceptions.InvalidArgument):
        pubsub.subscriber.seek(request={"subscription": pubsub.subscription})
    missing = f"{pubsub.project}/snapshots/none"
    with pytest.raises(exceptions.NotFound):
        pubsub.subscriber.seek(request={"subscription": pubsub.subscription, "snapshot": missing})
    with pytest.raises(exceptions.NotFound):
        pubsub.subscriber.seek(request={"subscription": f"{pubsub.subscription}-none", "time": now()})


# exactly-once delivery and push


def test_with_exactly_once_delivery_a_late_acknowledgement_fails(pubsub: Pubsub) -> None:
    pubsub.create(enable_exactly_once_delivery=True)
    pubsub.publish(b"x")
    received = pubsub.pull()
    pubsub.acknowledge(received)

    with pytest.raises(exceptions.InvalidArgument) as late:
        pubsub.acknowledge(received)
    assert late.value.reason == "EXACTLY_ONCE_ACKID_FAILURE"
    assert late.value.metadata == {received[0].ack_id: "PERMANENT_FAILURE_INVALID_ACK_ID"}
    with pytest.raises(exceptions.InvalidArgument):
        pubsub.set_deadline(received, 20)


def test_with_exactly_once_delivery_a_streaming_pull_confirms_acknowledgements(pubsub: Pubsub) -> None:
    pubsub.create(enable_exactly_once_delivery=True)
    outcomes: Queue[Any] = Queue()

    def take(message: Message) -> None:
        outcomes.put(message.ack_with_response().result(10))

    with streaming(pubsub, take):
        pubsub.publish(b"x", b"y")
        assert [str(outcomes.get(timeout=60)) for _ in range(2)] == ["AcknowledgeStatus.SUCCESS"] * 2
    assert pubsub.nothing_to_pull()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with listening() as found:
        yield found


def test_a_message_is_pushed_until_it_is_acknowledged(pubsub: Pubsub, endpoint: Endpoint) -> None:
    endpoint.statuses.append(500)
    pubsub.create(push_config={"push_endpoint": endpoint.url})
    sent = types.PubsubMessage(data=b"\xff", attributes={"a": "b"})
    (message_id,) = pubsub.publish_request([sent])

    bodies = [json.loads(endpoint.bodies.get(timeout=60)[1]) for _ in range(2)]
    assert bodies[0] == bodies[1]
    message = bodies[0]["message"]
    assert bodies[0]["subscription"] == pubsub.subscription
    assert (message["data"], message["attributes"], message["messageId"]) == ("/w==", {"a": "b"}, message_id)
    assert abs(datetime.fromisoformat(message["publishTime"]).timestamp() - time.time()) < 30


def test_a_message_is_pushed_without_a_wrapper_if_the_subscription_says_so(pubsub: Pubsub, endpoint: Endpoint) -> None:
    config = {"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": True}}
    pubsub.create(push_config=config)
    (message_id,) = pubsub.publish_request([types.PubsubMessage(data=b"{1", attributes={"ce-id": "b"})])

    headers, body = endpoint.bodies.get(timeout=60)
    assert (body, headers["ce-id"], headers["x-goog-pubsub-message-id"]) == (b"{1", "b", message_id)


def test_a_push_subscription_becomes_a_pull_subscription_and_back(pubsub: Pubsub, endpoint: Endpoint) -> None:
    pubsub.create()
    pubsub.subscriber.modify_push_config(subscription=pubsub.subscription, push_config={"push_endpoint": endpoint.url})
    pubsub.publish(b"x")
    endpoint.bodies.get(timeout=60)

    pubsub.subscriber.modify_push_config(subscription=pubsub.subscription, push_config={})
    pubsub.publish(b"y")
    assert data_of(pubsub.pull_exactly(1)) == [b"y"]


def test_a_push_endpoint_must_be_a_url(pubsub: Pubsub) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        pubsub.create(push_config={"push_endpoint": "nonsense"})


def test_a_filter_is_returned_unchanged(pubsub: Pubsub) -> None:
    pubsub.create(filter='attributes.author="unknown"')

    found = pubsub.subscriber.get_subscription(subscription=pubsub.subscription)
    assert found.filter == 'attributes.author="unknown"'
