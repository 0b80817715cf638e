"""Push subscriptions: POSTs every message to the subscription's endpoint until the endpoint acknowledges it.

A message is wrapped in JSON, or sent unchanged with ``no_wrapper``: https://cloud.google.com/pubsub/docs/push. The
statuses 102, 200, 201, 202 and 204 acknowledge it, redirects are not followed, and the acknowledgement deadline is the
timeout of a POST. No token is sent, even with ``oidc_token``, because nothing here can sign as Google. Without a retry
policy the back-off of a message grows from 0.1 to 60 seconds. A subscription begins with one POST at a time; a success
doubles this number, a failure sets it back to one.
"""

import asyncio
import base64
import contextlib
import functools
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from tests.emulators.pubsub.backlog import Holder, Lease, Message
from tests.emulators.pubsub.broker import Subscription
from tests.emulators.pubsub.state import State

MAX_OUTSTANDING = 100
MAX_BYTES = 20_000_000
ACKNOWLEDGING = frozenset({102, 200, 201, 202, 204})


@dataclass(frozen=True)
class Post:
    """One request to an endpoint."""

    url: SplitResult
    headers: Mapping[str, str]
    body: bytes

    def encode(self) -> bytes:
        """Return the request as bytes of HTTP/1.1."""
        path = (self.url.path or "/") + (f"?{self.url.query}" if self.url.query else "")
        head = {
            "Host": self.url.netloc.rpartition("@")[2],
            "Content-Length": str(len(self.body)),
            "Connection": "close",
            "User-Agent": "CloudPubSub-Google",
            **{name: value for name, value in self.headers.items() if _fits_a_header(name, value)},
        }
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        return "\r\n".join(lines).encode() + self.body


class Pusher:
    """Pushes the messages of all push subscriptions of a Pub/Sub, on its event loop."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._windows: dict[str, _Window] = {}
        self._posts: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to push."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop pushing, and cancel the POSTs that are under way."""
        tasks = [task for task in (self._task, *self._posts) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._state.forward_dead()
            for subscription in self._state.broker.subscriptions.all():
                if subscription.settings.push_config.push_endpoint and not subscription.settings.detached:
                    self._push(subscription)
            await self._state.wait(None)

    def _push(self, subscription: Subscription) -> None:
        window = self._windows.setdefault(subscription.settings.name, _Window())
        room, deadline_s = window.size - window.holder.messages, subscription.settings.ack_deadline_seconds
        for lease in subscription.backlog.pull(time.monotonic(), window.holder, deadline_s, room, MAX_BYTES):
            task = asyncio.create_task(self._deliver(subscription, window, lease, deadline_s))
            self._posts.add(task)
            task.add_done_callback(self._posts.discard)

    async def _deliver(self, subscription: Subscription, window: "_Window", lease: Lease, deadline_s: int) -> None:
        status = 0
        with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(deadline_s):
                status = await _send(post_of(subscription.settings, lease))
        window.resize(is_success=status in ACKNOWLEDGING)
        if status in ACKNOWLEDGING:
            subscription.backlog.acknowledge([lease.ack_id])
        else:
            subscription.backlog.modify_deadline(time.monotonic(), [lease.ack_id], 0)
        self._state.bell.ring()


@dataclass
class _Window:
    """The maximum number of concurrent POSTs of one subscription, and those that are under way."""

    size: int = 1
    holder: Holder = field(default_factory=Holder)

    def resize(self, *, is_success: bool) -> None:
        self.size = min(MAX_OUTSTANDING, self.size * 2) if is_success else 1


def post_of(settings: Any, lease: Lease) -> Post:
    """Return the request that delivers a message of a subscription with these settings."""
    config, message = settings.push_config, lease.message
    url = urlsplit(config.push_endpoint)
    if config.WhichOneof("wrapper") == "no_wrapper":
        metadata = _metadata(settings.name, message) if config.no_wrapper.write_metadata else {}
        return Post(url, metadata, message.data)
    wrapped: dict[str, Any] = {"message": _wrapped(message), "subscription": settings.name}
    if settings.HasField("dead_letter_policy"):
        wrapped["deliveryAttempt"] = lease.entry.attempts
    return Post(url, {"Content-Type": "application/json"}, json.dumps(wrapped).encode())


def _wrapped(message: Message) -> dict[str, Any]:
    ids = {"messageId": message.message_id, "message_id": message.message_id}
    times = {"publishTime": _publish_time(message), "publish_time": _publish_time(message)}
    key = {"orderingKey": message.ordering_key} if message.ordering_key else {}
    attributes = {"attributes": dict(message.attributes)} if message.attributes else {}
    return {"data": base64.b64encode(message.data).decode(), **attributes, **ids, **times, **key}


def _metadata(subscription: str, message: Message) -> dict[str, str]:
    key = {"x-goog-pubsub-ordering-key": message.ordering_key} if message.ordering_key else {}
    return {
        "x-goog-pubsub-subscription-name": subscription,
        "x-goog-pubsub-message-id": message.message_id,
        "x-goog-pubsub-publish-time": _publish_time(message),
        **key,
        **message.attributes,
    }


def _publish_time(message: Message) -> str:
    moment = datetime.fromtimestamp(message.publish_time_ns / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fits_a_header(name: str, value: str) -> bool:
    is_token = name.isascii() and name.replace("-", "a").replace("_", "a").replace(".", "a").isalnum()
    return is_token and value.isprintable()


@functools.cache
def _trust() -> ssl.SSLContext:
    """Load the certificates of the system only once, because that blocks the event loop for many milliseconds."""
    return ssl.create_default_context()


async def _send(post: Post) -> int:
    """Send a request, and return the status of the answer. Raises ``OSError`` or ``ValueError``."""
    is_tls = post.url.scheme == "https"
    port = post.url.port or (443 if is_tls else 80)
    context = _trust() if is_tls else None
    reader, writer = await asyncio.open_connection(post.url.hostname, port, ssl=context)
    try:
        writer.write(post.encode())
        await writer.drain()
        line = await reader.readline()
        return int(line.split(maxsplit=2)[1]) if line.startswith(b"HTTP/1.") else 0
    finally:
        writer.close()
