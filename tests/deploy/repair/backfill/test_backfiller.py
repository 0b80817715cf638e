"""A run of a backfill: what is on the main topic already is not sent, and no more devices are read than are sent."""

from collections.abc import Iterator
from datetime import datetime

from deploy.dt.api import DtApi
from deploy.dt.history import History, HistoryDevice
from deploy.dt.limiter import Limiter
from deploy.repair.backfill.backfiller import Backfill, Span, Target
from deploy.repair.backfill.resume_file import ResumeFile
from deploy.repair.republisher import Verdict
from tests.deploy.fakes.dt import DT_PROJECT, FakeDt
from tests.function.fakes import FakeClock

START = datetime.fromisoformat("2026-11-02T08:00:00Z").timestamp()


class Sender:
    """A sender that puts everything on the main topic."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def send(self, body: bytes) -> Verdict:
        """Publish an event."""
        self.bodies.append(body)
        return Verdict("published")


def backfill(dt: FakeDt, sender: Sender) -> Backfill:
    clock, span = FakeClock(), Span(START, START + 3600, START + 7200)
    history = History(DtApi(dt, sleep=clock.advance), Limiter(clock, clock.advance))
    return Backfill(history, span, {DT_PROJECT: Target()}, sender, ResumeFile(None, {}))


def test_an_event_that_is_on_the_main_topic_already_is_not_sent() -> None:
    dt, sender = FakeDt(), Sender()
    dt.has_device("d")
    ids = [dt.histories.add("d", f"2026-11-02T08:0{minute}:00Z", project=DT_PROJECT) for minute in range(3)]
    run = backfill(dt, sender)
    run.is_there = lambda event: event.event_id == ids[1]
    run.run(run.history.devices(DT_PROJECT), lambda: None)
    assert len(sender.bodies) == 2
    assert run.tally.outcomes == {"published": 2, "before": 1}
    assert run.tally.done() == {"d"}


def test_devices_are_taken_from_the_list_only_when_a_worker_is_free() -> None:
    dt, sender, taken = FakeDt(), Sender(), list[int]()
    run = backfill(dt, sender)
    run.workers = 2

    def devices() -> Iterator[HistoryDevice]:
        for number in range(20):
            taken.append(number - run.tally.finished)
            yield HistoryDevice(DT_PROJECT, f"d{number}", "touch", "")

    run.run(devices(), lambda: None)
    assert run.tally.finished == 20
    assert max(taken) <= run.workers
