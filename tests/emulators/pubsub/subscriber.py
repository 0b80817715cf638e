"""``google.pubsub.v1.Subscriber``: Pull and StreamingPull, acknowledgements and deadlines."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from tests.emulators.errors import Refused, failed_precondition, invalid
from tests.emulators.pubsub import limits
from tests.emulators.pubsub.backlog import Holder, Lease
from tests.emulators.pubsub.broker import Subscription
from tests.emulators.pubsub.rpc import Bound, Context, service
from tests.emulators.pubsub.settings import check_runs_nothing
from tests.emulators.pubsub.snapshots import Snapshots
from tests.emulators.pubsub.state import State
from tests.emulators.pubsub.subscriptions import Subscriptions
from tests.emulators.pubsub.wire import received_message

PULL_WAIT_S = 10.0
MAX_PULL_MESSAGES = 1_000
MAX_PULL_BYTES = 3_000_000  # a client of an emulator has gRPC's default limit of 4 MiB for an answer

_EMPTY = empty_pb2.Empty
_PULLED = types.PullResponse.pb()
_STREAMED = types.StreamingPullResponse.pb()


class Subscriber:
    """The methods of the service."""

    def __init__(self, state: State) -> None:
        self._state = state

    def service(self) -> grpc.GenericRpcHandler:
        """Return the service as a gRPC handler."""
        methods = {
            **Subscriptions(self._state).methods(),
            **Snapshots(self._state).methods(),
            "Pull": Bound(self._pull, types.PullRequest.pb(), _PULLED),
            "StreamingPull": Bound(self._stream, types.StreamingPullRequest.pb(), _STREAMED, streams=True),
            "Acknowledge": Bound(self._acknowledge, types.AcknowledgeRequest.pb(), _EMPTY),
            "ModifyAckDeadline": Bound(self._modify, types.ModifyAckDeadlineRequest.pb(), _EMPTY),
        }
        return service("google.pubsub.v1.Subscriber", methods)

    async def _acknowledge(self, request: Any, _: Context) -> Any:
        limits.check_ack_request(request.ByteSize(), request.ack_ids)
        subscription = self._subscription(request.subscription)
        _check_exactly_once(subscription, subscription.backlog.acknowledge(request.ack_ids))
        self._state.bell.ring()
        return _EMPTY()

    async def _modify(self, request: Any, _: Context) -> Any:
        limits.check_ack_request(request.ByteSize(), request.ack_ids)
        limits.check_ack_deadline(request.ack_deadline_seconds, minimum=0)
        subscription, now = self._subscription(request.subscription), time.monotonic()
        ended = subscription.backlog.modify_deadline(now, request.ack_ids, request.ack_deadline_seconds)
        self._state.bell.ring()
        _check_exactly_once(subscription, ended)
        return _EMPTY()

    async def _pull(self, request: Any, context: Context) -> Any:
        limits.check_max_messages(request.max_messages)
        until = time.monotonic() + _wait_s(request, context)
        while True:
            leases = self._take(request.subscription, Holder(), request.max_messages)
            if leases or time.monotonic() >= until:
                received = [received_message(self._subscription(request.subscription), lease) for lease in leases]
                return _PULLED(received_messages=received)
            await self._state.wait(until)

    async def _stream(self, requests: AsyncIterator[Any], context: Context) -> None:
        first = await anext(requests, None)
        if first is not None:
            stream = _Stream(first)
            reading = asyncio.create_task(self._read(requests, stream))
            try:
                await self._write(stream, reading, context)
            finally:
                reading.cancel()

    async def _write(self, stream: "_Stream", reading: "asyncio.Task[None]", context: Context) -> None:
        while not reading.done():
            confirmed, stream.confirmed = stream.confirmed, []
            for answer in confirmed:
                await context.write(answer)
            leases = self._take(stream.subscription, stream.holder, stream.room(), stream.deadline_s)
            if leases:
                await context.write(self._streamed(stream.subscription, leases))
            else:
                await self._state.wait(None)
        await reading

    async def _read(self, requests: AsyncIterator[Any], stream: "_Stream") -> None:
        try:
            async for request in requests:
                stream.update(request)
                self._apply(stream, request)
                self._state.bell.ring()
        finally:
            self._state.bell.ring()

    def _apply(self, stream: "_Stream", request: Any) -> None:
        subscription = self._subscription(stream.subscription)
        ended = subscription.backlog.acknowledge(request.ack_ids)
        if len(request.modify_deadline_ack_ids) != len(request.modify_deadline_seconds):
            raise invalid("modify_deadline_ack_ids and modify_deadline_seconds differ in length.")
        for ack_id, seconds in zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True):
            limits.check_ack_deadline(seconds, minimum=0)
            subscription.backlog.modify_deadline(time.monotonic(), [ack_id], seconds)
        if subscription.settings.enable_exactly_once_delivery and request.ack_ids:
            done = [ack_id for ack_id in request.ack_ids if ack_id not in ended]
            confirmation = {"ack_ids": done, "invalid_ack_ids": ended}
            stream.confirmed.append(_STREAMED(acknowledge_confirmation=confirmation))

    def _streamed(self, name: str, leases: list[Lease]) -> Any:
        subscription = self._subscription(name)
        properties = {
            "exactly_once_delivery_enabled": subscription.settings.enable_exactly_once_delivery,
            "message_ordering_enabled": subscription.settings.enable_message_ordering,
        }
        received = [received_message(subscription, lease) for lease in leases]
        return _STREAMED(received_messages=received, subscription_properties=properties)

    def _subscription(self, name: str) -> Subscription:
        limits.check_subscription_name(name)
        return self._state.broker.subscriptions.get(name)

    def _take(self, name: str, holder: Holder, limit: int, deadline_s: int = 0) -> list[Lease]:
        subscription = self._subscription(name)
        subscription.check_attached()
        check_runs_nothing(subscription.settings)
        if subscription.settings.push_config.push_endpoint:
            raise failed_precondition("This method is not supported for this subscription type.")
        self._state.forward_dead()
        deadline_s = deadline_s or subscription.settings.ack_deadline_seconds
        return subscription.backlog.pull(
            time.monotonic(), holder, deadline_s, min(limit, MAX_PULL_MESSAGES), MAX_PULL_BYTES
        )


class _Stream:
    """The settings and leases of one StreamingPull, from its requests so far."""

    def __init__(self, first: Any) -> None:
        self.subscription: str = first.subscription
        self.holder = Holder()
        self.deadline_s: int = first.stream_ack_deadline_seconds
        self._max_messages: int = first.max_outstanding_messages
        self._max_bytes: int = first.max_outstanding_bytes
        self.confirmed: list[Any] = []
        limits.check_ack_deadline(self.deadline_s)

    def room(self) -> int:
        """Return how many more messages the client accepts now."""
        if 0 < self._max_bytes <= self.holder.size:
            return 0
        return self._max_messages - self.holder.messages if self._max_messages > 0 else MAX_PULL_MESSAGES

    def update(self, later: Any) -> None:
        """Apply a request after the first, which may change the deadline and nothing else."""
        if later.subscription or later.max_outstanding_messages or later.max_outstanding_bytes:
            raise invalid("Only the first request of a stream may set its subscription and flow control.")
        if later.stream_ack_deadline_seconds:
            limits.check_ack_deadline(later.stream_ack_deadline_seconds)
            self.deadline_s = later.stream_ack_deadline_seconds


def _wait_s(request: Any, context: Context) -> float:
    """Return the seconds that a Pull waits for a message, at most half of the time that the caller waits."""
    if request.return_immediately:
        return 0.0
    remaining: float | None = context.time_remaining()
    return PULL_WAIT_S if remaining is None else min(PULL_WAIT_S, remaining / 2)


def _check_exactly_once(subscription: Subscription, ended: list[str]) -> None:
    """Refuse acknowledgements of ended leases if delivery is exactly once; else they are ignored."""
    if ended and subscription.settings.enable_exactly_once_delivery:
        metadata = dict.fromkeys(ended, "PERMANENT_FAILURE_INVALID_ACK_ID")
        message = "Some acknowledgement ids in the request are invalid."
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message, "EXACTLY_ONCE_ACKID_FAILURE", metadata)
