"""One run: its subscriptions, its reader and the state of its connection, from the first call to the last."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deploy.google.pubsub_api import PubSubApi
from deploy.live.clock import Clock
from deploy.live.feed import Connection
from deploy.live.message import Message
from deploy.live.names import Names
from deploy.live.reader import WORKERS, Reader
from deploy.live.subscriptions import Subscriptions
from deploy.parallel import signals_wait, worker_pool
from deploy.spec import Spec

TICK_S = 1.0
"""Seconds between two looks at the clocks."""

WAIT_S = 0.2
"""Seconds that the main thread waits for messages at once: only it can handle a signal."""


class Session:
    """A run that reads. ``connection``: the state of its connection."""

    def __init__(self, reader: Reader, connection: Connection, clock: Clock) -> None:
        self.reader = reader
        self.connection = connection
        self._clock = clock
        self._waiting: deque[Message] = deque()
        self._ticked_at = float("-inf")

    def next(self, tick: Callable[[], None]) -> Message | None:
        """Return the next message, or None if none comes within ``WAIT_S``. About once a second, call ``tick``.

        Raises:
            DeployError: reading cannot go on.

        """
        if self._clock.monotonic() - self._ticked_at >= TICK_S:
            self._ticked_at = self._clock.monotonic()
            self.reader.tick()
            tick()
        if not self._waiting:
            self._waiting.extend(self.reader.take(WAIT_S))
        return self._waiting.popleft() if self._waiting else None

    def rest(self) -> Iterator[Message]:
        """Stop to read, and yield the messages that were received and not returned yet."""
        self.reader.end()
        while self._waiting or (batch := self.reader.take(0)):
            self._waiting.extend(() if self._waiting else batch)
            yield self._waiting.popleft()


@contextmanager
def session(
    spec: Spec, api: PubSubApi, filter_text: str, names: Names, clock: Clock, notice: Callable[[str], None]
) -> Iterator[Session]:
    """Create the subscriptions of a run, read them, and remove them when the context ends, however it ends.

    Raises:
        DeployError: they could not be created.

    """
    with worker_pool(WORKERS, is_endless=True) as pool:
        subscriptions, connection = Subscriptions(spec, api, filter_text, clock.now, notice), Connection(clock.now)
        reader = Reader(api, subscriptions, connection, clock, notice)
        try:
            names.start(pool, spec.dt_projects)
            subscriptions.create()
            reader.start(pool)
            yield Session(reader, connection, clock)
        finally:
            reader.end()
            with signals_wait():  # a second Ctrl-C would leave them behind
                subscriptions.remove()
