"""What the services of one embedded Pub/Sub share; touched on its event loop only, so without locks."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from deploy.offline.pubsub.backlog import Message
from deploy.offline.pubsub.broker import Broker
from deploy.offline.pubsub.faults import Faults
from deploy.offline.pubsub.record import Record


class Bell:
    """Wakes everyone who waits for something to have changed."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something changed."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, timeout_s: float | None) -> None:
        """Until it rings, or so many seconds (None: no matter how long) have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()


@dataclass
class State:
    """Made on the event loop that serves it; ``publish_calls`` counts Publish calls by topic, refused ones too."""

    record: Record | None = None
    broker: Broker = field(default_factory=Broker)
    faults: Faults = field(default_factory=Faults)
    bell: Bell = field(default_factory=Bell)
    publish_calls: Counter[str] = field(default_factory=Counter)

    def store(self, topic: str, asked: Sequence[Message]) -> list[Message]:
        """Accept, record and deliver messages; returns them with their ids."""
        messages = self.broker.accept(topic, asked, time.time_ns())
        if self.record:
            self.record.append(topic, messages)
        self.broker.deliver(topic, messages)
        self.bell.ring()
        return messages

    def forward_dead(self) -> None:
        """Publish the messages after their last attempt to their dead letter topics."""
        for topic, message in self.broker.forward_dead(time.monotonic()):
            self.store(topic, [message])

    async def wait(self, until: float | None) -> None:
        """Until something changed, a message may be ready or dead, or the monotonic clock shows ``until``."""
        times = [at for at in (until, self.broker.next_event()) if at is not None]
        await self.bell.wait(max(0.0, min(times) - time.monotonic()) if times else None)
