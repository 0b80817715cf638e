"""Google's own emulator under load, without faults: every event arrives once, with the right bytes and attributes.

This module derives the expected message from the event that was sent, without the function's own code.
"""

import asyncio
import hashlib
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.futures import StreamingPullFuture
from google.cloud.pubsub_v1.subscriber.message import Message
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.emulators.emulator import emulator
from tests.emulators.errors import OfflineError
from tests.prove.programs import SECRET, FunctionProgram, Variant, topics
from tests.prove.report import Row, Say
from tests.prove.scenarios import REJECTED_TOPIC, SENDERS, TOPIC
from tests.prove.senders import Senders, events

EVENTS, FEW_EVENTS = 10_000, 1_000
QUIET_S = 2.0
"""Seconds without a message after which no more messages are expected."""

ALWAYS = {"contract": "1"}
PROMISE = "through Google's emulator under load: every event once, attributes equal, none extra"


@dataclass(frozen=True)
class Arrived:
    """A message that a subscriber received."""

    topic: str
    data: bytes
    attributes: Mapping[str, str]


def emulator_load(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # a section's shape
    """Send many events as fast as they are answered, and receive all of them."""
    count = FEW_EVENTS if short else EVENTS
    environ = {name: value for name, value in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}
    try:
        with emulator(environ) as host, tempfile.TemporaryDirectory() as folder:
            return [_measured(host, count, Path(folder), say)]
    except OfflineError as error:
        say(f"not measured: {error}")
        return [Row(PROMISE, "not measured: no emulator", holds=None)]


def _measured(host: str, count: int, folder: Path, say: Say) -> Row:
    sent = list(islice(events(), count))
    arrived: list[Arrived] = []
    with _subscribed(host, arrived):
        seconds = asyncio.run(_sent(FunctionProgram(Variant("ingest", "ingest"), topics(host), folder), sent))
        _wait_until_quiet(arrived)
    say(f"{count:,} events answered 2xx in {seconds:.1f} s: {count / seconds:,.0f} a second")
    return _verdict(sent, arrived)


async def _sent(function: FunctionProgram, sent: Iterable[bytes]) -> float:
    """Send these events without pauses; return the seconds until the last one was answered 2xx."""
    try:
        await function.start()
        began_at = time.monotonic()
        await Senders(function.port, SECRET, iter(sent), pause_s=0.0).run(SENDERS)
        return time.monotonic() - began_at
    finally:
        function.close()


def _verdict(sent: Sequence[bytes], arrived: Sequence[Arrived]) -> Row:
    times = Counter(message.data for message in arrived)
    whole = sum(times[body] == 1 for body in sent)
    extra = times.total() - len(times.keys() & set(sent))
    right = sum(_is_right(message) for message in arrived)
    return Row(
        PROMISE,
        f"{whole:,} of {len(sent):,} once, {right:,} attributes equal, {extra} extra",
        whole == right == len(sent) and extra == 0,
    )


def _is_right(message: Arrived) -> bool:
    """Return whether topic and attributes are those of the event in the data."""
    given = dict(message.attributes)
    try:
        event = json.loads(message.data)
    except ValueError:
        received_at, body_hash = given.pop("receivedAt", ""), hashlib.sha256(message.data).hexdigest()
        is_told = bool(received_at) and given == {**ALWAYS, "reason": "malformed", "bodySha256": body_hash}
        return message.topic == REJECTED_TOPIC and is_told
    return message.topic == TOPIC and given == _attributes(event)


def _attributes(event: Mapping[str, Any]) -> dict[str, str]:
    known = {name: event["event"][name] for name in ("eventId", "eventType", "timestamp")}
    metadata = {name: event["metadata"][name] for name in ("deviceId", "projectId", "deviceType", "productNumber")}
    return {name: value for name, value in {**ALWAYS, **known, **metadata}.items() if value}


@contextmanager
def _subscribed(host: str, arrived: list[Arrived]) -> Iterator[None]:
    """Make both topics, and receive the messages of both."""
    with (
        PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(host))) as publisher,
        SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as subscriber,
        ExitStack() as stack,
    ):
        for topic in (TOPIC, REJECTED_TOPIC):
            subscription = topic.replace("/topics/", "/subscriptions/")
            publisher.create_topic(name=topic)
            subscriber.create_subscription(name=subscription, topic=topic, ack_deadline_seconds=60)
            pull = subscriber.subscribe(subscription, callback=_into(arrived, topic))
            stack.callback(_end, pull)
        yield


def _end(pull: StreamingPullFuture) -> None:
    pull.cancel()
    pull.result()


def _into(arrived: list[Arrived], topic: str) -> Callable[[Message], None]:
    def receive(message: Message) -> None:
        arrived.append(Arrived(topic, message.data, dict(message.attributes)))
        message.ack()

    return receive


def _wait_until_quiet(arrived: Sequence[Arrived]) -> None:
    """Return when nothing has arrived for a while."""
    seen = -1
    while seen != len(arrived):
        seen = len(arrived)
        time.sleep(QUIET_S)
