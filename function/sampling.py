"""Decides which log lines are left out, and counts them, so that a later line can say how many there were."""

import math
import threading
from collections.abc import Callable
from typing import NamedTuple

from function.outcomes import DELIVERED, DELIVERED_WITH_WARNING, Outcome

SAMPLE_S = 1.0
"""Minimum seconds between two lines of the same sampled reason."""

LONGEST_GAP_S = 60.0
"""Seconds after which the next delivered event has a line, also if ``LOG_DELIVERED`` would leave it out."""

_DELIVERED = (DELIVERED, DELIVERED_WITH_WARNING)


class Counts(NamedTuple):
    """What one line stands for: delivered events, its own included, and lines of its reason before it."""

    delivered: int = 0
    suppressed: int = 0


_ITSELF = Counts()
"""Those of a line that counts nothing, because no line of its kind is left out."""


class _Sample(NamedTuple):
    written_at: float
    suppressed: int


class Sampling:
    """Leaves lines out. ``monotonic`` returns seconds of a clock that never steps back; any thread may call it.

    ``one_of``: one of so many delivered events has a line. ``at_first`` is called at the first event that is counted,
    which has a line.
    """

    def __init__(
        self, *, one_of: int, monotonic: Callable[[], float], at_first: Callable[[], object] = lambda: None
    ) -> None:
        self._one_of = one_of
        self._monotonic = monotonic
        self._at_first = at_first
        self._lock = threading.Lock()
        self._samples: dict[str, _Sample] = {}
        self._is_first = True
        self._is_over = False
        self._uncounted = 0
        self._delivered_at = -math.inf

    def counts(self, outcome: Outcome, *, is_wanted: bool) -> Counts | None:
        """Return what the line of a request with this outcome stands for, or None if the line is left out.

        ``is_wanted``: the line is written in any case if the event was delivered.
        """
        if outcome in _DELIVERED and self._one_of > 1:
            return self._delivered(is_wanted=is_wanted)
        if outcome.sampled:
            return self._sampled(outcome.reason)
        return _ITSELF

    def end(self) -> int:
        """Return the number of delivered events that no line has counted. From now on, each one has a line."""
        with self._lock:
            rest, self._uncounted, self._is_over = self._uncounted, 0, True
        return rest

    def _delivered(self, *, is_wanted: bool) -> Counts | None:
        now = self._monotonic()
        with self._lock:
            is_first, self._is_first = self._is_first, False
            self._uncounted += 1
            is_due = self._uncounted >= self._one_of or now - self._delivered_at >= LONGEST_GAP_S
            found = None
            if is_due or is_wanted or self._is_over:
                found, self._uncounted, self._delivered_at = Counts(delivered=self._uncounted), 0, now
        if is_first:
            self._at_first()
        return found

    def _sampled(self, reason: str) -> Counts | None:
        now = self._monotonic()
        with self._lock:
            written_at, suppressed = self._samples.get(reason, _Sample(-math.inf, 0))
            is_due = now - written_at >= SAMPLE_S
            self._samples[reason] = _Sample(now, 0) if is_due else _Sample(written_at, suppressed + 1)
        return Counts(suppressed=suppressed) if is_due else None
