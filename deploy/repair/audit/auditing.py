"""An audit from its first call to its result: DT's history first, then what arrived, so that nothing is on its way.

An event that DT lists has been sent before what arrived is read. In the other order, an event in between would count
as missing.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from deploy.dt.history import LAG_S, OF_ALL_DEVICES, History, HistoryDevice, HistoryEvent
from deploy.errors import DtFailed, DtUnreachable
from deploy.repair.arrived.arrivals import Arrival, Window, moment_of
from deploy.repair.arrived.places import Arrived, Reading, holding, rejected_source
from deploy.repair.audit.ledger import Ledger
from deploy.repair.devices import unknown_devices

BATCH = 1000
"""Events that are added to the ledger together."""


@dataclass(frozen=True)
class Wanted:
    """Which events are audited: those of these devices and types; empty for all."""

    devices: Collection[str] = ()
    types: Sequence[str] = ()

    def has(self, arrival: Arrival) -> bool:
        """Return whether an arrival is of them. One whose device or type is not known may be."""
        is_device = not self.devices or not arrival.device or arrival.device in self.devices
        return is_device and (not self.types or not arrival.event_type or arrival.event_type in self.types)


@dataclass
class Auditor:
    """Fills a ledger. ``progress``: gets the state in words; it is called often.

    ``unread``: devices whose history could not be read, for example because they were removed meanwhile, and why.
    """

    ledger: Ledger
    window: Window
    wanted: Wanted
    progress: Callable[[str], None]
    unnamed: int = 0
    untimed: int = 0
    unread: dict[str, str] = field(default_factory=dict)

    def read_history(self, history: History, projects: Sequence[str]) -> None:
        """Read DT's history of the window.

        Raises:
            DeployError: DT did not answer, or does not list a wanted device.

        """
        chosen = self._chosen(history, projects)
        events = 0
        for place, (project, device) in enumerate(chosen):
            self.progress(f"DT's history: {place:,} of {len(chosen):,} devices, {events:,} events")
            try:
                events += self._read_device(history, project, device)
            except DtFailed as error:
                if isinstance(error, DtUnreachable) or error.status in OF_ALL_DEVICES:
                    raise
                self.unread[device] = error.what

    def read_arrived(self, reading: Reading, arrived: Arrived) -> bool:
        """Read what arrived, and what was rejected; return whether the latter could be read.

        Raises:
            DeployError: it could not be read to the end.

        """
        with holding(reading.api, reading.spec.rejected_topic, reading.notice) as held:
            rejected = rejected_source(reading, self._add_rejected, held)
            arrived.read(self.add_arrived, [rejected] if rejected else [])
        return rejected is not None

    def add_arrived(self, arrivals: Sequence[Arrival]) -> int:
        """Add arrivals, and return how many are new."""
        self.unnamed += sum(not one.event_id for one in arrivals)
        return self.ledger.add_arrived(one for one in arrivals if one.event_id and self.wanted.has(one))

    def _add_rejected(self, arrivals: Sequence[Arrival]) -> int:
        return self.ledger.add_rejected(one for one in arrivals if self.wanted.has(one))

    def _chosen(self, history: History, projects: Sequence[str]) -> list[tuple[str, str]]:
        """List the devices of all projects, and return those whose history is wanted.

        Raises:
            DeployError: DT did not answer, or does not list a wanted device.

        """
        chosen, others = list[tuple[str, str]](), list[HistoryDevice]()
        for project in projects:
            self.ledger.add_project(project)
            for device in history.devices(project):
                self.progress(f"devices of {project}")
                if not self.wanted.devices or device.id in self.wanted.devices:
                    self.ledger.add_device(project, device.id, device.labels.get("name", ""))
                    chosen.append((project, device.id))
                else:
                    others.append(device)
        if unknown := sorted(set(self.wanted.devices) - {device for _, device in chosen}):
            raise unknown_devices(unknown, others, projects, is_all=not chosen)
        return chosen

    def _read_device(self, history: History, project: str, device: str) -> int:
        """Read the history of one device, and return its number of events in the window."""
        count, batch = 0, list[tuple[HistoryEvent, float]]()
        # DT may compare the bounds with the time of arrival, which is later than the event's own
        for event in history.events(project, device, self.window.start - LAG_S, self.window.end, self.wanted.types):
            at = moment_of(event.timestamp)
            self.untimed += at is None or not event.event_id
            if at is not None and event.event_id and self.window.has(at):
                batch.append((event, at))
            if len(batch) == BATCH:
                count += self.ledger.add_expected(project, device, batch)
                batch = []
        return count + self.ledger.add_expected(project, device, batch)


class Missing:
    """Which events of DT's history are not on the main topic: ``backfill --missing-only`` sends only these.

    Safe from several threads, while nothing else uses the ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()

    def is_missing(self, event: HistoryEvent) -> bool:
        """Return whether an event has not arrived. One without an id has to count as missing."""
        with self._lock:
            return not event.event_id or not self._ledger.has_arrived(event.event_id)
