"""Whether Pub/Sub still answers: the state of the connection, from the answers and failures of the workers.

Safe to use from several threads.
"""

import threading
from collections.abc import Callable

from deploy.live.clock import Clock, at_time
from deploy.live.feed import Connection
from deploy.times import spoken

PING_S = 15.0
"""Seconds without an answer after which Pub/Sub is asked for a sign of life."""

PING_LOST_S = 2.0
"""Seconds between two questions for a sign of life while the connection is lost."""

JUMP_S = 5.0
"""Seconds by which the clock of the day runs ahead of the monotonic one if the machine slept."""

WAITS_WELL_S = 1.0
"""A pull that has waited for this long has reached Pub/Sub, because a refusal comes at once."""

PING = "sign of life"
"""The name of the worker that asks for a sign of life."""


class Pulse:
    """The state of one connection. ``notice`` gets every change of it."""

    def __init__(self, connection: Connection, clock: Clock, notice: Callable[[str], None]) -> None:
        self._connection = connection
        self._clock = clock
        self._notice = notice
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._waits_since: dict[str, float] = {}
        self._heard = self._asked = clock.monotonic()
        self._looked = (clock.now(), clock.monotonic())
        self._is_over = False

    def waits(self, who: str) -> None:
        """Note that a worker begins to wait for an answer."""
        with self._lock:
            self._waits_since[who] = self._clock.monotonic()

    def answered(self, who: str) -> None:
        """Note that a worker got an answer: the connection is live, unless another worker fails."""
        with self._lock:
            self._heard = self._clock.monotonic()
            waiting = {name for name, since in self._waits_since.items() if self._heard - since > WAITS_WELL_S}
            self._failing -= {who, PING, *waiting}
            before = self._connection.get()
            if not self._failing and self._connection.set("live"):
                away = spoken(self._clock.now() - before.since)
                self._say(self._clock.now(), f"live again after {away}; what Pub/Sub has kept meanwhile follows")

    def failed(self, who: str, why: str, since: float | None = None) -> None:
        """Note that a worker failed: the connection is lost since then, or since ``since`` in unix seconds."""
        with self._lock:
            self._failing.add(who)
            self._waits_since.pop(who, None)
            began = self._clock.now() if since is None else since
            if not self._is_over and self._connection.set("lost", why, began):
                self._say(began, f"lost: {why}; trying again")

    def slept(self) -> bool:
        """Return whether the machine slept since the last look. Then the connection is lost since the last look."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        (before, monotonic_before), self._looked = self._looked, (now, monotonic)
        jump_s = (now - before) - (monotonic - monotonic_before)
        if jump_s <= JUMP_S:
            return False
        self.failed(PING, f"the clock jumped by {spoken(jump_s)}: this machine slept, or its clock was set", before)
        self._asked = float("-inf")  # ask for a sign of life at once
        return True

    def is_ping_due(self) -> bool:
        """Return whether to ask for a sign of life now; the next time is then due later."""
        monotonic = self._clock.monotonic()
        is_lost = self._connection.get().state == "lost"
        is_due = monotonic - self._asked > PING_LOST_S if is_lost else self._silence_s(monotonic) > PING_S
        self._asked = monotonic if is_due else self._asked
        return is_due

    def end(self) -> None:
        """Say nothing more about failures, because the run ends."""
        self._is_over = True

    def _silence_s(self, monotonic: float) -> float:
        return monotonic - max(self._heard, self._asked)

    def _say(self, at: float, what: str) -> None:
        self._notice(f"{at_time(at)}  {what}")
