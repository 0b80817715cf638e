"""Reads the subscriptions of one run in worker threads, and knows whether the connection lives.

Every subscription has a worker that waits in a pull. A pull can last a minute and a half, so that its silence says
nothing: ``tick``, which the main thread calls about once a second, asks Pub/Sub for a sign of life if none came for
``PING_S``, and notices the sleep of the machine by a jump of its clock. Then the waiting pulls are given up and begun
again, because their connections may be dead.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from deploy.errors import DeployError, GcloudFailed
from deploy.google.pubsub_api import PubSubApi, PubSubFailed, Pulled
from deploy.live.clock import Clock, at_time, spoken
from deploy.live.feed import Connection
from deploy.live.message import Message
from deploy.live.subscriptions import DELETED_TOPIC, RENEW_SEEN_S, RETENTION_S, Source, Subscriptions
from deploy.live.summary import Gap

PING_S = 15.0
"""Seconds without an answer after which Pub/Sub is asked for a sign of life."""

PING_READ_S = 5.0
"""Seconds within which the sign of life has to come."""

JUMP_S = 5.0
"""Seconds by which the clock of the day runs ahead of the monotonic one if the machine slept."""

LONG_WAIT_S = 20.0
"""A pull that waited for so long and then failed says little: proxies end idle connections. It is begun again."""

RETRY_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses after failures, one after the other; the last one is repeated."""

WAITING_BATCHES = 4
"""Batches that wait to be shown; while there are so many, nothing more is pulled, and Pub/Sub keeps it."""

WORKERS = 32
"""Threads: two that pull and one for signs of life, and those that wait in a dead connection until it fails."""

_POLL_S = 0.5
_PING = "sign of life"


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
        self._batches: queue.Queue[list[Message]] = queue.Queue(WAITING_BATCHES)
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._read_at = {source.subscription: clock.now() for source in subscriptions.sources}
        self._work: list[Future[None]] = []
        self._ping: Future[None] | None = None
        self._generation = 0
        self._is_ended = threading.Event()
        self._heard = self._renewed = clock.monotonic()
        self._ticked = (clock.now(), clock.monotonic())

    def start(self, pool: ThreadPoolExecutor) -> None:
        """Begin to read, and remove what killed runs have left behind."""
        self._pool = pool
        self._connection.set("live")
        self._begin()
        self._work.append(pool.submit(self._quietly, self._subscriptions.remove_abandoned))

    def end(self) -> None:
        """Stop to read. Pulls that still wait are left to themselves."""
        self._is_ended.set()

    def take(self, timeout_s: float) -> Sequence[Message]:
        """Return the next messages; none if there are none within the timeout.

        Raises:
            DeployError: reading cannot go on.

        """
        for work in [work for work in self._work if work.done()]:
            self._work.remove(work)
            work.result()
        try:
            return self._batches.get(timeout=timeout_s)
        except queue.Empty:
            return ()

    def tick(self) -> None:
        """Notice a sleep, and ask for a sign of life if none came for a while."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        before, self._ticked = self._ticked, (now, monotonic)
        jump_s = (now - before[0]) - (monotonic - before[1])
        if jump_s > JUMP_S:
            self._slept(before[0], jump_s)
        if monotonic - self._heard > PING_S and (self._ping is None or self._ping.done()):
            self._ping = self._pool.submit(self._check)
            self._work.append(self._ping)
        if monotonic - self._renewed > RENEW_SEEN_S:
            self._renewed = monotonic
            self._work.append(self._pool.submit(self._quietly, self._subscriptions.renew_seen))

    def _slept(self, since: float, jump_s: float) -> None:
        why = f"the clock jumped by {spoken(jump_s)}: this machine slept, or its clock was set"
        self._lost(_PING, why, since)
        self._begin()
        self._heard = float("-inf")  # ask for a sign of life at once

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
            try:
                pulled = self._api.pull(source.subscription)
                failures = 0
                self._received(source, pulled)
            except DeployError as error:
                if not self._is_wanted(generation):
                    return
                if self._is_harmless(error, self._clock.monotonic() - began):
                    continue
                self._recover(source, error)
                self._is_ended.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1

    def _is_wanted(self, generation: int) -> bool:
        return generation == self._generation and not self._is_ended.is_set()

    @staticmethod
    def _is_harmless(error: DeployError, waited_s: float) -> bool:
        """Return whether an idle pull was ended, by Pub/Sub, by a proxy or by the timeout: there was no message."""
        return isinstance(error, PubSubFailed) and error.status in {0, 504} and waited_s > LONG_WAIT_S

    def _received(self, source: Source, pulled: Sequence[Pulled]) -> None:
        """Acknowledge messages, and pass them on; wait while too many wait to be shown."""
        now = self._clock.now()
        self._alive(source.subscription)
        self._check_retention(source, now)
        if not pulled:
            return
        self._quietly(lambda: self._api.acknowledge(source.subscription, [message.ack_id for message in pulled]))
        batch = [_message(message, now, rejected=source.rejected) for message in pulled]
        is_passed_on = False
        while not is_passed_on and not self._is_ended.is_set():
            with suppress(queue.Full):
                self._batches.put(batch, timeout=_POLL_S)
                is_passed_on = True

    def _check_retention(self, source: Source, now: float) -> None:
        """Note a gap if the subscription was not read for longer than it keeps messages."""
        read_at, self._read_at[source.subscription] = self._read_at[source.subscription], now
        if now - RETENTION_S > read_at:
            why = f"nothing was read for {spoken(now - read_at)}, and Pub/Sub keeps events for {spoken(RETENTION_S)}"
            self._gap(Gap(read_at, now - RETENTION_S, why))

    def _recover(self, source: Source, error: DeployError) -> None:
        """Note a failure; create the subscription again if it was deleted. Raises ``PubSubFailed`` without a topic."""
        if not (isinstance(error, PubSubFailed) and error.status == 404):
            self._lost(source.subscription, _in_short(error), self._clock.now())
            return
        try:
            self._subscriptions.create_again(source)
        except PubSubFailed as refused:
            if refused.status == 404:
                raise
            self._lost(source.subscription, _in_short(refused), self._clock.now())
            return
        now = self._clock.now()
        read_at, self._read_at[source.subscription] = self._read_at[source.subscription], now
        self._gap(Gap(read_at, now, f"subscription {source.subscription} had been deleted, and was made again"))

    def _check(self) -> None:
        """Ask Pub/Sub for a sign of life. Without one, begin to pull again by new connections."""
        source = self._subscriptions.sources[0]
        try:
            found = self._api.get(source.subscription, read_s=PING_READ_S)
        except PubSubFailed as error:
            if error.status == 404:  # the worker that pulls creates it again
                return
            self._lost(_PING, _in_short(error), self._clock.now())
            self._begin()
            return
        except GcloudFailed as error:
            self._lost(_PING, _in_short(error), self._clock.now())
            return
        self._alive(_PING)
        if found.get("topic") == DELETED_TOPIC:
            raise PubSubFailed(404, f"topic {source.topic} was deleted", where="Pub/Sub")

    def _alive(self, who: str) -> None:
        with self._lock:
            self._heard = self._clock.monotonic()
            self._failing -= {who, _PING}
            before = self._connection.get()
            if not self._failing and self._connection.set("live"):
                away_s = self._clock.now() - before.since
                what = f"live again after {spoken(away_s)}; what Pub/Sub has kept meanwhile follows"
                self._notice(f"{at_time(self._clock.now())}  {what}")

    def _lost(self, who: str, why: str, since: float) -> None:
        with self._lock:
            self._failing.add(who)
            if not self._is_ended.is_set() and self._connection.set("lost", why, since):
                self._notice(f"{at_time(since)}  lost: {why}; trying again")

    def _gap(self, gap: Gap) -> None:
        with self._lock:
            self.gaps.append(gap)
        self._notice(f"{at_time(self._clock.now())}  {gap.sentence()}")

    @staticmethod
    def _quietly(work: Callable[[], None]) -> None:
        """Do work whose failure changes nothing for the user: a message comes again, or a label is not renewed."""
        try:
            work()
        except DeployError:
            return


def _in_short(error: DeployError) -> str:
    """Return the first line of an error, and its first fix."""
    fix = f" ({error.fix[0]})" if error.fix else ""
    return f"{error.what.splitlines()[0] if error.what else error.where}{fix}"


def _message(pulled: Pulled, now: float, *, rejected: bool) -> Message:
    return Message(pulled.message_id, pulled.data, pulled.attributes, pulled.published_at, now, rejected)
