"""Reads the subscriptions of one run in worker threads.

Every subscription has a worker that waits in a pull. A pull can last a minute and a half, so its silence says
nothing. The main thread calls ``tick`` about once a second: it lets another worker ask Pub/Sub for a sign of life, and
notices the sleep of the machine. Then the waiting pulls are given up and begun again, because their connections
may be dead.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from deploy.errors import DeployError
from deploy.google.pubsub_api import PubSubApi, PubSubFailed, Pulled
from deploy.live.clock import Clock, at_time
from deploy.live.feed import Connection
from deploy.live.message import Message
from deploy.live.pulse import PING, Pulse
from deploy.live.subscriptions import RENEW_SEEN_S, RETENTION_S, Source, Subscriptions
from deploy.live.summary import Gap
from deploy.spec import DELETED_TOPIC
from deploy.times import spoken

PING_READ_S = 5.0
"""Seconds within which a sign of life has to come."""

LONG_WAIT_S = 20.0
"""A pull that waited for so long and then failed says little: proxies end idle connections. It is begun again."""

RETRY_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses after failures, one after the other; the last one is repeated."""

WAITING_BATCHES = 4
"""Maximum batches that wait to be shown. At this number no more is pulled, and Pub/Sub keeps the rest."""

WORKERS = 32
"""Threads: two that pull, some for short work, and those that wait in a dead connection until it fails."""

_POLL_S = 0.5


class Reader:
    """The reader of one run. ``take`` and ``tick`` are for the main thread. ``notice`` gets what a user should know."""

    def __init__(
        self,
        api: PubSubApi,
        subscriptions: Subscriptions,
        connection: Connection,
        clock: Clock,
        notice: Callable[[str], None],
    ) -> None:
        self.gaps: list[Gap] = []
        self._api = api
        self._subscriptions = subscriptions
        self._connection = connection
        self._clock = clock
        self._notice = notice
        self._pulse = Pulse(connection, clock, notice)
        self._batches: queue.Queue[list[Message]] = queue.Queue(WAITING_BATCHES)
        self._lock = threading.Lock()
        self._read_at = {source.subscription: clock.now() for source in subscriptions.sources}
        self._work: list[Future[None]] = []
        self._ping: Future[None] | None = None
        self._renewed = clock.monotonic()
        self._generation = 0
        self._is_ended = threading.Event()

    def start(self, pool: ThreadPoolExecutor) -> None:
        """Begin to read, and remove what killed runs have left behind."""
        self._pool = pool
        self._connection.set("live")
        self._begin()
        self._work.append(pool.submit(_quietly, self._subscriptions.remove_abandoned))

    def end(self) -> None:
        """Stop reading. Pulls that still wait are abandoned."""
        self._is_ended.set()
        self._pulse.end()

    def take(self, timeout_s: float) -> Sequence[Message]:
        """Return the next messages; none if there are none within the timeout.

        Raises:
            DeployError: reading cannot go on.

        """
        for work in [work for work in self._work if work.done()]:
            self._work.remove(work)
            work.result()
        try:
            return self._batches.get(timeout=timeout_s) if timeout_s else self._batches.get_nowait()
        except queue.Empty:
            return ()

    def tick(self) -> None:
        """Notice a sleep, ask for a sign of life if it is due, and say that this run still reads."""
        if self._pulse.slept():
            self._begin()
        if (self._ping is None or self._ping.done()) and self._pulse.is_ping_due():
            self._ping = self._pool.submit(self._check)
            self._work.append(self._ping)
        if self._clock.monotonic() - self._renewed > RENEW_SEEN_S:
            self._renewed = self._clock.monotonic()
            self._work.append(self._pool.submit(_quietly, self._subscriptions.renew_seen))

    def _begin(self) -> None:
        """Begin to pull. Pulls of an earlier generation end with their next answer."""
        with self._lock:
            self._generation += 1
            generation = self._generation
        for source in self._subscriptions.sources:
            self._work.append(self._pool.submit(self._read, source, generation))

    def _read(self, source: Source, generation: int) -> None:
        failures = 0
        while self._is_wanted(generation):
            began = self._clock.monotonic()
            self._pulse.waits(source.subscription)
            try:
                pulled = self._api.pull(source.subscription)
            except DeployError as error:
                if self._is_wanted(generation) and not _is_harmless(error, self._clock.monotonic() - began):
                    self._recover(source, error)
                    self._is_ended.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
                    failures += 1
            else:
                failures = 0
                self._received(source, pulled)

    def _is_wanted(self, generation: int) -> bool:
        return generation == self._generation and not self._is_ended.is_set()

    def _received(self, source: Source, pulled: Sequence[Pulled]) -> None:
        """Acknowledge messages, and pass them on; wait while too many wait to be shown."""
        now = self._clock.now()
        self._pulse.answered(source.subscription)
        self._check_retention(source, now)
        if not pulled:
            return
        _quietly(lambda: self._api.acknowledge(source.subscription, [message.ack_id for message in pulled]))
        batch = [_message(message, now, rejected=source.rejected) for message in pulled]
        is_passed_on = False
        while not is_passed_on and not self._is_ended.is_set():
            with suppress(queue.Full):
                self._batches.put(batch, timeout=_POLL_S)
                is_passed_on = True

    def _check_retention(self, source: Source, now: float) -> None:
        """Note a gap if the subscription was not read for longer than it keeps messages."""
        read_at = self._read_until(source, now)
        if now - RETENTION_S > read_at:
            why = f"nothing was read for {spoken(now - read_at)}, and Pub/Sub keeps events for {spoken(RETENTION_S)}"
            self._gap(Gap(read_at, now - RETENTION_S, why))

    def _recover(self, source: Source, error: DeployError) -> None:
        """Note a failure; create the subscription again if it was deleted. Raises ``PubSubFailed`` without a topic."""
        refused: DeployError = error
        if isinstance(error, PubSubFailed) and error.status == 404:
            try:
                self._subscriptions.create_again(source)
            except PubSubFailed as again:
                if again.status == 404:
                    raise
                refused = again
            else:
                now = self._clock.now()
                why = f"subscription {source.subscription} had been deleted, and was made again"
                self._gap(Gap(self._read_until(source, now), now, why))
                return
        self._pulse.failed(source.subscription, _in_short(refused))

    def _read_until(self, source: Source, now: float) -> float:
        """Note that a subscription was read until now, and return until when it was read before."""
        read_at, self._read_at[source.subscription] = self._read_at[source.subscription], now
        return read_at

    def _check(self) -> None:
        """Ask Pub/Sub for a sign of life. If there is no answer, begin to pull again by new connections.

        Raises:
            PubSubFailed: the topic was deleted.

        """
        source = self._subscriptions.sources[0]
        try:
            found = self._api.get(source.subscription, read_s=PING_READ_S)
        except DeployError as error:
            status = error.status if isinstance(error, PubSubFailed) else None
            if status != 404:  # the worker that pulls creates it again
                self._pulse.failed(PING, _in_short(error))
            if status == 0:
                self._begin()
            return
        self._pulse.answered(PING)
        if found.get("topic") == DELETED_TOPIC:
            raise PubSubFailed(404, f"topic {source.topic} was deleted", where="Pub/Sub")

    def _gap(self, gap: Gap) -> None:
        self.gaps.append(gap)
        self._notice(f"{at_time(self._clock.now())}  {gap.sentence()}")


def _quietly(work: Callable[[], None]) -> None:
    """Do work whose failure changes nothing for the user: a message comes again, or a label is not renewed."""
    with suppress(DeployError):
        work()


def _is_harmless(error: DeployError, waited_s: float) -> bool:
    """Return whether an idle pull was ended, by Pub/Sub, by a proxy or by the timeout: there was no message."""
    return isinstance(error, PubSubFailed) and error.status in {0, 504} and waited_s > LONG_WAIT_S


def _in_short(error: DeployError) -> str:
    """Return the first line of an error, and its first fix."""
    fix = f" ({error.fix[0]})" if error.fix else ""
    return f"{error.what.splitlines()[0] if error.what else error.where}{fix}"


def _message(pulled: Pulled, now: float, *, rejected: bool) -> Message:
    return Message(pulled.message_id, pulled.data, pulled.attributes, pulled.published_at, now, rejected)
