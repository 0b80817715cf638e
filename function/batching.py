"""Messages of the same turn of the event loop -> one Publish request.

A batch costs about the same with fifty messages as with one. There is no timer: a message that is alone in its turn is
sent alone, without delay. Under load, more connections are ready in each turn, so batches grow when the processor is
busy. This module does not depend on Google's libraries.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from function.errors import PublishRefused, PublishUnacknowledged
from function.message import Message

MOST_MESSAGES = 64
MOST_BYTES = 1_000_000
"""Limits of one batch: number of messages, and bytes of their data. A message with more bytes is sent alone.

Attributes need not be counted, because 64 messages with 100 attributes of 256 + 1,024 bytes each have 8.2 MB, and
Pub/Sub accepts 10 MB in one request (https://cloud.google.com/pubsub/quotas).
"""


class PubSub(Protocol):
    """The service that acknowledges batches. ``pubsub.PubSub`` is the implementation of production."""

    async def send(self, topic: str, messages: Sequence[Message], *, timeout_s: float) -> Sequence[str]:
        """Return the id of each acknowledged message, in the order of ``messages``. Raises PublishError."""
        ...


_Key: TypeAlias = tuple[str, str, float]
"""Topic, ordering key and timeout in seconds, which all messages of one batch have in common."""


@dataclass(slots=True, eq=False)
class _Batch:
    """Messages of one request, and for each message the future that its publisher awaits."""

    loop: asyncio.AbstractEventLoop
    messages: list[Message] = field(default_factory=list)
    waiting: list["asyncio.Future[str]"] = field(default_factory=list)
    size: int = 0
    task: "asyncio.Task[None] | None" = None

    def has_room(self, message: Message) -> bool:
        """Return whether the batch has not been sent yet and is not full."""
        return self.task is not None and len(self.messages) < MOST_MESSAGES and self.size + _size(message) <= MOST_BYTES

    def add(self, message: Message, waiting: "asyncio.Future[str]") -> None:
        self.messages.append(message)
        self.waiting.append(waiting)
        self.size += _size(message)

    def cancel_if_abandoned(self) -> None:
        """Cancel the batch if no publisher awaits it any longer."""
        if self.task and all(waiter.done() for waiter in self.waiting):
            task, self.task = self.task, None  # if the task has not begun, it never will, and the batch has no room
            task.cancel()

    def resolve(self, results: Sequence[str | BaseException]) -> None:
        """Set the message id or the error of every future that is pending."""
        # break the cycle batch -> future -> error -> traceback -> batch, so that failed batches do not stay in memory
        waiting, self.waiting, self.task = self.waiting, [], None
        for waiter, result in zip(waiting, results, strict=True):
            if waiter.done():
                continue
            if isinstance(result, str):
                waiter.set_result(result)
            else:
                waiter.set_exception(result)


class Batcher:
    """Publishes messages of the same turn, topic, ordering key and timeout in one request."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self._open: dict[_Key, _Batch] = {}

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Publish one message within ``timeout_s`` seconds, and return the id of Pub/Sub's acknowledgement.

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
            del waiting  # break the cycle future -> error -> traceback -> future, as in `resolve`
        if not message_id:
            raise PublishUnacknowledged("an empty message id")
        return message_id

    def _add(self, key: _Key, message: Message) -> tuple[_Batch, "asyncio.Future[str]"]:
        batch = self._open.get(key)
        if batch is None or not batch.has_room(message):
            loop = asyncio.get_running_loop()  # a system call up to Python 3.11
            batch = self._open[key] = _Batch(loop)
            batch.task = loop.create_task(self._flush(key, batch))  # the task starts after this turn
        waiting: asyncio.Future[str] = batch.loop.create_future()
        batch.add(message, waiting)
        return batch, waiting

    async def _flush(self, key: _Key, batch: _Batch) -> None:
        if self._open.get(key) is batch:
            del self._open[key]
        try:
            results = await self._results(key, batch.messages, batch.loop)
        except BaseException as error:  # noqa: BLE001  # every publisher that waits for this batch raises it
            batch.resolve([error] * len(batch.messages))
        else:
            batch.resolve(results)

    async def _results(
        self, key: _Key, messages: Sequence[Message], loop: asyncio.AbstractEventLoop
    ) -> Sequence[str | BaseException]:
        """Send the messages, and return the id or the error of each.

        Pub/Sub refuses a whole batch because of one invalid message. In this case every message is sent alone.
        """
        topic, _, timeout_s = key
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
