"""How far a backfill is with one device, so that it can go on later. Pure.

An event is only skipped if it is known to be on the main topic: it was answered with 200, or is not in the window.
"""

from dataclasses import dataclass, field, replace

MOST_MISSING = 100
"""Events of a device that are remembered by their ids. If more are not on the main topic, all later ones are sent
again."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far one device is. Times are in microseconds since 1970.

    ``sent_to``: all events before this time were sent; None: none. ``missing``: the times of those that are not on the
    main topic all the same, by their keys. ``is_finished``: the history was read to the end of the window.
    """

    sent_to: int | None = None
    missing: dict[str, int] = field(default_factory=dict)
    is_finished: bool = False

    @property
    def is_done(self) -> bool:
        """Whether every event of the window is on the main topic, so that the device needs no look."""
        return self.is_finished and not self.missing

    def reads_from(self, start: float) -> float:
        """Return from when on the history has to be read again, in unix seconds. ``start``: of the window."""
        if self.sent_to is None:
            return start
        return max(start, min((self.sent_to, *self.missing.values())) / 1e6)

    def has_sent(self, key: str, at: int) -> bool:
        """Return whether an event is known to be on the main topic."""
        if self.sent_to is None or key in self.missing:
            return False
        return at <= self.sent_to if self.is_finished else at < self.sent_to

    def after(self, key: str, at: int, *, is_published: bool) -> "Place":
        """Return the place after an event was sent. Events are sent in the order of their times."""
        if is_published:
            missing = {other: time for other, time in self.missing.items() if other != key}
        else:
            missing = {**self.missing, key: at}
        if self._is_stuck:
            return replace(self, missing=missing) if is_published else self
        return replace(self, sent_to=at if self.sent_to is None else max(at, self.sent_to), missing=missing)

    def finished(self) -> "Place":
        """Return the place at the end of the window."""
        return self if self._is_stuck else replace(self, is_finished=True)

    @property
    def _is_stuck(self) -> bool:
        """Whether no more missing events are remembered, so that the place must not pass the next one."""
        return len(self.missing) >= MOST_MISSING
