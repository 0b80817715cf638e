"""Replays the messages of the rejected subscription: pull, send to the function, and acknowledge what is on main.

Order: messages are collected until no other comes for a moment, and sent by the time of their first publication, the
oldest first; those of one device one after the other. A message is acknowledged after the function has said that its
event is on the main topic. Killed between the two, the next run publishes the event again, with the same ``eventId``;
it is never lost.

Memory: at most ``MAX_HELD`` bodies at once; of every other message, only its ids.
"""

import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeVar

from deploy.errors import DeployError
from deploy.google.pubsub_api import PubSubApi, PubSubFailed, Pulled
from deploy.google.retries import TRANSIENT_OR_SILENT
from deploy.parallel import POLL_S
from deploy.repair.replay.leases import LEASE_S, Leases
from deploy.repair.replay.selection import Selection
from deploy.repair.replay.tally import Tally
from deploy.repair.republisher import Verdict
from deploy.times import spoken

LANES = 8
"""Events that are sent at the same time, of different devices."""

SETTLE_S = LEASE_S + 5.0
"""Seconds for which a run looks for messages at least: a run that was killed just before holds them for so long."""

MAX_HELD = 10_000
MAX_HELD_BYTES = 50_000_000
"""Messages, and their bytes, that are collected before they are sent; then the next ones are."""

MOST_HELD = 50_000
"""Messages that a run holds at the same time. Of more, it could not extend the leases in time."""

RETRY_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses before a pull is repeated after a failure that may pass."""

IDLE_S = 1.0
"""Pause after a pull that found nothing new."""

IDLE_PULLS = 3
"""Pulls in a row that find nothing new before what was found is sent: one may find nothing although there is more."""

QUIET_PULLS = 15
"""Pulls in a row, a second apart, that find nothing new before a run ends: several may find nothing although thousands
of messages wait. They are counted, and not their time, because a pull that fails says nothing."""

STOP_AFTER = 3
"""Failures in a row after which a run stops: what comes next would fail, too."""

PROGRESS_S = 5.0
STOP_S = 2.0
"""Seconds that an interrupted run waits for the answers to what it has sent."""

T = TypeVar("T")


@dataclass
class Replayer:
    """One run.

    ``send``: sends or judges one body. ``acknowledges``: whether what is published is acknowledged; not in a dry run.
    ``limit``: at most so many messages, the oldest of each ``MAX_HELD``; None: all. ``lanes``: events sent at the same
    time. ``on_verdict`` gets each message with what became of it. ``pool`` has more threads than there are lanes.
    ``stopped``: why the run ended before it had tried everything; "" if it did not.
    """

    api: PubSubApi
    subscription: str
    selection: Selection
    send: Callable[[bytes], Verdict]
    leases: Leases
    tally: Tally
    pool: ThreadPoolExecutor
    sleep: Callable[[float], None]
    now: Callable[[], float]
    monotonic: Callable[[], float]
    notice: Callable[[str], None]
    on_verdict: Callable[[Pulled, Verdict], None] = lambda _message, _verdict: None
    acknowledges: bool = True
    limit: int | None = None
    lanes: int = LANES
    max_attempts: int = 0
    stopped: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: "threading.Lock" = field(default_factory=threading.Lock)
    _working: list[Future[None]] = field(default_factory=list)
    _said_at: float = 0.0
    _said_looked_at: int = 0
    _quiet_pulls: int = 0

    def run(self) -> None:
        """Replay all that was asked for.

        Raises:
            DeployError: Pub/Sub failed, or the function is too old. What was published until then is acknowledged.

        """
        began_at, started_at, has_said = self.monotonic(), self.api.time(self.now()), False
        self._said_at = began_at
        while not self._stop.is_set():
            self._send(self._chosen(self._collect(started_at)))
            left_s = self._left_s(began_at)
            if self._is_limit_met() or left_s <= 0:
                return
            if self._quiet_pulls and not has_said:
                has_said = True
                others = " and for those that an earlier run may still hold" if self.acknowledges else ""
                self.notice(f"looking for more messages{others}: {spoken(left_s)}")

    def end(self) -> None:
        """Stop sending, wait a moment for the answers to what was sent, and give all other messages back."""
        self._stop.set()
        wait(self._working, timeout=STOP_S)
        self.leases.give_back()

    def _left_s(self, began_at: float) -> float:
        """Return the seconds for which a run looks for messages at least if nothing new comes from now on."""
        settling_s = SETTLE_S - (self.monotonic() - began_at) if self.acknowledges else 0.0
        return max(settling_s, (QUIET_PULLS - self._quiet_pulls) * IDLE_S)

    def _collect(self, started_at: float) -> list[Pulled]:
        """Pull until several pulls have found nothing new of before the start. Return what was asked for.

        Messages of after the start are replayed if they come, but the run does not go on for them.
        """
        found: list[Pulled] = []
        size, idle = 0, 0
        while idle < IDLE_PULLS:
            pulled = self._waiting(self.pool.submit(self._pull), self._show_collected)
            new = self.leases.take(pulled)
            wanted = self._wanted(new)
            found += wanted
            size += sum(len(message.data) for message in wanted)
            is_fresh = any(message.published_at <= started_at for message in new)
            idle, self._quiet_pulls = (0, 0) if is_fresh else (idle + 1, self._quiet_pulls + 1)
            if self._is_full(len(found), size):
                break
            if not is_fresh:
                self.sleep(IDLE_S)
        return found

    def _is_full(self, found: int, size: int) -> bool:
        """Return whether no more messages can be collected now. If nothing would help, stop."""
        if self.leases.held - found > MOST_HELD:
            self.stopped = f"more than {MOST_HELD:,} messages wait that are not replayed, and cannot be held back"
            self._stop.set()
            return True
        return found >= MAX_HELD or size >= MAX_HELD_BYTES

    def _wanted(self, new: Sequence[Pulled]) -> list[Pulled]:
        """Return the messages that were asked for, and count both kinds."""
        wanted, others = list[Pulled](), list[Pulled]()
        for message in new:
            (wanted if self.selection.includes(message) else others).append(message)
        self.tally.matched += len(wanted)
        self.tally.others += len(others)
        self._count_attempts(others)
        return wanted

    def _pull(self) -> list[Pulled]:
        """Return the messages that Pub/Sub has at hand.

        A pull that waits, and is given up, would take messages that this run gives back at its end, and keep them.
        """
        for pause_s in RETRY_S:
            try:
                return self.api.pull(self.subscription, waits=False)
            except PubSubFailed as error:
                if error.status not in TRANSIENT_OR_SILENT:
                    raise
            self.sleep(pause_s)
        return self.api.pull(self.subscription, waits=False)

    def _chosen(self, messages: Sequence[Pulled]) -> list[Pulled]:
        """Return the messages to send now, the oldest first."""
        in_order = sorted(messages, key=lambda message: (message.published_at, message.message_id))
        if self.limit is None:
            return in_order
        room = self.limit - self.tally.tried
        beyond = in_order[room:]
        self.tally.matched -= len(beyond)
        self.tally.beyond += len(beyond)
        self._count_attempts(beyond)
        return in_order[:room]

    def _is_limit_met(self) -> bool:
        return self.limit is not None and self.tally.tried >= self.limit

    def _send(self, messages: Sequence[Pulled]) -> None:
        """Send messages in lanes, so that those of one device stay in order. Meanwhile, extend the leases."""
        lanes: list[list[Pulled]] = [[] for _ in range(self.lanes)]
        for message in messages:
            key = message.attributes.get("deviceId") or message.message_id
            lanes[zlib.crc32(key.encode()) % self.lanes].append(message)
        began_at, before = self.monotonic(), self.tally.tried
        self._working = [self.pool.submit(self._send_lane, lane) for lane in lanes if lane]
        for lane in self._working:
            self._waiting(lane, lambda: self._show_progress(began_at, before))

    def _send_lane(self, messages: Sequence[Pulled]) -> None:
        for message in messages:
            if self._stop.is_set():
                return
            verdict = self._sent(message)
            is_published = verdict.outcome == "published"
            is_acknowledged = not (is_published and self.acknowledges) or self.leases.finish(message.message_id)
            self._note(message, verdict, is_acknowledged=is_acknowledged)

    def _sent(self, message: Pulled) -> Verdict:
        """Return what became of a message. After an error that every other one would have, too, stop all lanes."""
        is_answered = False
        with self._lock:
            self.tally.sending += 1
        try:
            verdict = self.send(message.data)
            is_answered = True
        except DeployError as error:
            self._note(message, Verdict("failed", error.what, status=0), is_acknowledged=False)
            raise
        finally:
            if not is_answered:
                self._stop.set()
        return verdict

    def _note(self, message: Pulled, verdict: Verdict, *, is_acknowledged: bool) -> None:
        """Count and show what became of a message, and stop all lanes after some failures in a row."""
        with self._lock:
            self.tally.sending -= 1
            self.tally.add(message, verdict, is_acknowledged=is_acknowledged)
            if verdict.outcome != "published":
                self._count_attempts([message])
            if self.tally.failures_in_a_row >= STOP_AFTER and not self._stop.is_set():
                self.stopped = f"{STOP_AFTER} events in a row failed, the last one with: {verdict.reason}"
                self._stop.set()
        self.on_verdict(message, verdict)

    def _count_attempts(self, left: Sequence[Pulled]) -> None:
        """Count the messages that stay, and for which this was the last delivery that a dead-letter policy allows."""
        if self.max_attempts:
            self.tally.last_attempts += sum(message.attempt >= self.max_attempts for message in left)

    def _waiting(self, work: Future[T], tick: Callable[[], None] = lambda: None) -> T:
        """Return the result of work in a thread. Meanwhile, extend the leases, and let signals be handled."""
        while not work.done():
            wait([work], timeout=POLL_S)
            self.leases.tick()
            tick()
        return work.result()

    def _show_collected(self) -> None:
        """Say how many messages were looked at, if that has changed."""
        looked_at = self.tally.others + self.tally.matched
        if looked_at > self._said_looked_at and self._is_time_to_say():
            self._said_looked_at = looked_at
            self.notice(f"{looked_at} looked at, {self.tally.matched} of them asked for")

    def _is_time_to_say(self) -> bool:
        now = self.monotonic()
        is_time = now - self._said_at >= PROGRESS_S
        if is_time:
            self._said_at = now
        return is_time

    def _show_progress(self, began_at: float, before: int) -> None:
        if not self._is_time_to_say():
            return
        now = self.monotonic()
        done, left = self.tally.tried - before, self.tally.not_tried
        estimate = f", about {spoken(left * (now - began_at) / done)} left" if done else ""
        self.notice(f"{self.tally.tried} of {self.tally.matched} tried{estimate}")
