"""Message -> acknowledged message id, or one error: attempts, pauses and the deadline."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol

from function.errors import PublishTransient
from function.message import Message

ATTEMPT_S = 2.0
"""Seconds that one attempt may take."""

PAUSE_S = (0.1, 0.8)
"""Seconds between attempts, first and longest: doubled each time, and half of it left to chance."""


class Sender(Protocol):
    """Where attempts go; ``Batcher`` is the real one."""

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Give the id that Pub/Sub acknowledged the message with; raises PublishError."""
        ...


class RetryingPublisher:
    """Tries until Pub/Sub acknowledges, as long as there is time."""

    def __init__(self, sender: Sender, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sender = sender
        self._monotonic = monotonic

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Publish one message and give the id that Pub/Sub acknowledged it with, within ``timeout_s`` seconds.

        Raises:
            PublishError: Pub/Sub has not acknowledged; nothing goes on in the background.

        """
        if timeout_s <= 0:
            raise PublishTransient("no time was left to publish in")
        deadline = self._monotonic() + timeout_s
        left_s = timeout_s
        longest_pause_s, at_most_s = PAUSE_S
        causes: list[str] = []
        while True:
            try:
                return await self._sender.publish(topic, message, timeout_s=min(ATTEMPT_S, left_s))
            except PublishTransient as failure:
                causes.append(str(failure))
                pause_s = random.uniform(longest_pause_s / 2, longest_pause_s)  # noqa: S311  # no secret hangs on it
                if self._monotonic() + pause_s >= deadline:  # the last attempt's cause may be its short time alone
                    raise PublishTransient("; then ".join(dict.fromkeys(causes))) from failure
            await asyncio.sleep(pause_s)
            longest_pause_s = min(2 * longest_pause_s, at_most_s)
            left_s = deadline - self._monotonic()
