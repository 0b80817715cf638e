"""The live page of the workbench: what the function publishes, in a browser.

The page has a subscription of its own to each topic, so that the user's subscribers miss nothing. Both are deleted when
the workbench ends.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import grpc
from google.api_core.exceptions import GoogleAPIError
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.futures import StreamingPullFuture
from google.cloud.pubsub_v1.subscriber.message import Message as Received
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from deploy.live.feed import Connection, Feed
from deploy.live.message import Message
from deploy.live.web.curl import signed
from deploy.live.web.server import LivePage, listening
from deploy.live.web.shown import Shown, Source
from tests.emulators.signing import signed_headers

BEYOND = 1_000
"""The page of the workbench on port 8080 is on port 9080, if that is free."""

END_S = 5.0
"""Seconds in which a subscription is deleted, or left to the Pub/Sub, which ends too."""

Receive = Callable[[Received], None]


@dataclass(frozen=True, slots=True)
class Workbench:
    """What the page has to know: the function's address and port, the secret, and topic -> whether it is the rejected.

    ``host``: the address of the Pub/Sub.
    """

    url: str
    port: int
    secret: str
    host: str
    topics: Mapping[str, bool]


@contextlib.contextmanager
def live_page(bench: Workbench, say: Callable[[str], object]) -> Iterator[LivePage]:
    """Show what comes to the topics on a page until the context ends."""
    feed, connection = Feed(), Connection(time.time)
    run = secrets.token_hex(4)
    source = Source(run, f"make serve, function at {bench.url}")
    shown = Shown(source, feed, connection, lambda message, file: _curl(bench, message, file), say)
    port = bench.port + BEYOND
    with contextlib.ExitStack() as stack:
        for topic, is_rejected in bench.topics.items():
            pull = stack.enter_context(_subscribed(bench.host, topic, run, _receiver(feed, is_rejected=is_rejected)))
            pull.add_done_callback(lambda _: connection.set("lost", "the Pub/Sub has ended"))
        connection.set("live")
        yield stack.enter_context(listening(shown, port if port < 65_536 else 0).open())


def _curl(bench: Workbench, message: Message, file_name: str) -> str:
    headers = signed_headers(message.data, bench.secret, now=time.time())
    return signed(bench.url, message.data, headers, file_name)


def _receiver(feed: Feed, *, is_rejected: bool) -> Receive:
    def receive(message: Received) -> None:
        published_at, attributes = message.publish_time.timestamp(), dict(message.attributes)
        feed.add(Message(message.message_id, message.data, attributes, published_at, time.time(), is_rejected))
        message.ack()

    return receive


@contextlib.contextmanager
def _subscribed(host: str, topic: str, run: str, receive: Receive) -> Iterator[StreamingPullFuture]:
    """Pull from a subscription of its own until the context ends, and delete the subscription."""
    name = f"{topic.replace('/topics/', '/subscriptions/')}-live-{run}"
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(host))) as client:
        client.create_subscription(name=name, topic=topic)
        pull = client.subscribe(name, receive)
        try:
            yield pull
        finally:
            pull.cancel()
            with contextlib.suppress(GoogleAPIError):  # the Pub/Sub may have ended before
                pull.result()
                client.delete_subscription(subscription=name, timeout=END_S)
