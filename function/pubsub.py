"""Messages -> acknowledged message ids, in one Publish request: the only room that knows Google's client.

Of that client it takes the credentials, the channel and the messages, and makes the call itself: one awaited unary
call without the generated wrapper, which costs more than all the rest of an event. Not the batching client: it waits
10 ms for company, goes on for 10 minutes after the request has been answered, and has futures that never resolve.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import google.auth
from google.api_core.gapic_v1.routing_header import to_grpc_metadata
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.types import PublishRequest, PublishResponse
from grpc import ChannelConnectivity, StatusCode, aio

from function.background import in_daemon_thread
from function.errors import (
    PublishMisconfigured,
    PublishRefused,
    PublishTransient,
    PublishUnacknowledged,
)
from function.message import Message

SILENT_S = 1.5
"""Seconds that a connection may say nothing to a request that fails; then the next request makes a new one."""

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
"""Codes of which Google's own publisher client says that another attempt may succeed."""

_CHANNEL_OPTIONS = (
    # gRPC's defaults (1 s to 2 min) would leave a broker that is back unused for many seconds
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # what gRPC understands by this one is how long a connection may take to be made (default 20 s)
    ("grpc.min_reconnect_backoff_ms", 2000),
    # a new channel makes a new connection, instead of sharing that of another one
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 30_000),
    # attempts are made and counted in publisher.py; to be ready for its own costs gRPC time with each request
    ("grpc.enable_retries", 0),
)

_METHOD = "/google.pubsub.v1.Publisher/Publish"
# the protobuf classes inside Google's wrappers: those would copy each message once more
_Request: Any = PublishRequest.pb()
_Response: Any = PublishResponse.pb()


class PubSub:
    """Google Pub/Sub, or the emulator at ``emulator_host`` (host:port).

    The channel is made with the first request: in the process that serves, not in the one it was forked from.
    """

    def __init__(
        self,
        emulator_host: str | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        find_credentials: Callable[[], Credentials] | None = None,
    ) -> None:
        self._emulator_host = emulator_host
        self._monotonic = monotonic
        self._find_credentials = find_credentials or default_credentials
        self._credentials: asyncio.Future[Credentials] | None = None
        self._channel: aio.Channel | None = None
        self._publish: Any = None

    async def send(self, topic: str, messages: Sequence[Message], *, timeout_s: float) -> Sequence[str]:
        """Publish messages of one ordering key in one request, and give the id that each was acknowledged with.

        Raises:
            PublishError: Pub/Sub has not acknowledged within ``timeout_s`` seconds; nothing goes on in the background.

        """
        began_at = self._monotonic()
        was_ready = False
        try:
            channel = await self._connected(timeout_s)
            was_ready = channel.get_state() is ChannelConnectivity.READY
            left_s = timeout_s - (self._monotonic() - began_at)
            response = await self._publish(_request(topic, messages), timeout=left_s, metadata=_routed_to(topic))
        except aio.AioRpcError as error:
            if was_ready and channel is self._channel and self._monotonic() - began_at >= SILENT_S:
                self._channel = None  # gRPC may take minutes to notice that a connection is dead: leave it
            raise _publish_error(error) from error
        except GoogleAuthError as error:
            raise PublishMisconfigured(f"no credentials: {type(error).__name__}") from error
        if len(response.message_ids) != len(messages):
            raise PublishUnacknowledged(f"{len(response.message_ids)} message ids for {len(messages)} messages")
        return list(response.message_ids)

    async def close(self) -> None:
        """Close the connection; the next request would make another one."""
        channel, self._channel = self._channel, None
        if channel:
            await channel.close()

    async def _connected(self, timeout_s: float) -> aio.Channel:
        needs_credentials = self._channel is None and not self._emulator_host
        credentials = await self._found_credentials(timeout_s) if needs_credentials else None
        if self._channel is None:
            self._channel = self._new_channel(credentials)
            self._publish = self._channel.unary_unary(
                _METHOD, request_serializer=_Request.SerializeToString, response_deserializer=_Response.FromString
            )
        return self._channel

    def _new_channel(self, credentials: Credentials | None) -> aio.Channel:
        if self._emulator_host:
            return aio.insecure_channel(self._emulator_host, options=_CHANNEL_OPTIONS)
        return PublisherGrpcAsyncIOTransport.create_channel(credentials=credentials, options=_CHANNEL_OPTIONS)

    async def _found_credentials(self, timeout_s: float) -> Credentials:
        """Ask the machine for its credentials, once for all who wait: Google's library blocks while it looks."""
        if self._credentials is None or (self._credentials.done() and self._credentials.exception()):
            self._credentials = asyncio.ensure_future(in_daemon_thread(self._find_credentials))
        await asyncio.wait([self._credentials], timeout=timeout_s)
        if not self._credentials.done():
            raise PublishTransient("no credentials in time")
        return self._credentials.result()


def _request(topic: str, messages: Sequence[Message]) -> Any:
    return _Request(
        topic=topic,
        messages=[
            {"data": message.data, "attributes": message.attributes, "ordering_key": message.ordering_key}
            for message in messages
        ],
    )


@functools.lru_cache
def _routed_to(topic: str) -> tuple[tuple[str, str]]:
    """Give the metadata by which Google's front end finds the topic's place."""
    return (to_grpc_metadata({"topic": topic}),)  # type: ignore[no-untyped-call]


def _publish_error(error: aio.AioRpcError) -> PublishTransient | PublishRefused | PublishMisconfigured:
    code = error.code()
    if code is StatusCode.INVALID_ARGUMENT:
        return PublishRefused(code.name)  # its text may quote the message, and this one is logged
    cause = f"{code.name}: {error.details()}"[:300]
    return PublishTransient(cause) if code in _TRANSIENT else PublishMisconfigured(cause)


def default_credentials() -> Credentials:
    """Find the credentials of the machine; it may take seconds. Raises GoogleAuthError where there are none."""
    credentials, _ = google.auth.default(scopes=PublisherGrpcAsyncIOTransport.AUTH_SCOPES)
    found: Credentials = credentials
    return found
