"""What a backfill has found and sent, by device and type, counted by several threads; and how long the rest takes."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from deploy.dt.history import HistoryDevice, HistoryEvent
from deploy.errors import DeployError

BEFORE = "before"
"""The outcome of an event that was on the main topic already, so that it was not sent. The others are the sender's."""

ON_MAIN = frozenset({"published", BEFORE})
NOT_ON_MAIN = ("refused", "failed")
MOST_NAMED = 1000
"""Events that are named one by one; the others are only counted."""


@dataclass
class DeviceTally:
    """What was found and sent of one device. ``error``: why its history could not be read to the end."""

    device: HistoryDevice
    found: "Counter[str]" = field(default_factory=Counter)
    outcomes: "Counter[str]" = field(default_factory=Counter)
    error: str = ""
    is_finished: bool = False

    @property
    def is_done(self) -> bool:
        """Whether all events of the device are on the main topic."""
        return self.is_finished and self.outcomes.keys() <= ON_MAIN

    def as_json(self) -> dict[str, Any]:
        """Return this as ``--json`` shows it."""
        return {
            "project": self.device.project,
            "device": self.device.id,
            "name": self.device.labels.get("name", ""),
            "types": dict(sorted(self.found.items())),
            "outcomes": dict(sorted(self.outcomes.items())),
            "finished": self.is_finished,
            "error": self.error or None,
        }


@dataclass(frozen=True, slots=True)
class NotOnMain:
    """An event that is not known to be on the main topic, and why."""

    event: HistoryEvent
    device: HistoryDevice
    outcome: str
    reason: str

    def text(self) -> str:
        """Return this as one line."""
        event = self.event
        what = f"{event.event_type or 'no type'} of {self.device.id} at {event.timestamp or 'no time'}"
        return f"{self.outcome}: event {event.event_id or 'without an id'}, {what}: {self.reason}"

    def as_json(self) -> dict[str, Any]:
        """Return this as ``--json`` shows it."""
        return {
            "eventId": self.event.event_id,
            "eventType": self.event.event_type,
            "timestamp": self.event.timestamp,
            "project": self.device.project,
            "device": self.device.id,
            "outcome": self.outcome,
            "reason": self.reason,
        }


@dataclass
class Tally:
    """What all devices of a run come to. ``skipped``: devices that an earlier run has finished.

    ``types``: the events that were found, by their type. ``outcomes``: what became of those that were to be sent.
    ``named``: the first events that are not on the main topic; ``last_reason``: why the last one is not. ``unread``:
    the number of devices whose history could not be read. ``sending``: events that were sent, and have no answer yet.
    """

    skipped: int = 0
    finished: int = 0
    unread: int = 0
    sending: int = 0
    types: "Counter[str]" = field(default_factory=Counter)
    outcomes: "Counter[str]" = field(default_factory=Counter)
    named: list[NotOnMain] = field(default_factory=list)
    _devices: dict[str, DeviceTally] = field(default_factory=dict)
    last_reason: str = ""
    _failures: int = 0
    _refusals: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, device: HistoryDevice, event_type: str, outcome: str) -> None:
        """Count an event. ``outcome``: empty if a dry run would send it."""
        with self._lock:
            for counted in (self.types, self._of(device).found):
                counted[event_type] += 1
            for counted in (self.outcomes, self._of(device).outcomes) if outcome else ():
                counted[outcome] += 1
            self._failures = 0 if outcome in ON_MAIN else self._failures + (outcome == "failed")
            self._refusals = 0 if outcome in ON_MAIN else self._refusals + (outcome == "refused")

    @contextmanager
    def is_sending(self) -> Iterator[None]:
        """Count an event as sent while the block waits for its answer; if none comes, the event stays counted."""
        with self._lock:
            self.sending += 1
        try:
            yield
        except DeployError:  # this is an answer, too: the event is not on the main topic
            self._is_answered()
            raise
        self._is_answered()

    def _is_answered(self) -> None:
        with self._lock:
            self.sending -= 1

    def name(self, event: NotOnMain) -> None:
        """Keep an event that is not on the main topic, if there are not too many yet."""
        with self._lock:
            self.last_reason = event.reason
            if len(self.named) < MOST_NAMED:
                self.named.append(event)

    def finish(self, device: HistoryDevice, error: str = "") -> None:
        """Note that a device is done. ``error``: why its history could not be read to the end; or ""."""
        with self._lock:
            one = self._of(device)
            one.error, one.is_finished = error, not error
            self.finished += not error
            self.unread += bool(error)

    @property
    def failures_in_a_row(self) -> int:
        """The number of events that failed since the last one that is on the main topic."""
        return self._failures

    @property
    def refusals_in_a_row(self) -> int:
        """The number of events that were refused since the last one that is on the main topic."""
        return self._refusals

    @property
    def missing(self) -> int:
        """The number of events that are not known to be on the main topic."""
        return sum(self.outcomes[outcome] for outcome in NOT_ON_MAIN)

    def devices(self) -> list[DeviceTally]:
        """Return the devices that were begun."""
        with self._lock:
            return list(self._devices.values())

    def done(self) -> set[str]:
        """Return the ids of the devices whose events are all on the main topic."""
        return {one.device.id for one in self.devices() if one.is_done}

    def sentence(self) -> str:
        """Return what the run came to."""
        parts = [f"{_some(self.types.total(), 'event')} of {_some(self.finished, 'device')} in DT's history"]
        if self.outcomes:
            parts.append(f"{sum(self.outcomes[outcome] for outcome in ON_MAIN):,} on the main topic")
        parts += [f"{self.outcomes[outcome]:,} {outcome}" for outcome in NOT_ON_MAIN if self.outcomes[outcome]]
        parts += [f"{_some(self.unread, 'device')} could not be read"] if self.unread else []
        parts += [f"{_some(self.skipped, 'device')} finished by an earlier run"] if self.skipped else []
        return ", ".join(parts)

    def so_far(self) -> str:
        """Return what is sure, and what is not, of a run that did not come to its end."""
        if not self.outcomes and not self.sending:  # a dry run, or the very beginning
            return f"{_some(self.types.total(), 'event')} counted until then, and none sent"
        on_main = sum(self.outcomes[outcome] for outcome in ON_MAIN)
        parts = [f"{_some(on_main, 'event')} on the main topic until then"]
        parts += [f"{self.outcomes[outcome]:,} {outcome}" for outcome in NOT_ON_MAIN if self.outcomes[outcome]]
        parts += [f"{self.sending:,} sent without an answer, which may be there, too"] if self.sending else []
        done = _some(self.finished + self.skipped, "device")
        return f"{', '.join(parts)}; {done} finished, and the rest of the window was not sent"

    def as_json(self) -> dict[str, Any]:
        """Return this as ``--json`` shows it."""
        with self._lock:
            return {
                "events": self.types.total(),
                "types": dict(sorted(self.types.items())),
                "outcomes": dict(sorted(self.outcomes.items())),
                "unanswered": self.sending,
                "devicesFinished": self.finished,
                "devicesFinishedBefore": self.skipped,
                "devicesUnread": self.unread,
                "devices": [one.as_json() for one in self._devices.values()],
                "notOnMain": [one.as_json() for one in self.named],
            }

    def _of(self, device: HistoryDevice) -> DeviceTally:
        return self._devices.setdefault(device.name, DeviceTally(device))


def rows(tally: Tally) -> Iterator[tuple[str, str, str]]:
    """Yield a table of the events that were found: their number, the device, and the types; and the totals."""
    for one in tally.devices():
        name = one.device.labels.get("name", "")
        yield (f"{one.found.total():,}", f"{one.device.id}{name and f' {name}'}", _in_words(one.found))
    yield (f"{tally.types.total():,}", "all", _in_words(tally.types))


def _in_words(types: "Counter[str]") -> str:
    return ", ".join(f"{event_type or 'without a type'} {count:,}" for event_type, count in types.most_common())


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def remaining_s(elapsed_s: float, finished: int, total: int | None) -> float | None:
    """Return about how many seconds the devices take that are not finished; None if that cannot be said yet.

    ``finished``: those of this run. ``total``: how many this run has to do, as far as that is known.
    """
    if total is None or not finished or finished > total:
        return None
    return elapsed_s / finished * (total - finished)
