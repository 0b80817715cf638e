"""The ledger of an audit: what it knows of each event, and that it needs a disk and little memory."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from deploy.dt.history import HistoryEvent
from deploy.errors import DeployError
from deploy.repair.arrived.arrivals import Arrival, Window, moment_of
from deploy.repair.audit.auditing import Missing
from deploy.repair.audit.counts import HOUR_S, Counts
from deploy.repair.audit.ledger import Ledger
from deploy.repair.database import TemporaryDatabase

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()
DAY = Window(NOON - 12 * HOUR_S, NOON + 12 * HOUR_S)


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(DAY)
    ledger.add_project("p")
    for device, name in (("d1", "Fridge"), ("d2", "")):
        ledger.add_device("p", device, name)
    return ledger


def expect(ledger: Ledger, event_id: str, device: str = "d1", hour: int = 12) -> None:
    at = NOON + (hour - 12) * HOUR_S
    text = datetime.fromtimestamp(at, UTC).isoformat()
    ledger.add_expected("p", device, [(HistoryEvent(event_id, "touch", text, "{}"), at)])


def test_an_event_belongs_to_its_device_and_the_hour_in_utc(ledger: Ledger) -> None:
    expect(ledger, "a", hour=3)
    expect(ledger, "b", hour=3)
    expect(ledger, "c", "d2", hour=4)
    ledger.add_arrived([Arrival("a", "1"), Arrival("a", "2"), Arrival("c", "3")])
    ledger.judge(NOON)

    found = [(cell.device, cell.name, (cell.hour - DAY.start) / HOUR_S, cell.counts) for cell in ledger.cells()]

    assert found == [("d1", "Fridge", 3, Counts(2, 1, missing=1, double=1)), ("d2", "", 4, Counts(1, 1))]
    assert [cell.device for cell in ledger.cells(["d2"])] == ["d2"]
    assert [gap.event_id for gap in ledger.gaps()] == ["b"]
    assert [(cell.device, cell.counts.dt) for cell in ledger.devices()] == [("d1", 2), ("d2", 1)]


def test_a_device_without_events_is_listed_with_none(ledger: Ledger) -> None:
    ledger.judge(NOON)
    assert [(cell.device, cell.counts) for cell in ledger.devices()] == [("d1", Counts()), ("d2", Counts())]
    assert ledger.totals() == Counts()


def test_what_arrived_can_be_asked_for_event_by_event(ledger: Ledger) -> None:
    ledger.add_arrived([Arrival("a", "1")])
    missing = Missing(ledger)
    assert not missing.is_missing(HistoryEvent("a", "touch", "", "{}"))
    assert missing.is_missing(HistoryEvent("b", "touch", "", "{}"))
    assert missing.is_missing(HistoryEvent("", "", "", "{}"))
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda place: missing.is_missing(HistoryEvent("ab"[place % 2], "", "", "{}")), range(100))
    assert list(found) == [False, True] * 50


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-02T12:00:00Z", NOON),
        ("2026-11-02T12:00:00.500000Z", NOON + 0.5),
        ("2026-11-02T12:00:00.543483560Z", pytest.approx(NOON + 0.543483)),
        ("2026-11-02T13:00:00+01:00", NOON),
        ("2026-11-02T12:00:00", None),
        ("noon", None),
        ("", None),
    ],
)
def test_a_timestamp_is_read_as_dt_writes_it_also_with_nine_digits(text: str, at: float | None) -> None:
    assert moment_of(text) == at


def test_a_full_disk_is_an_error_that_says_where_there_may_be_room() -> None:
    database = TemporaryDatabase(["CREATE TABLE t (text TEXT)"])
    database.run("PRAGMA max_page_count = 4")
    with pytest.raises(DeployError, match="temporary database: database or disk is full") as failed:
        database.run_for_each("INSERT INTO t VALUES (?)", [("x" * 4000,)] * 10)
    assert failed.value.fix == ("set TMPDIR to a folder with more room",)
    database.close()


def test_a_name_that_cannot_be_stored_is_listed_all_the_same(ledger: Ledger) -> None:
    ledger.add_device("p", "d3", "Fridge \ud800")
    ledger.judge(NOON)
    assert [cell.name for cell in ledger.devices() if cell.device == "d3"] == ["Fridge ?"]
