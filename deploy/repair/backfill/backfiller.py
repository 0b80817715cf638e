"""Carries out a backfill: reads the history of several devices at the same time, and sends each one's events in order.

The events of a device are read to the end of the window before the first is sent, because DT lists the newest first.
Then they are sent one after the other, from the oldest on; those of several devices side by side.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from deploy.dt.history import LAG_S, OF_ALL_DEVICES, History, HistoryDevice, HistoryEvent
from deploy.errors import DeployError, DtFailed, DtUnreachable
from deploy.parallel import POLL_S, worker_pool
from deploy.program import PROGRAM, UP
from deploy.repair.backfill.body import connector_body
from deploy.repair.backfill.chronology import Chronology, key_of, micros
from deploy.repair.backfill.place import Place
from deploy.repair.backfill.resume_file import ResumeFile
from deploy.repair.backfill.tally import BEFORE, ON_MAIN, NotOnMain, Tally
from deploy.repair.republisher import Verdict

WORKERS = 8
"""Devices whose events are sent at the same time. A request takes the function some tens of milliseconds."""

FOREIGN = "foreign_project"
"""The function's reason for events of a DT project that its settings do not name."""

FAILURES_IN_A_ROW = 20
"""After so many failed events without a published one between them, nothing would come of going on."""


REFUSALS_IN_A_ROW = 100
"""After so many refused events without a published one between them, it is the settings, and not the events."""


class Sender(Protocol):
    """Sends a body to the function. Safe from several threads."""

    def send(self, body: bytes) -> Verdict:
        """Send it until there is a final answer or the deadline is over. Raises ``DeployError``."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """The window, in unix seconds, without its end. ``until``: the latest time for which DT is asked."""

    start: float
    end: float
    until: float


@dataclass(frozen=True, slots=True)
class Target:
    """What the connector of a DT project sends: these labels, and events of these types, all if there are none."""

    labels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@dataclass
class Backfill:
    """One run.

    ``targets``: of each DT project. ``sender``: None for a dry run. ``is_there``: whether an event is on the main topic
    already. ``notice``: called with each event that is not published; it may be called from several threads.
    """

    history: History
    span: Span
    targets: Mapping[str, Target]
    sender: Sender | None
    resume: ResumeFile
    tally: Tally = field(default_factory=Tally)
    is_there: Callable[[HistoryEvent], bool] = lambda _: False
    notice: Callable[[NotOnMain], None] = lambda _: None
    workers: int = WORKERS

    def run(self, devices: Iterator[HistoryDevice], tick: Callable[[], None]) -> None:
        """Send the events of all devices; DT may list one twice. ``tick``: called often, in this thread.

        Raises:
            DeployError: nothing would come of going on.

        """
        running: dict[Future[None], str] = {}
        done_before = self.resume.done()
        with worker_pool(self.workers) as pool:
            for device in devices:
                if device.name in done_before:
                    self.tally.skipped += 1
                elif device.name not in running.values() and not self.resume.place_of(device.name).is_done:
                    running[pool.submit(self._one, device)] = device.name
                while len(running) >= self.workers:
                    running = _still_running(running, tick)
            while running:
                running = _still_running(running, tick)

    def _one(self, device: HistoryDevice) -> None:
        """Read and send the events of one device. What DT refuses for this device alone is only noted."""
        place = self.resume.place_of(device.name)
        with closing(Chronology()) as events:
            try:
                self._read(device, place, events)
            except DtFailed as error:
                if isinstance(error, DtUnreachable) or error.status in OF_ALL_DEVICES:
                    raise
                self.tally.finish(device, str(error))
                return
            place = self._send(device, place, events)
        self.resume.note(device.name, place.finished())
        self.tally.finish(device)

    def _read(self, device: HistoryDevice, place: Place, events: Chronology) -> None:
        """Read the history from where an earlier run ended. Events from the window's end on are left out."""
        start, end = place.reads_from(self.span.start), int(self.span.end * 1e6)
        until = min(self.span.end + LAG_S, self.span.until)  # DT may compare the time of arrival, which is later
        types = self.targets[device.project].types
        for event in self.history.events(device.project, device.id, start, max(until, start), types):
            if micros(event) < end and not place.has_sent(key_of(event), micros(event)):
                events.add(event)

    def _send(self, device: HistoryDevice, place: Place, events: Chronology) -> Place:
        """Send the events from the oldest on, and return the place after the last one."""
        for event in events.oldest_first():
            outcome = self._outcome(device, event)
            self.tally.count(device, event.event_type, outcome)
            if outcome:
                place = place.after(key_of(event), micros(event), is_published=outcome in ON_MAIN)
                self.resume.note(device.name, place)
            self._check_that_some_are_published()
        return place

    def _check_that_some_are_published(self) -> None:
        """Raise ``DeployError`` if nothing would come of going on."""
        tally, fix = self.tally, f"{PROGRAM} status"
        if tally.failures_in_a_row >= FAILURES_IN_A_ROW:
            what = f"{FAILURES_IN_A_ROW} events in a row failed, the last one with: {tally.last_reason}"
            raise DeployError(what, fix=[fix])
        if tally.refusals_in_a_row >= REFUSALS_IN_A_ROW:
            what = f"{REFUSALS_IN_A_ROW} events in a row were refused, the last one with: {tally.last_reason}"
            raise DeployError(what, fix=[UP if tally.last_reason == FOREIGN else fix])

    def _outcome(self, device: HistoryDevice, event: HistoryEvent) -> str:
        """Send an event if it is to be sent, and return what became of it; "" if a dry run would send it."""
        if self.is_there(event):
            return BEFORE
        if self.sender is None:
            return ""
        body = connector_body(event, device, self.targets[device.project].labels)
        with self.tally.is_sending():
            verdict = self.sender.send(body)
        if verdict.outcome != "published":
            missing = NotOnMain(event, device, verdict.outcome, verdict.reason)
            self.tally.name(missing)
            self.notice(missing)
        return verdict.outcome


def _still_running(running: Mapping[Future[None], str], tick: Callable[[], None]) -> dict[Future[None], str]:
    """Wait a moment for the first device that is finished, and return the others. Raises the error of one."""
    done, rest = wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    tick()
    return {future: running[future] for future in rest}
