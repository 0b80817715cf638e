"""Keeps calls of DT under its rate limit, over all threads of this process."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.dt.calls import DtAnswer, DtRequest, LogsIn, Transport
from deploy.parallel import sleep

LONGEST_RETRY_AFTER_S = 300.0
"""A longer ``Retry-After`` is not waited for: no command sleeps for hours."""

CALLS, WINDOW_S = 20, 5.0
"""DT allows 25 calls in any five seconds; the rest is left to other clients of the same user."""

_LEAST_PAUSE_S = 0.001
"""A pause that moves every clock, also one that is rounded."""


@dataclass
class Limiter:
    """Lets at most ``calls`` begin in any ``window_s`` seconds. ``monotonic``: a clock in seconds that is never set."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = sleep
    calls: int = CALLS
    window_s: float = WINDOW_S
    _begun: "deque[float]" = field(default_factory=deque)
    _not_before: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Return when the next call may begin, and count it."""
        while (pause_s := self._pause_s()) > 0:
            self.sleep(max(pause_s, _LEAST_PAUSE_S))

    def hold(self, seconds: float) -> None:
        """Let no call begin for this time, because DT has refused one."""
        with self._lock:
            self._not_before = max(self._not_before, self.monotonic() + seconds)

    def _pause_s(self) -> float:
        """Return the seconds until a call may begin; 0 if it may, and then it is counted."""
        with self._lock:
            now = self.monotonic()
            while self._begun and self._begun[0] <= now - self.window_s:
                self._begun.popleft()
            is_full = len(self._begun) >= self.calls
            pause_s = max(self._begun[0] + self.window_s - now if is_full else 0.0, self._not_before - now)
            if pause_s <= 0:
                self._begun.append(now)
            return pause_s


@dataclass(frozen=True, slots=True)
class Limited:
    """A transport whose calls wait for their turn, each attempt of its own."""

    transport: Transport
    limiter: Limiter

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Send the call when it may begin; after a 429 no other call begins before DT wants it to.

        A login comes first: in its time, calls that were counted would pile up.
        """
        answer = self.transport.log_in() if isinstance(self.transport, LogsIn) else None
        if answer is None:
            self.limiter.wait()
            answer = self.transport(request)
        if answer.status == 429:
            self.limiter.hold(min(answer.retry_after_s, LONGEST_RETRY_AFTER_S))
        return answer
