"""The result of an audit, in words, as rows and as JSON. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.program import PROGRAM
from deploy.repair.arrived.arrivals import Window
from deploy.repair.audit.counts import HOUR_S, WHY, Cell, Counts, Gap, Why
from deploy.times import utc

RETRY_S = 12 * 3600
"""DT repeats an event for so long that the function has not answered with 2xx."""

LATE_S = HOUR_S
"""If the earliest message was published so long after the beginning of the window, messages may lack before it."""

COLUMNS = ("device", "hour (UTC)", "DT", "main", "missing", "rejected", "young", "double")

Table = list[tuple[str, ...]]


@dataclass(frozen=True)
class Findings:
    """What an audit found.

    ``source``: where it read what arrived. ``read_at``: when, in unix seconds. ``dt_doubles``: events that DT's
    history has twice. ``extras``: events that are only on the main topic, by their reason, with ``examples``.
    ``rejected``: messages on the rejected topic by their reason; None if it could not be read. ``unnamed``: messages
    without an event id. ``untimed``: events of DT without a time or an id. ``unread``: devices whose history could not
    be read, and why. ``first_published``: when the earliest message that was read was published; None if not known.
    """

    window: Window
    source: str
    read_at: float
    devices: int
    totals: Counts
    dt_doubles: int = 0
    extras: Mapping[Why, int] = field(default_factory=dict)
    examples: Mapping[Why, Sequence[str]] = field(default_factory=dict)
    rejected: Mapping[str, int] | None = None
    unnamed: int = 0
    untimed: int = 0
    unread: Mapping[str, str] = field(default_factory=dict)
    first_published: float | None = None

    @property
    def is_complete(self) -> bool:
        """Whether no event is missing, and none is only on the rejected topic."""
        return not self.totals.missing and not self.totals.rejected

    def lines(self) -> Iterator[str]:
        """Yield the summary: one line for each number that says something."""
        totals = self.totals
        yield f"{_count(totals.dt, 'event')} of {_count(self.devices, 'device')} in DT's history, {self.window.text()}"
        yield f"{totals.main:,} of them on the main topic, read from {self.source}{self._doubles()}"
        if totals.missing:
            yield f"{totals.missing:,} missing: on neither topic{self._repeated()}"
        if totals.rejected:
            yield f"{totals.rejected:,} only on the rejected topic: not missing, and not on the main topic"
        if totals.young:
            yield f"{totals.young:,} too young to judge: on their way until about now"
        yield from self._others()

    def fixes(self, window_flags: str) -> Iterator[str]:
        """Yield the commands that bring what lacks to the main topic. ``window_flags``: --from and --to."""
        if self.totals.missing:
            yield f"{PROGRAM} backfill {window_flags} --missing-only"
        if self.totals.rejected:
            yield f"{PROGRAM} replay"

    def as_json(self) -> dict[str, Any]:
        """Return the summary for ``--json``."""
        return {
            "from": utc(self.window.start),
            "to": utc(self.window.end),
            "source": self.source,
            "readAt": utc(self.read_at),
            "complete": self.is_complete,
            "devices": self.devices,
            **self.totals.as_json(),
            "dtDouble": self.dt_doubles,
            "onlyOnMain": dict(self.extras),
            "onlyOnMainExamples": {why: list(ids) for why, ids in self.examples.items()},
            "rejectedMessages": None if self.rejected is None else dict(self.rejected),
            "withoutEventId": self.unnamed,
            "unreadableInDt": self.untimed,
            "unreadDevices": dict(self.unread),
            "firstPublished": None if self.first_published is None else utc(self.first_published),
        }

    def _doubles(self) -> str:
        return f"; {self.totals.double:,} more than once, which is allowed" if self.totals.double else ""

    def _repeated(self) -> str:
        is_recent = self.window.end > self.read_at - RETRY_S
        return f"; DT may still repeat those of the last {RETRY_S // 3600} h" if is_recent else ""

    def _others(self) -> Iterator[str]:
        if self.dt_doubles:
            yield f"{self.dt_doubles:,} twice in DT's history, counted once"
        for why, count in self.extras.items():
            some = ", ".join(self.examples.get(why, ()))
            yield f"{count:,} only on the main topic: {WHY[why]}{f' ({some})' if some and why == 'unknown' else ''}"
        if self.rejected:
            reasons = ", ".join(f"{count:,} {reason or 'without a reason'}" for reason, count in self.rejected.items())
            yield f"{_count(sum(self.rejected.values()), 'message')} of the window on the rejected topic: {reasons}"
        if self.unnamed:
            yield f"{_count(self.unnamed, 'message')} without an event id, which cannot be compared"
        for device, reason in self.unread.items():
            yield f"device {device} could not be compared: {reason}"
        if self.untimed:
            yield f"{_count(self.untimed, 'event')} of DT without an id or a time, which cannot be compared"
        if self.totals.missing and self._begins_late():
            yield (
                f"nothing was there that was published before {utc(self.first_published or 0)}: events before then "
                "count as missing, also if they had arrived"
            )

    def _begins_late(self) -> bool:
        return self.first_published is not None and self.first_published > self.window.start + LATE_S


def table(cells: Iterable[Cell], most: int) -> tuple[Table, int]:
    """Return the rows of the cells in which events lack or are double, with a head; and how many rows were left out."""
    rows: Table = [COLUMNS]
    left_out = 0
    for cell in cells:
        if cell.counts.is_complete:
            continue
        if len(rows) > most:
            left_out += 1
            continue
        counts = cell.counts
        numbers = (counts.dt, counts.main, counts.missing, counts.rejected, counts.young, counts.double)
        rows.append(
            (cell.name or cell.device, utc(cell.hour)[:13].replace("T", " "), *(f"{n or '-'}" for n in numbers))
        )
    return (rows if len(rows) > 1 else []), left_out


def cell_as_json(cell: Cell) -> dict[str, Any]:
    """Return a cell for ``--json``."""
    return {
        "cell": {
            "project": cell.project,
            "device": cell.device,
            "name": cell.name,
            "hour": utc(cell.hour),
            **cell.counts.as_json(),
        }
    }


def gap_as_json(gap: Gap) -> dict[str, Any]:
    """Return an event that is not on the main topic for ``--json``."""
    return {
        gap.state: {
            "eventId": gap.event_id,
            "project": gap.project,
            "device": gap.device,
            "eventType": gap.event_type,
            "timestamp": gap.timestamp,
        }
    }


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
