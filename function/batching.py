"""Messages that come in the same turn of the event loop travel in one Publish batch.

A batch costs about the same with fifty messages as with one. Nobody waits for company: there is no timer, and a
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
"""What one batch holds at most, counted in messages and in bytes of their data; a larger message travels alone.

Attributes need not be counted: 64 times the 100 that Pub/Sub allows, of 256 and 1,024 bytes, are 8.2 MB, and a batch
may have 10 MB (https://cloud.google.com/pubsub/quotas).
"""


class PubSub(Protocol):
    """Where requests go; ``pubsub.PubSub`` is the real one."""

    async def send(self, topic: str, messages: Sequence[Message], *, timeout_s: float) -> Sequence[str]:
        """Give the ids that the messages were acknowledged with; raises PublishError."""
        ...


_Key: TypeAlias = tuple[str, str, float]
"""Topic, ordering key and time left: what the messages of one batch have in common."""


@dataclass(slots=True, eq=False)
class _Batch:
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

    def cancel_if_abandoned(self) -> None:
        """Somebody waits no more; if it was the last one, the batch goes on nowhere."""
        if self.task and all(waiter.done() for waiter in self.waiting):
            self.task.cancel()

    def resolve(self, task: "asyncio.Task[Sequence[str | BaseException]]") -> None:
        """Give everybody who still waits what became of the message."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        results = [error] * len(self.waiting) if error else task.result()
        # an error knows its frames, and those know this batch: while it knew the error, hundreds would stay in memory
        waiting, self.waiting, self.task = self.waiting, [], None
        for waiter, result in zip(waiting, results, strict=True):
            if waiter.done():
                continue
            if isinstance(result, str):
                waiter.set_result(result)
            else:
                waiter.set_exception(result)


class Batcher:
    """Publishes each message with those of the same turn that have its topic, ordering key and time left."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self._open: dict[_Key, _Batch] = {}

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Publish one message and give the id that Pub/Sub acknowledged it with, within ``timeout_s`` seconds.

        Raises:
            PublishError: Pub/Sub has not acknowledged this message.

        """
        batch, waiting = self._add((topic, message.ordering_key, timeout_s), message)
        try:
            message_id = await waiting
        except asyncio.CancelledError:
            batch.cancel_if_abandoned()
            raise
        finally:
            del waiting  # for the same reason as in `resolve`
        if not message_id:
            raise PublishUnacknowledged("an empty message id")
        return message_id

    def _add(self, key: _Key, message: Message) -> tuple[_Batch, "asyncio.Future[str]"]:
        loop = asyncio.get_running_loop()
        batch = self._open.get(key)
        if batch is None or not batch.has_room(message):
            batch = self._open[key] = _Batch()
            batch.task = loop.create_task(self._flush(key, batch))  # it begins when this turn is over
            batch.task.add_done_callback(batch.resolve)
        waiting: asyncio.Future[str] = loop.create_future()
        batch.add(message, waiting)
        return batch, waiting

    async def _flush(self, key: _Key, batch: _Batch) -> Sequence[str | BaseException]:
        if self._open.get(key) is batch:
            del self._open[key]
        return await self._results(key, batch.messages)

    async def _results(self, key: _Key, messages: Sequence[Message]) -> Sequence[str | BaseException]:
        """Send them. One invalid message has its whole batch refused: then each has its own result alone."""
        topic, _, timeout_s = key
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        try:
            return await self._pubsub.send(topic, messages, timeout_s=timeout_s)
        except PublishRefused:
            if len(messages) == 1:
                raise
        left_s = timeout_s - (loop.time() - began_at)
        alone = (self._pubsub.send(topic, [message], timeout_s=left_s) for message in messages)
        results = await asyncio.gather(*alone, return_exceptions=True)
        return [result if isinstance(result, BaseException) else result[0] for result in results]


def _size(message: Message) -> int:
    return len(message.data)
