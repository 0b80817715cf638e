"""Times of day for a reader, and the two clocks that a run goes by."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """``now`` returns unix seconds; ``monotonic`` returns seconds of a clock that stands still while a machine sleeps.

    On Windows it goes on, so that a sleep is not noticed by the difference of the two.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


def at_time(at: float) -> str:
    """Return the local time of day of a unix time, such as ``14:02:11``."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(at))
    except (OSError, OverflowError, ValueError):  # a time that this system's calendar does not have
        return "--:--:--"
