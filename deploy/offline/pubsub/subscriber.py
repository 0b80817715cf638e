"""``google.pubsub.v1.Subscriber``: subscriptions, Pull and StreamingPull, acknowledgements and deadlines."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2, timestamp_pb2
from google.pubsub_v1 import types

from deploy.offline.errors import invalid
from deploy.offline.pubsub import limits
from deploy.offline.pubsub.backlog import Backlog, Holder, Lease, Message
from deploy.offline.pubsub.rpc import Bound, Context, service
from deploy.offline.pubsub.settings import new_subscription
from deploy.offline.pubsub.state import State

PULL_WAIT_S = 10.0
MAX_PULL_MESSAGES = 1_000
MAX_PULL_BYTES = 3_000_000  # a client made for an emulator keeps gRPC's own limit of 4 MiB for an answer

_EMPTY = empty_pb2.Empty
_SUBSCRIPTION = types.Subscription.pb()
_SUBSCRIPTIONS = types.ListSubscriptionsResponse.pb()
_RECEIVED = types.ReceivedMessage.pb()
_MESSAGE = types.PubsubMessage.pb()
_PULLED = types.PullResponse.pb()
_STREAMED = types.StreamingPullResponse.pb()


class Subscriber:
    """The methods of the service."""

    def __init__(self, state: State) -> None:
        self._state = state

    def service(self) -> grpc.GenericRpcHandler:
        """As gRPC wants it."""
        methods = {
            "CreateSubscription": Bound(self._create_subscription, _SUBSCRIPTION, _SUBSCRIPTION),
            "GetSubscription": Bound(self._get_subscription, types.GetSubscriptionRequest.pb(), _SUBSCRIPTION),
            "ListSubscriptions": Bound(self._list, types.ListSubscriptionsRequest.pb(), _SUBSCRIPTIONS),
            "DeleteSubscription": Bound(self._delete, types.DeleteSubscriptionRequest.pb(), _EMPTY),
            "Pull": Bound(self._pull, types.PullRequest.pb(), _PULLED),
            "StreamingPull": Bound(self._stream, types.StreamingPullRequest.pb(), _STREAMED, streams=True),
            "Acknowledge": Bound(self._acknowledge, types.AcknowledgeRequest.pb(), _EMPTY),
            "ModifyAckDeadline": Bound(self._modify, types.ModifyAckDeadlineRequest.pb(), _EMPTY),
        }
        return service("google.pubsub.v1.Subscriber", methods)

    async def _create_subscription(self, request: Any, _: Context) -> Any:
        subscription = new_subscription(request)
        self._state.broker.create_subscription(subscription)
        return subscription

    async def _get_subscription(self, request: Any, _: Context) -> Any:
        limits.check_subscription_name(request.subscription)
        return self._state.broker.subscription(request.subscription).settings

    async def _list(self, request: Any, _: Context) -> Any:
        limits.check_project_name(request.project)
        return _SUBSCRIPTIONS(subscriptions=self._state.broker.subscriptions(request.project))

    async def _delete(self, request: Any, _: Context) -> Any:
        limits.check_subscription_name(request.subscription)
        self._state.broker.delete_subscription(request.subscription)
        self._state.bell.ring()
        return _EMPTY()

    async def _acknowledge(self, request: Any, _: Context) -> Any:
        limits.check_ack_request(request.ByteSize(), request.ack_ids)
        self._backlog(request.subscription).acknowledge(request.ack_ids)
        self._state.bell.ring()
        return _EMPTY()

    async def _modify(self, request: Any, _: Context) -> Any:
        limits.check_ack_request(request.ByteSize(), request.ack_ids)
        limits.check_ack_deadline(request.ack_deadline_seconds, minimum=0)
        backlog = self._backlog(request.subscription)
        backlog.modify_deadline(time.monotonic(), request.ack_ids, request.ack_deadline_seconds)
        self._state.bell.ring()
        return _EMPTY()

    async def _pull(self, request: Any, context: Context) -> Any:
        limits.check_max_messages(request.max_messages)
        until = time.monotonic() + _patience(request, context)
        while True:
            leases = self._take(request.subscription, Holder(), request.max_messages)
            if leases or time.monotonic() >= until:
                return _PULLED(received_messages=[_received(lease) for lease in leases])
            await self._wait(request.subscription, until)

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
            leases = self._take(stream.subscription, stream.holder, stream.room(), stream.deadline_s)
            if leases:
                await context.write(_STREAMED(received_messages=[_received(lease) for lease in leases]))
            else:
                await self._wait(stream.subscription, None)
        await reading

    async def _read(self, requests: AsyncIterator[Any], stream: "_Stream") -> None:
        try:
            async for request in requests:
                stream.update(request)
                self._apply(self._backlog(stream.subscription), request)
                self._state.bell.ring()
        finally:
            self._state.bell.ring()

    def _apply(self, backlog: Backlog, request: Any) -> None:
        backlog.acknowledge(request.ack_ids)
        if len(request.modify_deadline_ack_ids) != len(request.modify_deadline_seconds):
            raise invalid("modify_deadline_ack_ids and modify_deadline_seconds differ in length.")
        for ack_id, seconds in zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True):
            limits.check_ack_deadline(seconds, minimum=0)
            backlog.modify_deadline(time.monotonic(), [ack_id], seconds)

    def _backlog(self, subscription: str) -> Backlog:
        limits.check_subscription_name(subscription)
        return self._state.broker.subscription(subscription).backlog

    def _take(self, subscription: str, holder: Holder, limit: int, deadline_s: int = 0) -> list[Lease]:
        backlog = self._backlog(subscription)
        deadline_s = deadline_s or self._state.broker.subscription(subscription).settings.ack_deadline_seconds
        most = min(limit, MAX_PULL_MESSAGES)
        return backlog.pull(time.monotonic(), holder, deadline_s, most, MAX_PULL_BYTES)

    async def _wait(self, subscription: str, until: float | None) -> None:
        times = [each for each in (until, self._backlog(subscription).next_expiry()) if each is not None]
        await self._state.bell.wait(max(0.0, min(times) - time.monotonic()) if times else None)


class _Stream:
    """What the requests of one StreamingPull have said so far."""

    def __init__(self, first: Any) -> None:
        self.subscription: str = first.subscription
        self.holder = Holder()
        self.deadline_s: int = first.stream_ack_deadline_seconds
        self._max_messages: int = first.max_outstanding_messages
        self._max_bytes: int = first.max_outstanding_bytes
        limits.check_ack_deadline(self.deadline_s)

    def room(self) -> int:
        """How many more messages the client wants to hold now."""
        if 0 < self._max_bytes <= self.holder.size:
            return 0
        return self._max_messages - self.holder.messages if self._max_messages > 0 else MAX_PULL_MESSAGES

    def update(self, later: Any) -> None:
        """A request after the first: it may change the deadline, nothing else."""
        if later.subscription or later.max_outstanding_messages or later.max_outstanding_bytes:
            raise invalid("Only the first request of a stream may set its subscription and flow control.")
        if later.stream_ack_deadline_seconds:
            limits.check_ack_deadline(later.stream_ack_deadline_seconds)
            self.deadline_s = later.stream_ack_deadline_seconds


def _patience(request: Any, context: Context) -> float:
    """How many seconds a Pull waits for a message: well within the caller's deadline, then the answer is empty."""
    if request.return_immediately:
        return 0.0
    remaining: float | None = context.time_remaining()
    return PULL_WAIT_S if remaining is None else min(PULL_WAIT_S, remaining / 2)


def _received(lease: Lease) -> Any:
    return _RECEIVED(ack_id=lease.ack_id, message=_wire(lease.message))


def _wire(message: Message) -> Any:
    seconds, nanos = divmod(message.publish_time_ns, 10**9)
    return _MESSAGE(
        data=message.data,
        attributes=message.attributes,
        message_id=message.message_id,
        publish_time=timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos),
        ordering_key=message.ordering_key,
    )
