"""Authentic bodies that break receivers, and events at Pub/Sub's limits, with a Pub/Sub that enforces the limits.

Every body is answered 200 at once and arrives byte for byte: on the main topic if it is an event, or else on the
rejected topic. No signed body makes DT retry for 12 hours, and no body is lost.
"""

import asyncio
import gzip
import io
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PubsubMessage

from function.batching import Batcher
from function.http import Reply
from function.log import Log
from function.message import MAX_ATTRIBUTES, MAX_KEY_BYTES, MAX_VALUE_BYTES
from function.pubsub import PubSub
from function.receiver import Receiver
from function.retrying import RetryingPublisher
from function.settings import LARGEST_BODY_BYTES
from function.verifier import SecretScheme, Verifier
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.limits import check_message
from tests.function.builders import ABSENT, REJECTED_TOPIC, TOPIC, body, event, settings, sha256, signed
from tests.function.fakes import FakeClock, FakeSecrets

BODY = body()
SUBSCRIPTIONS = {"events": "projects/demo/subscriptions/events", "rejected": "projects/demo/subscriptions/rejected"}
HAZARDOUS_LABELS = ("timeout", "retry", "topic", "data", "self", "ordering_key", "request", "metadata", "messages")
ALL_ON = {"CLOUDEVENTS": "true", "ORDERING_KEY": "device", "LABEL_ATTRIBUTES": ",".join(("room", *HAZARDOUS_LABELS))}


@pytest.fixture(scope="module")
def pubsub() -> Iterator[EmbeddedPubSub]:
    with EmbeddedPubSub() as embedded:
        for topic, subscription in zip((TOPIC, REJECTED_TOPIC), SUBSCRIPTIONS.values(), strict=True):
            embedded.create_topic(topic)
            embedded.create_subscription(subscription, topic)
        yield embedded


@pytest.fixture(scope="module")
def subscriber(pubsub: EmbeddedPubSub) -> Iterator[SubscriberClient]:
    with grpc.insecure_channel(pubsub.host, [("grpc.max_receive_message_length", -1)]) as channel:
        yield SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def answered(pubsub: EmbeddedPubSub, content: bytes, **changes: str) -> tuple[Reply, list[dict[str, Any]]]:
    """Return the reply and the log line of a receiver with a real publisher."""
    page = io.BytesIO()

    async def main() -> Reply:
        broker = PubSub(pubsub.host)
        publisher = RetryingPublisher(Batcher(broker))
        verifier = Verifier([SecretScheme(FakeSecrets())], now=FakeClock(), leeway_s=60)
        log = Log(page, level="DEBUG", google_project="demo", monotonic=time.monotonic)
        receiver = Receiver(settings(**changes), verifier, publisher, log, now=FakeClock(), monotonic=time.monotonic)
        try:
            return await receiver.receive(signed(content))
        finally:
            await broker.close()

    reply = asyncio.run(main())
    return reply, [json.loads(line) for line in page.getvalue().splitlines()]


def arrived(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, content: bytes, topic: str, **changes: str
) -> PubsubMessage:
    """Check that a body is answered 200 and arrives unchanged on this topic with one call. Return the message."""
    calls = pubsub.publish_calls()
    reply, lines = answered(pubsub, content, **changes)
    assert (reply.status, json.loads(reply.body).get("topic")) == (200, topic)
    assert pubsub.publish_calls() == calls + 1
    assert len(lines) == 1
    pulled = subscriber.pull(subscription=SUBSCRIPTIONS[topic], max_messages=10, timeout=30).received_messages
    subscriber.acknowledge(subscription=SUBSCRIPTIONS[topic], ack_ids=[received.ack_id for received in pulled])
    (message,) = [received.message for received in pulled]
    assert message.message_id == json.loads(reply.body)["messageId"]
    assert message.data == content
    return message


def escaped(whole: Any) -> bytes:
    """Encode an event with escapes for all characters that are not ASCII, lone surrogates included."""
    return json.dumps(whole).encode()


def with_labels(**labels: Any) -> bytes:
    return escaped({**event(), "labels": labels})


def with_value(text: bytes) -> bytes:
    return body(data="@").replace(b'"@"', b'{"temperature": {"value": %s}}' % text)


NO_EVENTS = {
    "empty": b"",
    "one space": b" ",
    "a NUL": b"\x00",
    "UTF-16": BODY.decode().encode("utf-16"),
    "UTF-16 without a mark": BODY.decode().encode("utf-16-be"),
    "UTF-32": BODY.decode().encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf" + BODY,
    "Latin-1": '{"event": "ø"}'.encode("latin-1"),
    "an overlong encoding": BODY + b"\xc0\x80",
    "a surrogate in UTF-8": BODY.replace(b'"eventId":"', b'"eventId":"\xed\xa0\x80'),
    "compressed": gzip.compress(BODY),
    "HTML": b"<!doctype html><title>502</title>",
    "a form": b"event=temperature&value=1",
    "NaN": with_value(b"NaN"),
    "Infinity": with_value(b"-Infinity"),
    "a number with a leading zero": with_value(b"01"),
    "single quotes": BODY.replace(b'"', b"'"),
    "a comment": BODY + b"// temperature",
    "a trailing comma": BODY[:-1] + b",}",
    "cut": BODY[:-1],
    "two events": BODY + b"\n" + BODY,
    "a control character in a text": BODY.replace(b'"temperature"', b'"temp\x07erature"', 1),
    "129 levels": with_value(b"[" * 126 + b"]" * 126),
    "100,000 levels": b'{"event":' + b"[" * 100_000,
    "100,000 levels, closed": b'{"event":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a list": b"[%s]" % BODY,
    "a text": json.dumps(BODY.decode()).encode(),
    "null": b"null",
    "an empty object": b"{}",
    "event null": b'{"event": null, "labels": null}',
    "an event id that is a number": body(eventId=7),
    "an event id that is a lone surrogate": escaped(event(eventId="\ud800")),
    "an event id of nothing": body(eventId=""),
    "a target name of nothing": body(targetName=ABSENT),
    "a target name that goes elsewhere": body(targetName="../../projects/other"),
}

ODD_EVENTS = {
    "5,000 digits": with_value(b"9" * 5000),
    "keys twice": BODY.replace(b'"eventType":', b'"eventType":"touch","eventType":', 1),
    "labels null": json.dumps({**event(), "labels": None}).encode(),
    "labels a list": json.dumps({**event(), "labels": ["room"]}).encode(),
    "labels with hazardous names": with_labels(**dict.fromkeys(HAZARDOUS_LABELS, "x")),
    "labels with hazardous names and no texts": with_labels(**{name: {"a": None} for name in HAZARDOUS_LABELS}),
    "a label with control characters": with_labels(room="a\x00b\x1b[31m\r\n\u2028\u202e"),
    "a label that is a lone surrogate": with_labels(room="\udfff"),
    "a label of 10,000 characters": with_labels(room="🌡" * 10_000),
    "a label without a name": with_labels(**{"": "x"}),
    "metadata a text": json.dumps({**event(), "metadata": "x"}).encode(),
    "data null": body(data=None),
    "data of another type": body(data={"touch": {}}),
    "data with a lone surrogate": escaped(event(data={"temperature": {"value": "\ud800"}})),
    "a number beyond doubles": with_value(b"1e400"),
    "4,000 digits": with_value(b"9" * 4000),
    "100 levels": with_value(b"[" * 100 + b"]" * 100),
    "a timestamp that is a number": body(timestamp=1.7e9),
    "an unknown type, with control characters": body(eventType="tempera\x00ture\r\n"),
    "an event id of 5,000 characters": body(eventId="ø" * 5000),
    "white space all over": b"\r\n\t " + json.dumps(event(), indent=8).encode() + b"\n\n",
    "escapes for every letter": BODY.replace(b"temperature", b"\\u0074\\u0065mperature"),
    "a project's own event": body(targetName="projects/p"),
    "members by the thousand": json.dumps({**event(), **{f"x{n}": n for n in range(10_000)}}).encode(),
}


def test_there_are_more_than_thirty_different_bodies() -> None:
    poisons = [*NO_EVENTS.values(), *ODD_EVENTS.values()]
    assert len(set(poisons)) == len(poisons) > 30


@pytest.mark.parametrize("content", NO_EVENTS.values(), ids=NO_EVENTS)
def test_a_body_that_is_not_an_event_is_kept_byte_for_byte(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, content: bytes
) -> None:
    message = arrived(pubsub, subscriber, content, "rejected", **ALL_ON)
    assert message.attributes["reason"] in {"malformed", "no_envelope"}
    assert message.attributes["bodySha256"] == sha256(content)


@pytest.mark.parametrize("content", ODD_EVENTS.values(), ids=ODD_EVENTS)
def test_an_unusual_event_is_passed_on_byte_for_byte(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, content: bytes
) -> None:
    message = arrived(pubsub, subscriber, content, "events", **ALL_ON)
    event_type = json.loads(content, parse_int=float)["event"]["eventType"]
    assert message.attributes["eventType"] == re.sub(r"[\x00-\x1f]", "\ufffd", event_type)


def test_a_label_of_every_hazardous_name_arrives_as_a_label(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient
) -> None:
    content = ODD_EVENTS["labels with hazardous names"]
    message = arrived(pubsub, subscriber, content, "events", **ALL_ON)
    assert {f"label.{name}": "x" for name in HAZARDOUS_LABELS}.items() <= dict(message.attributes).items()


@pytest.mark.parametrize(("count", "kept"), [(92, 99), (93, 100), (94, 100), (500, 100)])
def test_one_hundred_attributes_arrive_if_there_are_more(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, count: int, kept: int
) -> None:
    names = [f"n{number}" for number in range(count)]
    content = with_labels(**dict.fromkeys(names, "x"))
    message = arrived(pubsub, subscriber, content, "events", LABEL_ATTRIBUTES=",".join(names))
    assert len(message.attributes) == kept


@pytest.mark.parametrize("character", ["x", "ø", "\u20ac", "🌡"])
@pytest.mark.parametrize("over", [0, 1])
def test_a_key_of_256_bytes_arrives_and_a_longer_one_is_left_out(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, character: str, over: int
) -> None:
    room = MAX_KEY_BYTES - len(b"label.")
    size = len(character.encode())
    name = "x" * (room % size) + character * (room // size) + "x" * over
    assert len(f"label.{name}".encode()) == MAX_KEY_BYTES + over
    message = arrived(pubsub, subscriber, with_labels(**{name: "v"}), "events", LABEL_ATTRIBUTES=name)
    assert (f"label.{name}" in message.attributes) is (over == 0)


@pytest.mark.parametrize("character", ["x", "ø", "\u20ac", "🌡"])
@pytest.mark.parametrize("over", [0, 1, 2, 3])
def test_a_value_of_1024_bytes_arrives_and_a_longer_one_is_cut_between_two_characters(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, character: str, over: int
) -> None:
    size = len(character.encode())
    value = "x" * (MAX_VALUE_BYTES % size + over) + character * (MAX_VALUE_BYTES // size)
    assert len(value.encode()) == MAX_VALUE_BYTES + over
    message = arrived(pubsub, subscriber, with_labels(room=value), "events", **ALL_ON)
    label = message.attributes["label.room"]
    assert value.startswith(label)
    assert MAX_VALUE_BYTES - size < len(label.encode()) <= MAX_VALUE_BYTES


def padded(whole: dict[str, Any], size: int) -> bytes:
    """Return an event of exactly this many bytes."""
    bare = json.dumps({**whole, "pad": ""}).encode()
    return bare[:-2] + b"x" * (size - len(bare)) + bare[-2:]


@pytest.mark.parametrize("limit", [1_000, 262_144])
def test_a_body_of_max_body_bytes_arrives_and_one_byte_more_is_refused(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, limit: int
) -> None:
    arrived(pubsub, subscriber, padded(event(), limit), "events", MAX_BODY_BYTES=str(limit))
    calls = pubsub.publish_calls()
    reply, _ = answered(pubsub, padded(event(), limit + 1), MAX_BODY_BYTES=str(limit))
    assert (reply.status, pubsub.publish_calls()) == (413, calls)


LONG = "🌡" * 1000
FULL_LABELS = {f"{number:03}".ljust(MAX_KEY_BYTES - 6, "x"): LONG for number in range(200)}


@pytest.mark.parametrize("topic", ["events", "rejected"])
def test_nine_megabytes_with_every_attribute_at_its_limit_are_accepted(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, topic: str
) -> None:
    whole = {**event(eventId=LONG, timestamp=LONG, eventType=LONG), "labels": FULL_LABELS}
    whole["event"]["targetName"] = f"projects/{LONG}/devices/{LONG}" if topic == "events" else f"devices/{LONG}"
    changes = {**ALL_ON, "LABEL_ATTRIBUTES": ",".join(FULL_LABELS), "MAX_BODY_BYTES": str(LARGEST_BODY_BYTES)}
    message = arrived(pubsub, subscriber, padded(whole, LARGEST_BODY_BYTES), topic, **changes)
    assert len(message.data) == 9_000_000
    assert len(message.attributes) == MAX_ATTRIBUTES
    check_message(message.data, dict(message.attributes), message.ordering_key)
