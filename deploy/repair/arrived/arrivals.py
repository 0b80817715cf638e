"""What has arrived on a topic, one event after the other, wherever it is read from. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from deploy.times import utc


@dataclass(frozen=True, slots=True)
class Window:
    """A time window by the times of events, in unix seconds. ``end`` is no longer in it."""

    start: float
    end: float

    def has(self, at: float | None) -> bool:
        """Return whether a time is known and in the window."""
        return at is not None and self.start <= at < self.end

    def text(self) -> str:
        """Return the window in words."""
        return f"{utc(self.start)} to {utc(self.end)}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event on a topic. A text that the message does not have is empty, a time that it does not have is None.

    ``message_id``: Pub/Sub's, which is empty if the source does not have it; then ``copies`` is how often the event
    arrived. ``at``: when the event happened; ``published_at``: when its message was published; both in unix seconds.
    ``reason``: why it is on the rejected topic.
    """

    event_id: str
    message_id: str = ""
    project: str = ""
    device: str = ""
    event_type: str = ""
    at: float | None = None
    published_at: float | None = None
    copies: int = 1
    reason: str = ""


Add = Callable[[Sequence[Arrival]], int]
"""Takes arrivals, and returns how many of them are new."""


def moment_of(timestamp: str) -> float | None:
    """Return the unix time of an event's timestamp, as DT writes it, with up to nine digits of a second; or None."""
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo else None
