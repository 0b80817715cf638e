"""The limits that the embedded Pub/Sub enforces: a value at a limit is accepted, a value just over it is refused."""

from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.emulators.pubsub import EmbeddedPubSub

PROJECT = "projects/p"
TOPIC = f"{PROJECT}/topics/events"
SUBSCRIPTION = f"{PROJECT}/subscriptions/reader"
DEAD = f"{PROJECT}/topics/dead"
DAY_S = 24 * 3600
TRANSFORM = {"javascript_udf": {"function_name": "f", "code": "function f(m) { return m; }"}}


@pytest.fixture(scope="module")
def pubsub() -> Iterator[EmbeddedPubSub]:
    with EmbeddedPubSub() as embedded:
        embedded.create_topic(TOPIC)
        embedded.create_topic(DEAD)
        embedded.create_subscription(SUBSCRIPTION, TOPIC)
        yield embedded


@pytest.fixture(scope="module")
def publisher(pubsub: EmbeddedPubSub) -> Iterator[PublisherClient]:
    with PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(pubsub.host))) as client:
        yield client


@pytest.fixture(scope="module")
def subscriber(pubsub: EmbeddedPubSub) -> Iterator[SubscriberClient]:
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(pubsub.host))) as client:
        yield client


def refusal_of(publisher: PublisherClient, *messages: types.PubsubMessage) -> str:
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        publisher.publish(topic=TOPIC, messages=list(messages), timeout=30)
    return str(refusal.value.message)


def with_attributes(attributes: Mapping[str, str]) -> types.PubsubMessage:
    return types.PubsubMessage(data=b"x", attributes=attributes)


FITTING = {
    "100 attributes": with_attributes({f"k{number}": "" for number in range(100)}),
    "a key of 256 bytes": with_attributes({"k" * 256: "v"}),
    "a key of 128 characters of 2 bytes": with_attributes({"é" * 128: "v"}),
    "a value of 1024 bytes": with_attributes({"k": "v" * 1024}),
    "a value of 256 characters of 4 bytes": with_attributes({"k": "🌡" * 256}),
    "a key with goog inside": with_attributes({"agoog": "v", "Goog": "v"}),
    "an ordering key of 1024 bytes": types.PubsubMessage(data=b"x", ordering_key="é" * 512),
    "attributes alone": types.PubsubMessage(attributes={"k": ""}),
}

TOO_MUCH = {
    "101 attributes": with_attributes({f"k{number}": "" for number in range(101)}),
    "an empty key": with_attributes({"": "v"}),
    "a key of 257 bytes": with_attributes({"k" * 257: "v"}),
    "a key of 129 characters of 2 bytes": with_attributes({"é" * 129: "v"}),
    "a value of 1025 bytes": with_attributes({"k": "v" * 1025}),
    "a value of 257 characters of 4 bytes": with_attributes({"k": "🌡" * 257}),
    "a key that starts with goog": with_attributes({"google": "v"}),
    "an ordering key of 1026 bytes": types.PubsubMessage(data=b"x", ordering_key="é" * 513),
    "nothing": types.PubsubMessage(),
    "an ordering key alone": types.PubsubMessage(ordering_key="k"),
}


@pytest.mark.parametrize("message", FITTING.values(), ids=FITTING)
def test_a_message_at_its_limit_is_published(publisher: PublisherClient, message: types.PubsubMessage) -> None:
    assert len(publisher.publish(topic=TOPIC, messages=[message]).message_ids) == 1


@pytest.mark.parametrize("message", TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_message_over_its_limit_is_an_invalid_argument(
    publisher: PublisherClient, message: types.PubsubMessage
) -> None:
    refusal_of(publisher, message)


def test_one_invalid_message_fails_the_whole_request(publisher: PublisherClient, subscriber: SubscriberClient) -> None:
    _emptied(subscriber)
    refusal_of(publisher, types.PubsubMessage(data=b"good"), types.PubsubMessage())

    assert not subscriber.pull(subscription=SUBSCRIPTION, max_messages=1, timeout=0.3).received_messages


def _emptied(subscriber: SubscriberClient) -> None:
    subscriber.delete_subscription(subscription=SUBSCRIPTION)
    subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)


def test_a_request_has_one_to_a_thousand_messages(publisher: PublisherClient) -> None:
    message = types.PubsubMessage(data=b"x")

    assert len(publisher.publish(topic=TOPIC, messages=[message] * 1000).message_ids) == 1000
    assert "maximum value is 1000" in refusal_of(publisher, *[message] * 1001)
    refusal_of(publisher)


def test_a_request_has_at_most_ten_million_bytes(publisher: PublisherClient) -> None:
    envelope = types.PublishRequest.pb(types.PublishRequest(topic=TOPIC, messages=[{"data": bytes(9_000_000)}]))
    fits = 10_000_000 - (envelope.ByteSize() - 9_000_000)

    assert publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=bytes(fits))]).message_ids
    assert "maximum value is 10000000" in refusal_of(publisher, types.PubsubMessage(data=bytes(fits + 1)))


def test_a_request_has_one_ordering_key(publisher: PublisherClient) -> None:
    refusal_of(publisher, *(types.PubsubMessage(data=b"x", ordering_key=key) for key in "ab"))


GOOD_IDS = ["abc", "a" * 255, "A-._~+%9", "xgoog"]
BAD_IDS = ["", "ab", "a" * 256, "1abc", "goog", "google-1", "a b c", "a/b/c", "äbc", "_deleted-topic_"]


@pytest.mark.parametrize("resource_id", GOOD_IDS)
def test_a_well_formed_name_is_accepted(
    publisher: PublisherClient, subscriber: SubscriberClient, resource_id: str
) -> None:
    publisher.create_topic(name=f"{PROJECT}/topics/{resource_id}")
    subscriber.create_subscription(name=f"{PROJECT}/subscriptions/{resource_id}", topic=TOPIC)


@pytest.mark.parametrize("resource_id", BAD_IDS)
def test_a_malformed_name_is_an_invalid_argument_for_every_method(
    publisher: PublisherClient, subscriber: SubscriberClient, resource_id: str
) -> None:
    topic, name = f"{PROJECT}/topics/{resource_id}", f"{PROJECT}/subscriptions/{resource_id}"
    for refused in (
        lambda: publisher.create_topic(name=topic),
        lambda: publisher.get_topic(topic=topic),
        lambda: publisher.delete_topic(topic=topic),
        lambda: publisher.publish(topic=topic, messages=[types.PubsubMessage(data=b"x")]),
        lambda: subscriber.create_subscription(name=name, topic=TOPIC),
        lambda: subscriber.create_subscription(name=f"{PROJECT}/subscriptions/another", topic=topic),
        lambda: subscriber.get_subscription(subscription=name),
        lambda: subscriber.delete_subscription(subscription=name),
        lambda: subscriber.pull(subscription=name, max_messages=1),
    ):
        with pytest.raises(exceptions.InvalidArgument):
            refused()


@pytest.mark.parametrize("name", ["events", "projects//topics/abc", "projects/p/subscriptions/abc", "p/topics/abc"])
def test_a_topic_name_has_its_project_and_collection(publisher: PublisherClient, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        publisher.create_topic(name=name)


GOOD_SETTINGS: list[dict[str, Any]] = [
    {"ack_deadline_seconds": 10},
    {"ack_deadline_seconds": 600},
    {"message_retention_duration": Duration(seconds=600)},
    {"message_retention_duration": Duration(seconds=31 * DAY_S)},
    {"expiration_policy": {"ttl": Duration(seconds=DAY_S)}},
    {"filter": f'attributes.a = "{"x" * 239}"'},
    {"dead_letter_policy": {"dead_letter_topic": DEAD, "max_delivery_attempts": 5}},
    {"dead_letter_policy": {"dead_letter_topic": DEAD, "max_delivery_attempts": 100}},
    {"retry_policy": {"minimum_backoff": Duration(), "maximum_backoff": Duration(seconds=600)}},
    {"push_config": {"push_endpoint": "https://receiver.example.com/a?b=c", "attributes": {"x-goog-version": "v1"}}},
    {"push_config": {"push_endpoint": "http://127.0.0.1:1/"}},
    {"enable_exactly_once_delivery": True},
    {"retain_acked_messages": True},
    {"message_transforms": [TRANSFORM] * 5},
    {"labels": {"a" + "b" * 62: "c" * 63, "é_1-": ""}},
    {"labels": {f"k{number}": "" for number in range(64)}},
]

BAD_SETTINGS: list[dict[str, Any]] = [
    {"ack_deadline_seconds": 9},
    {"ack_deadline_seconds": 601},
    {"ack_deadline_seconds": -1},
    {"message_retention_duration": Duration(seconds=599, nanos=999_999_999)},
    {"message_retention_duration": Duration(seconds=31 * DAY_S, nanos=1000)},
    {"expiration_policy": {"ttl": Duration(seconds=DAY_S - 1)}},
    {"filter": "deviceId is a"},
    {"filter": f'attributes.a = "{"x" * 240}"'},
    {"dead_letter_policy": {"dead_letter_topic": DEAD, "max_delivery_attempts": 4}},
    {"dead_letter_policy": {"dead_letter_topic": DEAD, "max_delivery_attempts": 101}},
    {"dead_letter_policy": {"dead_letter_topic": "dead"}},
    {"dead_letter_policy": {"dead_letter_topic": TOPIC}},
    {"retry_policy": {"minimum_backoff": Duration(seconds=601)}},
    {"retry_policy": {"maximum_backoff": Duration(seconds=601)}},
    {"retry_policy": {"minimum_backoff": Duration(seconds=20), "maximum_backoff": Duration(seconds=19)}},
    {"retry_policy": {"maximum_backoff": Duration(seconds=9)}},
    {"push_config": {"push_endpoint": "http://receiver.example.com/"}},
    {"push_config": {"push_endpoint": "nonsense"}},
    {"push_config": {"push_endpoint": "https://receiver.example.com/"}, "enable_exactly_once_delivery": True},
    {"message_transforms": [TRANSFORM] * 6},
    {"message_transforms": [{"javascript_udf": {"function_name": "f", "code": "x" * (20 * 1024 + 1)}}]},
    {"message_transforms": [{"javascript_udf": {"function_name": "", "code": "x"}}]},
    {"labels": {"a" + "b" * 63: ""}},
    {"labels": {"a": "c" * 64}},
    {"labels": {"A": ""}},
    {"labels": {"1": ""}},
    {"labels": {f"k{number}": "" for number in range(65)}},
]


@pytest.mark.parametrize("settings", GOOD_SETTINGS, ids=str)
def test_settings_at_their_limits_are_returned_unchanged(
    subscriber: SubscriberClient, settings: dict[str, Any]
) -> None:
    name = f"{PROJECT}/subscriptions/good"
    created = subscriber.create_subscription(request={"name": name, "topic": TOPIC, **settings})
    fetched = subscriber.get_subscription(subscription=name)
    subscriber.delete_subscription(subscription=name)

    asked = types.Subscription(name=name, topic=TOPIC, **settings)
    assert created == fetched
    assert all(getattr(created, key) == getattr(asked, key) for key in settings)


@pytest.mark.parametrize("settings", BAD_SETTINGS, ids=str)
def test_settings_over_their_limits_are_an_invalid_argument(
    subscriber: SubscriberClient, settings: dict[str, Any]
) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.create_subscription(request={"name": f"{PROJECT}/subscriptions/bad", "topic": TOPIC, **settings})


def test_unset_settings_have_the_documented_defaults(subscriber: SubscriberClient) -> None:
    settings = subscriber.get_subscription(subscription=SUBSCRIPTION)

    assert settings.ack_deadline_seconds == 10
    assert types.Subscription.pb(settings).message_retention_duration.seconds == 7 * DAY_S
    assert types.Subscription.pb(settings).expiration_policy.ttl.seconds == 31 * DAY_S


def test_a_topic_keeps_its_messages_ten_minutes_to_31_days(publisher: PublisherClient) -> None:
    for number, seconds in enumerate((600, 31 * DAY_S)):
        name = f"{PROJECT}/topics/kept{number}"
        publisher.create_topic(request={"name": name, "message_retention_duration": Duration(seconds=seconds)})
    for seconds in (599, 31 * DAY_S + 1):
        name = f"{PROJECT}/topics/not-kept"
        with pytest.raises(exceptions.InvalidArgument):
            publisher.create_topic(request={"name": name, "message_retention_duration": Duration(seconds=seconds)})


@pytest.mark.parametrize(
    "settings",
    [
        {"bigquery_config": {"table": "p.d.t"}},
        {"cloud_storage_config": {"bucket": "b"}},
        {"push_config": {"push_endpoint": "https://a.example.com/"}, "message_transforms": [TRANSFORM]},
    ],
    ids=str,
)
def test_a_setting_that_is_not_supported_is_refused_as_not_implemented(
    subscriber: SubscriberClient, settings: dict[str, Any]
) -> None:
    with pytest.raises(exceptions.MethodNotImplemented):
        subscriber.create_subscription(request={"name": f"{PROJECT}/subscriptions/bad", "topic": TOPIC, **settings})


@pytest.mark.parametrize("seconds", [-1, 601])
def test_a_deadline_is_modified_to_at_most_600_seconds(subscriber: SubscriberClient, seconds: int) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.modify_ack_deadline(
            subscription=SUBSCRIPTION, ack_ids=["0" * 16 + "-1"], ack_deadline_seconds=seconds
        )


@pytest.mark.parametrize(
    "ack_ids", [[], ["made up"], ["0" * 16 + "-1"] * 40_000], ids=["none", "malformed", "too many"]
)
def test_an_impossible_acknowledgement_is_an_invalid_argument(subscriber: SubscriberClient, ack_ids: list[str]) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ack_ids)


def test_a_pull_asks_for_at_least_one_message(subscriber: SubscriberClient) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        subscriber.pull(subscription=SUBSCRIPTION, max_messages=0)


@pytest.mark.parametrize("seconds", [9, 601])
def test_a_stream_has_a_deadline_of_10_to_600_seconds(subscriber: SubscriberClient, seconds: int) -> None:
    request = types.StreamingPullRequest(subscription=SUBSCRIPTION, stream_ack_deadline_seconds=seconds)

    with pytest.raises(exceptions.InvalidArgument):
        list(subscriber.streaming_pull(requests=iter([request])))


BAD_LATER_REQUESTS = [
    types.StreamingPullRequest(subscription=SUBSCRIPTION),
    types.StreamingPullRequest(max_outstanding_messages=1),
    types.StreamingPullRequest(ack_ids=["made up"]),
    types.StreamingPullRequest(modify_deadline_ack_ids=["0" * 16 + "-1"], modify_deadline_seconds=[]),
    types.StreamingPullRequest(modify_deadline_ack_ids=["0" * 16 + "-1"], modify_deadline_seconds=[-1]),
]


@pytest.mark.parametrize("later", BAD_LATER_REQUESTS, ids=range(len(BAD_LATER_REQUESTS)))
def test_a_stream_ends_at_an_impossible_request(
    subscriber: SubscriberClient, later: types.StreamingPullRequest
) -> None:
    _emptied(subscriber)
    first = types.StreamingPullRequest(subscription=SUBSCRIPTION, stream_ack_deadline_seconds=10)

    with pytest.raises(exceptions.InvalidArgument):
        list(subscriber.streaming_pull(requests=iter([first, later]), timeout=30))
