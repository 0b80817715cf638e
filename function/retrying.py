"""Message -> acknowledged message id, or one error: attempts, pauses and the deadline.

A message goes from ``RetryingPublisher`` to ``Batcher`` and from there to ``PubSub``: retry, batch, request.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol

from function.errors import PublishTransient
from function.message import Message

ATTEMPT_S = 2.0
"""Timeout of one attempt in seconds."""

PAUSE_S = (0.1, 0.8)
"""First and longest pause between attempts in seconds. Each pause is twice the last one, and half of it is random."""


class Sender(Protocol):
    """Makes one attempt. ``Batcher`` is the implementation of production."""

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Return the id of Pub/Sub's acknowledgement, within ``timeout_s`` seconds. Raises PublishError."""
        ...


class RetryingPublisher:
    """Repeats attempts until Pub/Sub acknowledges or the time is over.

    ``monotonic`` returns seconds of a clock that never steps back.
    """

    def __init__(self, sender: Sender, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sender = sender
        self._monotonic = monotonic

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Publish one message within ``timeout_s`` seconds, and return the id of Pub/Sub's acknowledgement.

        Raises:
            PublishError: Pub/Sub has not acknowledged. No work continues after the error.

        """
        if timeout_s <= 0:
            raise PublishTransient("no time was left to publish")
        deadline = self._monotonic() + timeout_s
        left_s = timeout_s
        longest_pause_s, at_most_s = PAUSE_S
        causes: list[str] = []
        while True:
            try:
                return await self._sender.publish(topic, message, timeout_s=min(ATTEMPT_S, left_s))
            except PublishTransient as failure:
                causes.append(str(failure))
                pause_s = random.uniform(longest_pause_s / 2, longest_pause_s)  # noqa: S311  # not used for security
                if self._monotonic() + pause_s >= deadline:  # name all causes: the last may only be its short timeout
                    raise PublishTransient("; then ".join(dict.fromkeys(causes))) from failure
            await asyncio.sleep(pause_s)
            longest_pause_s = min(2 * longest_pause_s, at_most_s)
            left_s = deadline - self._monotonic()
