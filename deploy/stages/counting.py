"""Limits how long a command waits for numbers that only an estimate needs."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from deploy.errors import DeployError
from deploy.parallel import wait_for

LONGEST_S = 5.0
"""Seconds that a command waits for such numbers after it knows everything else."""

T = TypeVar("T")


def in_time(counting: Future[T], give_up_at: float, monotonic: Callable[[], float]) -> T | DeployError:
    """Return the result of counting; an error in its place if there is none at ``give_up_at``, in seconds.

    ``monotonic`` returns the seconds of a clock that is never set.
    """
    try:
        return wait_for(counting, lambda: monotonic() >= give_up_at)
    except TimeoutError:
        return DeployError("it took too long")
