"""What the services of one embedded Pub/Sub share. It is used on the event loop only, so it needs no locks."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.emulators.pubsub.backlog import Message
from tests.emulators.pubsub.broker import Broker
from tests.emulators.pubsub.faults import Faults
from tests.emulators.pubsub.record import Record


class Bell:
    """Wakes all coroutines that wait for a change."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all coroutines that wait, because something has changed."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, timeout_s: float | None) -> None:
        """Wait until it rings, or until the timeout (None: no timeout)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()


@dataclass
class State:
    """The shared state, made on the event loop. ``publish_calls``: Publish calls by topic, also refused ones."""

    record: Record | None = None
    broker: Broker = field(default_factory=Broker)
    faults: Faults = field(default_factory=Faults)
    bell: Bell = field(default_factory=Bell)
    publish_calls: Counter[str] = field(default_factory=Counter)

    def store(self, topic: str, messages: Sequence[Message]) -> list[Message]:
        """Accept, record and deliver messages, and return them with their ids."""
        accepted = self.broker.accept(topic, messages, time.time_ns())
        if self.record:
            self.record.append(topic, accepted)
        self.broker.deliver(topic, accepted)
        self.bell.ring()
        return accepted

    def forward_dead(self) -> None:
        """Publish dead messages, those after their last attempt, to their dead letter topics."""
        for topic, message in self.broker.forward_dead(time.monotonic()):
            self.store(topic, [message])

    async def wait(self, until: float | None) -> None:
        """Wait until something changes, a message may be ready or dead, or the monotonic clock shows ``until``."""
        times = [at for at in (until, self.broker.next_event()) if at is not None]
        await self.bell.wait(max(0.0, min(times) - time.monotonic()) if times else None)
