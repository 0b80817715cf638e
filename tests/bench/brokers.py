"""The brokers of the comparison: Google's emulator, and a broker that takes 25 ms. Both return their messages."""

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from tests.bench.errors import BenchError
from tests.emulators.emulator import emulator

PROJECT = "bench"
DELAY_S = 0.025
ROOT = Path(__file__).parents[2]
_PULL_AT_ONCE = 1000
_CALL_S = 30.0


@dataclass(frozen=True)
class Broker:
    """A broker at ``host``. ``topic()`` makes a topic, and ``messages()`` returns the messages of that topic.

    A message is one line ``message-id sha256``, and is returned once. ``stop()`` ends the broker at once.
    """

    name: str
    host: str
    topic: Callable[[], str]
    messages: Callable[[str], list[str]]
    stop: Callable[[], None] = field(default=lambda: None)


@contextlib.contextmanager
def distant(name: str = "25 ms", delay_s: float = DELAY_S) -> Iterator[Broker]:
    """Start a broker that acknowledges after ``delay_s`` seconds, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.broker", f"--delay={delay_s}"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        commands, answers = process.stdin, process.stdout
        record = Path(folder) / "record"

        def messages(_: str) -> list[str]:
            print(record, file=commands, flush=True)
            if not answers.readline():
                raise BenchError("the broker has ended")
            return record.read_text("ascii").splitlines()

        try:
            host = f"127.0.0.1:{int(answers.readline())}"
            yield Broker(name, host, lambda: _topic(uuid4().hex), messages, process.kill)
        finally:
            process.kill()


@contextlib.contextmanager
def googles() -> Iterator[Broker]:
    """Use Google's emulator, running or installed; raises ``EmulatorNotFound``."""
    with emulator(os.environ) as host, grpc.insecure_channel(host) as channel:
        yield Broker("emulator", host, lambda: _new_topic(channel), lambda topic: _drained(channel, topic))


def _topic(name: str) -> str:
    return f"projects/{PROJECT}/topics/t{name}"


def _subscription(topic: str) -> str:
    return topic.replace("/topics/", "/subscriptions/")


def _new_topic(channel: grpc.Channel) -> str:
    """Make a topic and its subscription."""
    topic = _topic(uuid4().hex)
    _call(channel, "Publisher/CreateTopic", types.Topic(name=topic), types.Topic)
    wanted = types.Subscription(name=_subscription(topic), topic=topic, ack_deadline_seconds=600)
    _call(channel, "Subscriber/CreateSubscription", wanted, types.Subscription)
    return topic


def _drained(channel: grpc.Channel, topic: str) -> list[str]:
    """Pull all messages of a topic from its subscription, return them, and delete both."""
    lines = []
    name = _subscription(topic)
    pull = types.PullRequest(subscription=name, max_messages=_PULL_AT_ONCE, return_immediately=True)
    empty_pulls = 0
    while empty_pulls < 3:
        received = _call(channel, "Subscriber/Pull", pull, types.PullResponse).received_messages
        empty_pulls = 0 if received else empty_pulls + 1
        if received:
            taken = types.AcknowledgeRequest(subscription=name, ack_ids=[delivery.ack_id for delivery in received])
            _call(channel, "Subscriber/Acknowledge", taken, None)
        lines += [
            f"{delivery.message.message_id} {hashlib.sha256(delivery.message.data).hexdigest()}"
            for delivery in received
        ]
    _call(channel, "Subscriber/DeleteSubscription", types.DeleteSubscriptionRequest(subscription=name), None)
    _call(channel, "Publisher/DeleteTopic", types.DeleteTopicRequest(topic=topic), None)
    return lines


def _call(channel: grpc.Channel, method: str, request: Any, answer: Any) -> Any:
    read = (answer.pb() if answer else empty_pb2.Empty).FromString
    call: grpc.UnaryUnaryMultiCallable[Any, Any] = channel.unary_unary(
        f"/google.pubsub.v1.{method}", type(request).serialize, read
    )
    return call(request, timeout=_CALL_S)
