"""What the services of one embedded Pub/Sub share; touched on its event loop only, so without locks."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field

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
