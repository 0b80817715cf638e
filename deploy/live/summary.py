"""What a run has seen: counts per type, rejected events by reason, repeated ones, and gaps. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.live.clock import at_time
from deploy.live.documents import timestamp
from deploy.live.message import Message
from deploy.live.repeats import Repeat
from deploy.times import spoken


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which messages were published that are not shown. ``begins`` and ``ends``: unix seconds."""

    begins: float
    ends: float
    why: str

    def sentence(self) -> str:
        """Return the gap in words."""
        return f"gap: events published from {at_time(self.begins)} to {at_time(self.ends)} are not shown: {self.why}"


@dataclass
class Summary:
    """The counts of a run. ``not_shown``: messages beyond the rate at which a terminal is written."""

    began_at: float
    types: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    not_shown: int = 0
    not_wanted: int = 0
    gaps: Sequence[Gap] = ()
    ended_at: float = 0.0

    @property
    def events(self) -> int:
        """The number of messages that were wanted, of both topics."""
        return sum(self.types.values()) + sum(self.reasons.values())

    @property
    def rejected(self) -> int:
        """The number of rejected ones."""
        return sum(self.reasons.values())

    @property
    def in_short(self) -> str:
        """The counts in a few words."""
        return f"{_count(self.events - self.rejected)}, {self.rejected:,} rejected"

    def add(self, message: Message, event_type: str, repeat: Repeat) -> None:
        """Count a message."""
        if message.rejected:
            self.reasons[message.attributes.get("reason", "no reason")] += 1
        else:
            self.types[event_type or "no type"] += 1
        if repeat:
            self.repeated[repeat] += 1

    def lines(self, meaning: str) -> list[str]:
        """Return the summary for a terminal. ``meaning``: what the exit code says."""
        parts = [
            f"{_count(self.events - self.rejected)} in {spoken(self.ended_at - self.began_at)}{_listed(self.types)}",
            f"{self.rejected:,} rejected{_listed(self.reasons)}",
            *([f"{self.repeated['message']:,} delivered twice by Pub/Sub"] if self.repeated["message"] else []),
            *([f"{self.repeated['event']:,} sent twice by DT"] if self.repeated["event"] else []),
            *([f"{self.not_shown:,} counted and not shown"] if self.not_shown else []),
            *([f"{self.not_wanted:,} more did not fit the filters"] if self.not_wanted else []),
        ]
        return ["; ".join(parts), *(gap.sentence() for gap in self.gaps), meaning]

    def as_json(self) -> Mapping[str, Any]:
        """Return the summary as ``--json`` prints it."""
        return {
            "from": timestamp(self.began_at),
            "to": timestamp(self.ended_at),
            "events": dict(self.types),
            "rejected": dict(self.reasons),
            "repeatedMessages": self.repeated["message"],
            "repeatedEvents": self.repeated["event"],
            "notWanted": self.not_wanted,
            "gaps": [{"from": timestamp(gap.begins), "to": timestamp(gap.ends), "why": gap.why} for gap in self.gaps],
        }


def _count(events: int) -> str:
    return "1 event" if events == 1 else f"{events:,} events"


def _listed(counts: Mapping[str, int]) -> str:
    parts = [f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return f" ({', '.join(parts)})" if parts else ""
