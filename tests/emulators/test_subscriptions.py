"""Subscriptions of the embedded Pub/Sub, for features of Google's service that Google's emulator lacks."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.emulators.pubsub import EmbeddedPubSub
from tests.pace import in_time

PROJECT = "projects/p"
TOPIC, DEAD = f"{PROJECT}/topics/events", f"{PROJECT}/topics/dead"
READER, DEAD_READER = f"{PROJECT}/subscriptions/reader", f"{PROJECT}/subscriptions/dead"


class Client:
    """Google's publisher and subscriber clients, without retries."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))

    def create(self, name: str = READER, topic: str = TOPIC, **settings: Any) -> types.Subscription:
        """Create a subscription."""
        return self.subscriber.create_subscription(request={"name": name, "topic": topic, **settings})

    def publish(self, data: bytes = b"x", *, key: str = "", **attributes: str) -> None:
        """Publish one message."""
        message = types.PubsubMessage(data=data, attributes=attributes, ordering_key=key)
        self.publisher.publish(topic=TOPIC, messages=[message], retry=None, timeout=30)

    def pull(self, name: str = READER, within_s: float = 5, most: int = 100) -> list[types.ReceivedMessage]:
        """What a Pull brings within this time."""
        reply = self.subscriber.pull(subscription=name, max_messages=most, timeout=within_s * 2, retry=None)
        return list(reply.received_messages)

    def nack(self, received: list[types.ReceivedMessage], seconds: int = 0) -> None:
        """Nack messages, at once or after a delay in seconds."""
        ids = [delivery.ack_id for delivery in received]
        self.subscriber.modify_ack_deadline(subscription=READER, ack_ids=ids, ack_deadline_seconds=seconds)

    def update(self, *paths: str, **settings: Any) -> types.Subscription:
        """Change a subscription."""
        request = {"subscription": {"name": READER, **settings}, "update_mask": {"paths": paths}}
        return self.subscriber.update_subscription(request=request)


@pytest.fixture
def client(embedded: EmbeddedPubSub) -> Iterator[Client]:
    for topic in (TOPIC, DEAD):
        embedded.create_topic(topic)
    embedded.create_subscription(DEAD_READER, DEAD)
    with grpc.insecure_channel(embedded.host) as channel:
        yield Client(channel)


def data_of(received: list[types.ReceivedMessage]) -> list[bytes]:
    return [delivery.message.data for delivery in received]


# filters


def test_a_subscription_gets_only_messages_that_match_its_filter(client: Client) -> None:
    client.create(filter='attributes.eventType = "touch" AND NOT attributes:origin')
    client.publish(b"1", eventType="touch")
    client.publish(b"2", eventType="temperature")
    client.publish(b"3", eventType="touch", origin="replay")
    client.publish(b"4")

    assert data_of(client.pull()) == [b"1"]


def test_a_stream_gets_only_messages_that_match_the_filter(client: Client) -> None:
    client.create(filter="attributes:ce-type")
    client.publish(b"1")
    client.publish(b"2", **{"ce-type": "touch"})
    request = types.StreamingPullRequest(subscription=READER, stream_ack_deadline_seconds=10)
    replies = client.subscriber.streaming_pull(requests=iter([request]), timeout=30)

    assert data_of(list(next(iter(replies)).received_messages)) == [b"2"]


def test_an_invalid_filter_is_refused_with_the_place_of_the_error(client: Client) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="character 14: expected the end, AND or OR"):
        client.create(filter="attributes:a or attributes:b")


def test_a_snapshot_has_only_messages_that_match_the_filter(client: Client) -> None:
    client.create(filter="attributes:a")
    client.subscriber.create_snapshot(name=f"{PROJECT}/snapshots/one", subscription=READER)
    client.publish(b"1")
    client.publish(b"2", a="")
    client.pull()

    client.subscriber.seek(request={"subscription": READER, "snapshot": f"{PROJECT}/snapshots/one"})
    assert data_of(client.pull()) == [b"2"]


# retries and dead letters


def test_a_nacked_message_waits_for_its_backoff_which_doubles(client: Client) -> None:
    client.create(retry_policy={"minimum_backoff": Duration(nanos=400_000_000), "maximum_backoff": Duration(seconds=1)})
    client.publish()

    waited_s = []
    received = client.pull()
    for _ in range(3):
        client.nack(received)
        began_at = time.monotonic()
        received = client.pull(within_s=5)
        waited_s.append(time.monotonic() - began_at)
    assert len(received) == 1
    for seconds, expected in zip(waited_s, (0.4, 0.8, 1.0), strict=True):
        assert expected - 0.1 < seconds
        in_time(seconds, expected + 1.5)


def test_later_messages_of_a_key_wait_for_the_backoff_of_an_earlier_one(client: Client) -> None:
    client.create(
        enable_message_ordering=True,
        retry_policy={"minimum_backoff": Duration(seconds=1), "maximum_backoff": Duration(seconds=1)},
    )
    client.publish(b"a1", key="a")
    client.nack(client.pull())
    client.publish(b"a2", key="a")
    client.publish(b"b1", key="b")

    assert data_of(client.pull()) == [b"b1"]
    assert data_of(client.pull(within_s=3)) == [b"a1", b"a2"]


def test_a_subscription_to_dead_letters_gets_messages_that_were_never_acknowledged(client: Client) -> None:
    client.create(dead_letter_policy={"dead_letter_topic": DEAD, "max_delivery_attempts": 5})
    client.publish()
    for number in range(5):
        client.nack(client.pull(), 0 if number < 4 else 1)

    assert data_of(client.pull(DEAD_READER, within_s=5)) == [b"x"]


def test_a_dead_message_stays_while_its_topic_is_gone(client: Client) -> None:
    client.create(dead_letter_policy={"dead_letter_topic": DEAD, "max_delivery_attempts": 5})
    client.publisher.delete_topic(topic=DEAD)
    client.publish()
    for _ in range(5):
        client.nack(client.pull())

    (received,) = client.pull()
    assert (received.message.data, received.delivery_attempt) == (b"x", 6)


# updates, lists, snapshots


def test_every_mutable_setting_can_be_updated(client: Client) -> None:
    client.create(labels={"a": "b"})
    changed = client.update(
        "labels", "expiration_policy.ttl", labels={"c": "d"}, expiration_policy={"ttl": Duration(seconds=90_000)}
    )

    assert dict(changed.labels) == {"c": "d"}
    assert types.Subscription.pb(changed).expiration_policy.ttl.seconds == 90_000
    never = client.update("expiration_policy", expiration_policy={})
    assert not types.Subscription.pb(never).expiration_policy.HasField("ttl")


@pytest.mark.parametrize(
    "settings", [{"ack_deadline_seconds": 5}, {"labels": {"A": ""}}, {"bigquery_config": {"table": "t"}}]
)
def test_an_update_is_checked_like_a_creation(client: Client, settings: dict[str, Any]) -> None:
    made = client.create()

    with pytest.raises((exceptions.InvalidArgument, exceptions.MethodNotImplemented)):
        client.update(*settings, **settings)
    assert client.subscriber.get_subscription(subscription=READER) == made


def test_the_labels_of_topics_and_snapshots_are_changed(client: Client) -> None:
    client.create()
    topic = {"name": TOPIC, "labels": {"a": "b"}}
    name = f"{PROJECT}/snapshots/one"
    snapshot = {"name": name, "labels": {"c": "d"}}
    client.subscriber.create_snapshot(name=name, subscription=READER)

    client.publisher.update_topic(request={"topic": topic, "update_mask": {"paths": ["labels"]}})
    client.subscriber.update_snapshot(request={"snapshot": snapshot, "update_mask": {"paths": ["labels"]}})
    assert client.publisher.get_topic(topic=TOPIC).labels == {"a": "b"}
    assert client.subscriber.get_snapshot(snapshot=name).labels == {"c": "d"}


def test_a_list_needs_an_existing_topic_a_valid_size_and_a_known_page_token(client: Client) -> None:
    with pytest.raises(exceptions.NotFound):
        list(client.publisher.list_topic_subscriptions(topic=f"{PROJECT}/topics/none"))
    with pytest.raises(exceptions.InvalidArgument):
        list(client.publisher.list_topics(request={"project": PROJECT, "page_token": "made-up"}))
    with pytest.raises(exceptions.InvalidArgument):
        list(client.publisher.list_topics(request={"project": PROJECT, "page_size": -1}))


def test_a_topic_keeps_its_messages_for_subscriptions_made_later(client: Client) -> None:
    topic = {"name": TOPIC, "message_retention_duration": Duration(seconds=3600)}
    client.publisher.update_topic(request={"topic": topic, "update_mask": {"paths": ["message_retention_duration"]}})
    before = Timestamp(seconds=int(time.time()) - 1)
    client.publish()
    made = client.create()

    assert types.Subscription.pb(made).topic_message_retention_duration.seconds == 3600
    assert client.pull(within_s=0.3) == []
    client.subscriber.seek(request={"subscription": READER, "time": before})
    assert data_of(client.pull()) == [b"x"]


def test_a_seek_ends_outstanding_leases(client: Client) -> None:
    client.create()
    client.publish()
    received = client.pull()
    client.subscriber.seek(request={"subscription": READER, "time": Timestamp(seconds=int(time.time()) - 60)})
    client.subscriber.acknowledge(subscription=READER, ack_ids=[delivery.ack_id for delivery in received])

    assert data_of(client.pull()) == [b"x"]


def test_a_seek_to_a_snapshot_of_another_topic_is_refused(client: Client) -> None:
    client.create()
    client.subscriber.create_snapshot(name=f"{PROJECT}/snapshots/dead", subscription=DEAD_READER)

    with pytest.raises(exceptions.FailedPrecondition):
        client.subscriber.seek(request={"subscription": READER, "snapshot": f"{PROJECT}/snapshots/dead"})


def test_a_transform_is_stored_and_a_publish_that_it_would_change_is_refused(client: Client) -> None:
    transform = {"javascript_udf": {"function_name": "f", "code": "function f(m) { return m; }"}}
    client.create(message_transforms=[transform])
    client.publish()
    with pytest.raises(exceptions.MethodNotImplemented, match="message_transforms"):
        client.pull()
    assert data_of_disabled(client, transform) == [b"x"]

    client.publisher.create_topic(request={"name": f"{PROJECT}/topics/changed", "message_transforms": [transform]})
    with pytest.raises(exceptions.MethodNotImplemented, match="message_transforms"):
        client.publisher.publish(topic=f"{PROJECT}/topics/changed", messages=[types.PubsubMessage(data=b"x")])


def data_of_disabled(client: Client, transform: dict[str, Any]) -> list[bytes]:
    client.update("message_transforms", message_transforms=[{**transform, "disabled": True}])
    return data_of(client.pull())


def test_a_topic_with_ingestion_shows_that_its_source_cannot_be_reached(client: Client) -> None:
    source = {"aws_kinesis": {"stream_arn": "s", "consumer_arn": "c", "aws_role_arn": "r", "gcp_service_account": "g"}}
    topic = {"name": f"{PROJECT}/topics/ingested", "ingestion_data_source_settings": source}

    assert client.publisher.create_topic(request=topic).state == types.Topic.State.INGESTION_RESOURCE_ERROR


# detached subscriptions


def test_a_detached_subscription_gets_no_more_messages_and_shows_it(client: Client) -> None:
    client.create()
    client.publish()
    client.publisher.detach_subscription(request={"subscription": READER})
    client.publish()

    assert client.subscriber.get_subscription(subscription=READER).detached
    with pytest.raises(exceptions.FailedPrecondition, match="detached"):
        client.pull()
    with pytest.raises(exceptions.NotFound):
        client.publisher.detach_subscription(request={"subscription": f"{READER}-none"})


def test_a_stream_ends_when_its_subscription_is_detached(client: Client) -> None:
    client.create()
    request = types.StreamingPullRequest(subscription=READER, stream_ack_deadline_seconds=10)
    requests: Queue[types.StreamingPullRequest] = Queue()
    requests.put(request)
    client.publish()
    replies = client.subscriber.streaming_pull(requests=iter(requests.get, None), timeout=30)
    next(iter(replies))
    client.publisher.detach_subscription(request={"subscription": READER})

    with pytest.raises(exceptions.FailedPrecondition, match="detached"):
        next(iter(replies))


# streams and pushes


def test_a_stream_returns_the_subscriptions_properties_and_confirms_acknowledgements(client: Client) -> None:
    client.create(enable_exactly_once_delivery=True, enable_message_ordering=True)
    client.publish()
    requests: Queue[types.StreamingPullRequest] = Queue()
    requests.put(types.StreamingPullRequest(subscription=READER, stream_ack_deadline_seconds=10))
    replies = iter(client.subscriber.streaming_pull(requests=iter(requests.get, None), timeout=30))
    first = next(replies)
    assert first.subscription_properties.exactly_once_delivery_enabled
    assert first.subscription_properties.message_ordering_enabled

    ack_id = first.received_messages[0].ack_id
    for ids in (["ack_ids"], ["invalid_ack_ids"]):
        requests.put(types.StreamingPullRequest(ack_ids=[ack_id]))
        confirmation = next(replies).acknowledge_confirmation
        assert [name for name in ("ack_ids", "invalid_ack_ids") if list(getattr(confirmation, name)) == [ack_id]] == ids


def test_a_push_subscription_cannot_be_pulled(client: Client) -> None:
    client.create(push_config={"push_endpoint": "https://receiver.example.com/"})

    with pytest.raises(exceptions.FailedPrecondition):
        client.pull()


class Endpoint:
    """The endpoint of a push subscription: answers with the next status, at last with 204."""

    def __init__(self) -> None:
        self.bodies: Queue[dict[str, Any]] = Queue()
        self.statuses: list[int] = []
        self.delay_s = 0.0
        self.most_at_once = 0
        self._under_way = 0

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        time.sleep(self.delay_s)
        self._under_way -= 1
        self.bodies.put(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send_response(self.statuses.pop(0) if self.statuses else 204)
        handler.end_headers()


@pytest.fixture
def endpoint() -> Iterator[tuple[Endpoint, str]]:
    made = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.answer(self)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield made, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        serving.join()


def test_only_googles_five_statuses_acknowledge_a_push(client: Client, endpoint: tuple[Endpoint, str]) -> None:
    there, url = endpoint
    there.statuses = [203, 302, 400, 201]
    client.create(push_config={"push_endpoint": url})
    client.publish(key="k")

    bodies = [there.bodies.get(timeout=60) for _ in range(4)]
    assert {body["message"]["orderingKey"] for body in bodies} == {"k"}
    with pytest.raises(Empty):
        there.bodies.get(timeout=1)


def test_a_message_whose_push_fails_too_often_goes_to_the_dead_letter_topic(
    client: Client, endpoint: tuple[Endpoint, str]
) -> None:
    there, url = endpoint
    there.statuses = [500] * 5
    policy = {"dead_letter_topic": DEAD, "max_delivery_attempts": 5}
    client.create(push_config={"push_endpoint": url}, dead_letter_policy=policy)
    client.publish()

    assert [there.bodies.get(timeout=60)["deliveryAttempt"] for _ in range(5)] == [1, 2, 3, 4, 5]
    assert data_of(client.pull(DEAD_READER, within_s=5)) == [b"x"]


def test_a_failing_endpoint_gets_one_message_at_a_time(client: Client, endpoint: tuple[Endpoint, str]) -> None:
    there, url = endpoint
    there.statuses, there.delay_s = [500] * 10, 0.02
    client.create(push_config={"push_endpoint": url})
    for _ in range(20):
        client.publish()

    for _ in range(10):
        there.bodies.get(timeout=60)
    assert there.most_at_once == 1


def test_stopping_does_not_wait_for_a_missing_endpoint() -> None:
    with EmbeddedPubSub() as embedded, grpc.insecure_channel(embedded.host) as channel:
        embedded.create_topic(TOPIC)
        client = Client(channel)
        client.create(push_config={"push_endpoint": "http://127.0.0.1:1/"})
        client.publish()
        time.sleep(0.1)
        began_at = time.monotonic()
    in_time(time.monotonic() - began_at, 2)
