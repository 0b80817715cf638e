"""Message -> acknowledged message id: the only room that knows Google's client.

One awaited Publish call for each event, on Google's generated asyncio client. Not the batching client: it waits
10 ms for company, goes on for 10 minutes after the request has been answered, and has futures that never resolve.
"""

import asyncio
import random
import time
from collections.abc import Callable

import google.auth
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import PublisherAsyncClient, PublishRequest, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from grpc import ChannelConnectivity, StatusCode, aio

from function.background import in_daemon_thread
from function.errors import (
    PublishMisconfigured,
    PublishRefused,
    PublishTransient,
    PublishUnacknowledged,
)
from function.message import Message

ATTEMPT_S = 2.0
"""Seconds that one attempt may take."""

SILENT_S = 1.5
"""Seconds that a connection may say nothing to an attempt that fails; then the next attempt makes a new one."""

PAUSE_S = (0.1, 0.8)
"""Seconds between attempts, first and longest: doubled each time, and half of it left to chance."""

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
)


class PubSubPublisher:
    """Publishes to Google Pub/Sub, or to the emulator at ``emulator_host`` (host:port).

    The client is made with the first message: in the process that serves, not in the one it was forked from.
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
        self._client: PublisherAsyncClient | None = None

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Publish one message and give the id that Pub/Sub acknowledged it with, within ``timeout_s`` seconds.

        Raises:
            PublishError: Pub/Sub has not acknowledged; nothing goes on in the background.

        """
        request = PublishRequest(
            topic=topic,
            messages=[
                PubsubMessage(data=message.data, attributes=dict(message.attributes), ordering_key=message.ordering_key)
            ],
        )
        deadline = self._monotonic() + timeout_s
        if timeout_s <= 0:
            raise PublishTransient("no time was left to publish in")
        longest_pause_s, at_most_s = PAUSE_S
        causes: list[str] = []
        while True:
            try:
                return await self._attempt(request, min(ATTEMPT_S, deadline - self._monotonic()))
            except PublishTransient as failure:
                causes.append(str(failure))
                pause_s = random.uniform(longest_pause_s / 2, longest_pause_s)  # noqa: S311  # no secret hangs on it
                if self._monotonic() + pause_s >= deadline:  # the last attempt's cause may be its short time alone
                    raise PublishTransient("; then ".join(dict.fromkeys(causes))) from failure
            await asyncio.sleep(pause_s)
            longest_pause_s = min(2 * longest_pause_s, at_most_s)

    async def _attempt(self, request: PublishRequest, timeout_s: float) -> str:
        began_at = self._monotonic()
        try:
            client = await self._connected(timeout_s)
            was_ready = client.transport.grpc_channel.get_state() is ChannelConnectivity.READY  # type: ignore[attr-defined]
            left_s = timeout_s - (self._monotonic() - began_at)
            response = await client.publish(request, retry=None, timeout=left_s)
        except GoogleAPICallError as error:
            if was_ready and client is self._client and self._monotonic() - began_at >= SILENT_S:
                self._client = None  # gRPC may take minutes to notice that a connection is dead: leave it for a new one
            raise _publish_error(error) from error
        except GoogleAuthError as error:
            raise PublishMisconfigured(f"no credentials: {type(error).__name__}") from error
        if len(response.message_ids) != 1 or not response.message_ids[0]:
            raise PublishUnacknowledged(f"{len(response.message_ids)} message ids for one message")
        return str(response.message_ids[0])

    async def _connected(self, timeout_s: float) -> PublisherAsyncClient:
        needs_credentials = self._client is None and not self._emulator_host
        credentials = await self._found_credentials(timeout_s) if needs_credentials else None
        if self._client is None:
            self._client = PublisherAsyncClient(transport=self._transport(credentials))
        return self._client

    def _transport(self, credentials: Credentials | None) -> PublisherGrpcAsyncIOTransport:
        if self._emulator_host:
            channel = aio.insecure_channel(self._emulator_host, options=_CHANNEL_OPTIONS)
        else:
            channel = PublisherGrpcAsyncIOTransport.create_channel(credentials=credentials, options=_CHANNEL_OPTIONS)
        return PublisherGrpcAsyncIOTransport(channel=channel)

    async def _found_credentials(self, timeout_s: float) -> Credentials:
        """Ask the machine for its credentials, once for all who wait: Google's library blocks while it looks."""
        if self._credentials is None or (self._credentials.done() and self._credentials.exception()):
            self._credentials = asyncio.ensure_future(in_daemon_thread(self._find_credentials))
        await asyncio.wait([self._credentials], timeout=timeout_s)
        if not self._credentials.done():
            raise PublishTransient("no credentials in time")
        return self._credentials.result()


def _publish_error(error: GoogleAPICallError) -> PublishTransient | PublishRefused | PublishMisconfigured:
    code = error.grpc_status_code or StatusCode.UNKNOWN
    if code is StatusCode.INVALID_ARGUMENT:
        return PublishRefused(code.name)  # its text may quote the message, and this one is logged
    cause = f"{code.name}: {error.message}"[:300]
    return PublishTransient(cause) if code in _TRANSIENT else PublishMisconfigured(cause)


def default_credentials() -> Credentials:
    """Find the credentials of the machine; it may take seconds. Raises GoogleAuthError where there are none."""
    credentials, _ = google.auth.default(scopes=PublisherGrpcAsyncIOTransport.AUTH_SCOPES)
    found: Credentials = credentials
    return found
