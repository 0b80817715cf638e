"""Messages that come in the same turn of the event loop travel in one Publish request.

A request costs about the same with fifty messages as with one. Nobody waits for company: there is no timer, and a
message that comes alone leaves alone, at once. Under load more connections are ready in each turn, so that requests
grow by themselves just when the processor is short. Knows nothing of Google.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from function.errors import PublishRefused, PublishUnacknowledged
from function.message import Message

MOST_MESSAGES = 64
MOST_BYTES = 1_000_000
"""What one request holds at most, counted in messages and in bytes of their data; a larger message travels alone.

Attributes need not be counted: 64 times the 100 that Pub/Sub allows, of 256 and 1,024 bytes, are 8.2 MB, and a request
may have 10 MB (https://cloud.google.com/pubsub/quotas).
"""


class PubSub(Protocol):
    """Where requests go; ``pubsub.PubSub`` is the real one."""

    async def send(self, topic: str, messages: Sequence[Message], *, timeout_s: float) -> Sequence[str]:
        """Give the ids that the messages were acknowledged with; raises PublishError."""
        ...


_Kind: TypeAlias = tuple[str, str, float]
"""Topic, ordering key and time left: what the messages of one request have in common."""


@dataclass(slots=True, eq=False)
class _Request:
    """Messages that travel together, and who waits for each."""

    messages: list[Message] = field(default_factory=list)
    waiting: list["asyncio.Future[str]"] = field(default_factory=list)
    size: int = 0
    task: "asyncio.Task[Sequence[str | BaseException]] | None" = None

    def has_room(self, message: Message) -> bool:
        """Whether it has not left yet, and is not full."""
        return self.task is not None and len(self.messages) < MOST_MESSAGES and self.size + _size(message) <= MOST_BYTES

    def add(self, message: Message, waiting: "asyncio.Future[str]") -> None:
        self.messages.append(message)
        self.waiting.append(waiting)
        self.size += _size(message)

    def leave(self) -> None:
        """Somebody waits no more; if it was the last one, the request goes on nowhere."""
        if self.task and all(waiter.done() for waiter in self.waiting):
            self.task.cancel()

    def tell(self, task: "asyncio.Task[Sequence[str | BaseException]]") -> None:
        """Give everybody who still waits what became of the message."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        verdicts = [error] * len(self.waiting) if error else task.result()
        # an error knows its frames, and those know this request: while it knew the error, hundreds would stay in memory
        waiting, self.waiting, self.task = self.waiting, [], None
        for number, waiter in enumerate(waiting):
            verdict = verdicts[number]
            if waiter.done():
                continue
            if isinstance(verdict, str):
                waiter.set_result(verdict)
            else:
                waiter.set_exception(verdict)


class SharedRequests:
    """Publishes each message with those of the same turn that have its topic, ordering key and time left."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self._boarding: dict[_Kind, _Request] = {}

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Publish one message and give the id that Pub/Sub acknowledged it with, within ``timeout_s`` seconds.

        Raises:
            PublishError: Pub/Sub has not acknowledged this message.

        """
        request, waiting = self._join((topic, message.ordering_key, timeout_s), message)
        try:
            message_id = await waiting
        except asyncio.CancelledError:
            request.leave()
            raise
        finally:
            del waiting  # for the same reason as in `tell`
        if not message_id:
            raise PublishUnacknowledged("an empty message id")
        return message_id

    def _join(self, kind: _Kind, message: Message) -> tuple[_Request, "asyncio.Future[str]"]:
        loop = asyncio.get_running_loop()
        request = self._boarding.get(kind)
        if request is None or not request.has_room(message):
            request = self._boarding[kind] = _Request()
            request.task = loop.create_task(self._depart(kind, request))  # it begins when this turn is over
            request.task.add_done_callback(request.tell)
        waiting: asyncio.Future[str] = loop.create_future()
        request.add(message, waiting)
        return request, waiting

    async def _depart(self, kind: _Kind, request: _Request) -> Sequence[str | BaseException]:
        if self._boarding.get(kind) is request:
            del self._boarding[kind]
        return await self._verdicts(kind, request.messages)

    async def _verdicts(self, kind: _Kind, messages: Sequence[Message]) -> Sequence[str | BaseException]:
        """Send them. One invalid message has its whole request refused: then each has its own verdict alone."""
        topic, _, timeout_s = kind
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        try:
            return await self._pubsub.send(topic, messages, timeout_s=timeout_s)
        except PublishRefused:
            if len(messages) == 1:
                raise
        left_s = timeout_s - (loop.time() - began_at)
        alone = (self._pubsub.send(topic, [message], timeout_s=left_s) for message in messages)
        verdicts = await asyncio.gather(*alone, return_exceptions=True)
        return [verdict if isinstance(verdict, BaseException) else verdict[0] for verdict in verdicts]


def _size(message: Message) -> int:
    return len(message.data)
