"""A steady rate for requests of several threads. It has no burst: the function and Pub/Sub serve live events, too."""

import threading
import time
from collections.abc import Callable

from deploy.parallel import sleep as sleep_of_a_worker


class Pace:
    """Gives turns, one every ``1 / per_second`` seconds; 0: as soon as they are asked for. Safe from several threads.

    ``sleep`` and ``monotonic`` are in seconds.
    """

    def __init__(
        self,
        per_second: float,
        sleep: Callable[[float], None] = sleep_of_a_worker,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval_s = 1 / per_second if per_second else 0.0
        self._sleep = sleep
        self._monotonic = monotonic
        self._next = monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for the next turn."""
        with self._lock:
            now = self._monotonic()
            turn = max(self._next, now)
            self._next = turn + self._interval_s
        if turn > now:
            self._sleep(turn - now)
