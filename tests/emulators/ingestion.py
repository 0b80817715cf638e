"""The whole path on one machine: a Pub/Sub with both topics, the function, a sender like DT, a subscriber.

``ingestion`` starts all of them; ``Ingestion`` sends requests and has the queue of received messages.
"""

import contextlib
import json
import queue
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.api_core.exceptions import AlreadyExists
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.message import Message
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.emulators.backend import KINDS, Backend, Choice, pubsub_for
from tests.emulators.function_process import serving
from tests.emulators.signing import SECRET_HEADER, secret_claims, sign_with_secret

PROJECT = "offline"
MAIN, REJECTED = "events", "rejected"


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a subscriber received it. ``at``: the time of receipt on the monotonic clock, in seconds."""

    topic: str
    message_id: str
    data: bytes
    attributes: Mapping[str, str]
    at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The function's answer: its HTTP status, and its JSON object."""

    status: int
    reply: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ingestion:
    """A running function, the secret that signs requests to it, and the queue of received messages."""

    backend: Backend
    url: str
    secret: str
    received: "queue.Queue[Received]"

    def post(self, body: bytes, *, signed_body: bytes | None = None, is_signed: bool = True) -> Answer:
        """Send a body as DT does. ``signed_body``: the body that the signature is made for, if it is another one."""
        headers = self.signature(body if signed_body is None else signed_body) if is_signed else {}
        address = urlsplit(self.url)
        with contextlib.closing(HTTPConnection(address.hostname or "", address.port, timeout=10)) as connection:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read() or b"{}"))

    def signature(self, body: bytes) -> dict[str, str]:
        """Return the header with a signature of this body that is valid for an hour from now."""
        return {SECRET_HEADER: sign_with_secret(secret_claims(body, now=time.time()), self.secret)}


@contextlib.contextmanager
def ingestion(choice: Choice, environ: Mapping[str, str], *, say: Callable[[str], object]) -> Iterator[Ingestion]:
    """Start all parts one after the other, and end them in reverse order. Raises ``OfflineError``."""
    with contextlib.ExitStack() as stack:
        backend = stack.enter_context(pubsub_for(choice, environ, say))
        say(f"Pub/Sub   {KINDS[backend.kind]} at {backend.host}")
        received: queue.Queue[Received] = queue.Queue()
        make_topics(backend.host, [_topic(MAIN), _topic(REJECTED)])
        stack.enter_context(_subscribed(backend.host, received))
        secret = secrets.token_hex(32)
        settings = {
            "PUBSUB_EMULATOR_HOST": backend.host,
            "PUBSUB_TOPIC": _topic(MAIN),
            "PUBSUB_REJECTED_TOPIC": _topic(REJECTED),
            "DT_SIGNATURE_SECRET": secret,
        }
        url = stack.enter_context(serving(settings))
        say(f"function  main.py:ingest, served by functions-framework at {url}")
        yield Ingestion(backend, url, secret, received)


def _topic(topic_id: str) -> str:
    return f"projects/{PROJECT}/topics/{topic_id}"


def _subscription(topic_id: str) -> str:
    return f"projects/{PROJECT}/subscriptions/{topic_id}"


def make_topics(host: str, topics: Iterable[str]) -> None:
    """Make topics by their full names, and for each a subscription with the name of the topic, if they are missing."""
    with (
        PublisherClient(transport=PublisherGrpcTransport(channel=grpc.insecure_channel(host))) as publisher,
        SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as subscriber,
    ):
        for topic in topics:
            with contextlib.suppress(AlreadyExists):
                publisher.create_topic(name=topic)
            with contextlib.suppress(AlreadyExists):
                subscriber.create_subscription(name=topic.replace("/topics/", "/subscriptions/"), topic=topic)


@contextlib.contextmanager
def _subscribed(host: str, received: "queue.Queue[Received]") -> Iterator[None]:
    """Pull the messages of both topics until the context ends."""
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as client:
        pulls = [client.subscribe(_subscription(name), callback=_receiver(name, received)) for name in (MAIN, REJECTED)]
        try:
            yield
        finally:
            for pull in pulls:
                pull.cancel()
                pull.result()


def _receiver(topic_id: str, received: "queue.Queue[Received]") -> Callable[[Message], None]:
    def receive(message: Message) -> None:
        at = time.monotonic()
        received.put(Received(topic_id, message.message_id, message.data, dict(message.attributes), at))
        message.ack()

    return receive
