"""What an audit counts: events by their state, of one device in one hour or of all together. Pure."""

from dataclasses import dataclass, fields
from typing import Literal

from deploy.dt.history import NOT_IN_HISTORY

HOUR_S = 3600

Why = Literal["labels", "project", "device", "young", "unknown"]
"""Why an event is on the main topic, and not in DT's history; ``WHY`` has the sentences."""

WHY: dict[Why, str] = {
    "labels": f"{NOT_IN_HISTORY[0]}, which DT does not keep in its history",
    "project": "of a DT project that was not audited",
    "device": "of a device that DT no longer lists in its project: moved, removed or emulated",
    "young": "published after the audit had begun",
    "unknown": "not in DT's history for another reason",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events DT has, and how many of them are in each state. ``double``: more than once on the main topic."""

    dt: int = 0
    main: int = 0
    missing: int = 0
    rejected: int = 0
    young: int = 0
    double: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every event is on the main topic, once."""
        return self.dt == self.main and not self.double

    def as_json(self) -> dict[str, int]:
        """Return the counts for ``--json``."""
        return {field.name: getattr(self, field.name) for field in fields(Counts)}


@dataclass(frozen=True, slots=True)
class Cell:
    """The counts of one device in one hour. ``hour``: its beginning, in unix seconds. ``name``: may be empty."""

    project: str
    device: str
    name: str
    hour: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Gap:
    """An event of DT's that is not on the main topic. ``state``: missing or rejected."""

    event_id: str
    project: str
    device: str
    event_type: str
    timestamp: str
    state: str
