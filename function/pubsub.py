"""Messages -> acknowledged message ids, in one Publish request. Only this module speaks to Pub/Sub.

It makes the gRPC call itself: one awaited unary call. The generated wrapper around the call costs more time than all
other work for an event, and its import a third of the start. Google's batching client is not used, because
it waits 10 ms for more messages, retries for 10 minutes after the request has been answered, and has futures that never
resolve. gRPC's plug-in for tokens is not used, because it fetches a token in a new thread while the request waits.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from grpc import ChannelConnectivity, StatusCode, aio, ssl_channel_credentials

from function.access_token import AccessToken, AccessTokens
from function.connections import LONGEST_S, Connections
from function.errors import (
    PublishMisconfigured,
    PublishRefused,
    PublishTransient,
    PublishUnacknowledged,
)
from function.message import Message
from function.pubsub_messages import PublishRequest, PublishResponse

STALE_AFTER_S = 1.5
"""If a request on a ready connection fails after this many seconds or more, the connection is considered dead.

The next request makes a new one.
"""

RETIRED_S = 5.0
"""Seconds after which a retired connection is closed. It is longer than any attempt."""

_TRANSIENT = frozenset(
    {
        StatusCode.ABORTED,
        StatusCode.CANCELLED,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.INTERNAL,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.UNAVAILABLE,
        StatusCode.UNKNOWN,
    }
)
"""Codes that Google's own publisher client retries."""

_CHANNEL_OPTIONS = (
    # with gRPC's defaults (1 s to 2 min), a broker that is back would stay unused for many seconds
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # gRPC uses this value as the timeout of an attempt to connect
    ("grpc.min_reconnect_backoff_ms", int(LONGEST_S * 1000)),
    # a new channel makes a new connection and does not share that of another channel
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 30_000),
    # retrying.py retries; gRPC's own support for retries only adds work to each call
    ("grpc.enable_retries", 0),
)

EAGER_TASKS: Any = getattr(asyncio, "eager_task_factory", None)
"""Makes tasks that start at once, and not in the next turn of the event loop, which saves a system call for each event.

None up to Python 3.11, which has no such tasks.
"""

SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/pubsub")
"""OAuth scopes of the access token."""

_HOST = "pubsub.googleapis.com:443"
_METHOD = "/google.pubsub.v1.Publisher/Publish"


class _Connection:
    """A gRPC channel and its Publish method."""

    def __init__(self, channel: aio.Channel) -> None:
        self.channel = channel
        self.publish: Any = channel.unary_unary(
            _METHOD,
            request_serializer=PublishRequest.SerializeToString,
            response_deserializer=PublishResponse.FromString,
        )

    def is_ready(self) -> bool:
        return self.channel.get_state(try_to_connect=True) is ChannelConnectivity.READY

    def has_failed(self) -> bool:
        return self.channel.get_state() is ChannelConnectivity.TRANSIENT_FAILURE

    def retire(self) -> None:
        """Close the channel after ``RETIRED_S``, because closing it at once would cancel the pending requests."""
        loop = asyncio.get_running_loop()
        loop.call_later(RETIRED_S, lambda: loop.create_task(self.channel.close()))


class PubSub:
    """Google Pub/Sub with these access tokens, or the emulator at ``emulator_host`` (host:port) without tokens.

    The first request makes the first connection, so that it belongs to the serving process and not to its parent.
    ``monotonic`` returns seconds of a clock that never steps back.
    """

    def __init__(
        self,
        emulator_host: str | None,
        tokens: AccessTokens | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emulator_host = emulator_host
        self._tokens = None if emulator_host else tokens  # tokens are never sent in clear text
        self._monotonic = monotonic
        self._connections = Connections(self._new_connection, monotonic=monotonic)

    async def send(self, topic: str, messages: Sequence[Message], *, timeout_s: float) -> Sequence[str]:
        """Publish messages of one ordering key in one request, and return the id of each, in the same order.

        Raises:
            PublishError: Pub/Sub has not acknowledged within ``timeout_s`` seconds. No work continues after the error.

        """
        gives_up_at = self._monotonic() + timeout_s
        response = await self._call(
            await self._connections.best(timeout_s),
            await self._tokens.get(gives_up_at - self._monotonic()) if self._tokens else None,
            topic,
            _request(topic, messages),
            gives_up_at,
        )
        if len(response.message_ids) != len(messages):
            raise PublishUnacknowledged(f"{len(response.message_ids)} message ids for {len(messages)} messages")
        return list(response.message_ids)

    async def close(self) -> None:
        """Close the connections. A later request would make a new one."""
        for connection in self._connections.clear():
            await connection.channel.close()

    async def _call(
        self, connection: _Connection, token: AccessToken | None, topic: str, request: Any, gives_up_at: float
    ) -> Any:
        metadata = (*_routed_to(topic), *token.metadata) if token else _routed_to(topic)
        was_ready = connection.is_ready()
        called_at = self._monotonic()
        try:
            return await _called(connection.publish, request, timeout=gives_up_at - called_at, metadata=metadata)
        except aio.AioRpcError as error:
            if was_ready and self._monotonic() - called_at >= STALE_AFTER_S:
                self._connections.leave(connection)  # gRPC may take minutes to notice that a connection is dead
            if self._tokens and token and error.code() is StatusCode.UNAUTHENTICATED:
                self._tokens.distrust(token)
            raise _publish_error(error) from error

    def _new_connection(self) -> _Connection:
        if self._emulator_host:
            return _Connection(aio.insecure_channel(self._emulator_host, options=_CHANNEL_OPTIONS))
        return _Connection(aio.secure_channel(_HOST, ssl_channel_credentials(), options=_CHANNEL_OPTIONS))


def _called(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a method of gRPC, which makes a task for each call, and let the task start at once."""
    if EAGER_TASKS is None:
        return method(*arguments, **options)
    loop = asyncio.get_running_loop()
    usual = loop.get_task_factory()
    loop.set_task_factory(EAGER_TASKS)
    try:
        return method(*arguments, **options)
    finally:
        loop.set_task_factory(usual)


def _request(topic: str, messages: Sequence[Message]) -> Any:
    return PublishRequest(
        topic=topic,
        messages=[
            {"data": message.data, "attributes": message.attributes, "ordering_key": message.ordering_key}
            for message in messages
        ],
    )


@functools.lru_cache
def _routed_to(topic: str) -> tuple[tuple[str, str]]:
    """Return the metadata by which Google's front end routes a request to the topic's location.

    https://google.aip.dev/client-libraries/4222
    """
    return (("x-goog-request-params", urlencode({"topic": topic}, safe="/")),)


def _publish_error(error: aio.AioRpcError) -> PublishTransient | PublishRefused | PublishMisconfigured:
    code = error.code()
    if code is StatusCode.INVALID_ARGUMENT:
        return PublishRefused(code.name)  # the error is logged, and Pub/Sub's text may quote the message
    cause = f"{code.name}: {error.details()}"[:300]
    return PublishTransient(cause) if code in _TRANSIENT else PublishMisconfigured(cause)
