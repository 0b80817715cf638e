"""Compares what DT has with what arrived, by event id. The events are in a temporary database, and not in memory.

An event of DT's history has one of these states:

============  ==========================================================================================
``main``      it is on the main topic, once or more often
``rejected``  it is only on the rejected topic
``young``     it is on neither, and so young that it may still be on its way
``missing``   it is on neither
============  ==========================================================================================
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from deploy.dt.history import NOT_IN_HISTORY, HistoryEvent
from deploy.repair.arrived.arrivals import Arrival, Window
from deploy.repair.audit.counts import HOUR_S, Cell, Counts, Gap, Why
from deploy.repair.database import TemporaryDatabase

_EVENT = "event_id TEXT, project TEXT, device TEXT, type TEXT"
_TABLES = (
    f"CREATE TABLE expected ({_EVENT}, timestamp TEXT, at REAL, PRIMARY KEY (event_id)) WITHOUT ROWID",
    f"""CREATE TABLE arrived ({_EVENT}, message_id TEXT, at REAL, published_at REAL, copies INTEGER,
    PRIMARY KEY (event_id, message_id)) WITHOUT ROWID""",
    """CREATE TABLE rejected (event_id TEXT, message_id TEXT, reason TEXT, at REAL,
    PRIMARY KEY (event_id, message_id)) WITHOUT ROWID""",
    "CREATE TABLE audited (project TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE listed (project TEXT, device TEXT, name TEXT, PRIMARY KEY (project, device)) WITHOUT ROWID",
)

_JUDGE = """
CREATE TABLE judged AS
SELECT event_id, project, device, type, timestamp, at, CAST(at AS INTEGER) / 3600 AS hour, copies,
       CASE WHEN copies > 0 THEN 'main'
            WHEN event_id IN (SELECT event_id FROM rejected) THEN 'rejected'
            WHEN at > ? THEN 'young'
            ELSE 'missing' END AS state
  FROM (SELECT *, (SELECT SUM(copies) FROM arrived WHERE arrived.event_id = expected.event_id) AS copies FROM expected)
"""

_COUNTS = """
COUNT(event_id) AS dt, SUM(state = 'main') AS main, SUM(state = 'missing') AS missing,
SUM(state = 'rejected') AS rejected, SUM(state = 'young') AS young, SUM(state = 'main' AND copies > 1) AS double
"""

_EXTRA = """
SELECT event_id, CASE
         WHEN type IN ({not_kept}) THEN 'labels'
         WHEN project NOT IN (SELECT project FROM audited) THEN 'project'
         WHEN device NOT IN (SELECT device FROM listed) THEN 'device'
         WHEN MIN(published_at) > ? THEN 'young'
         ELSE 'unknown' END AS why
  FROM arrived
 WHERE at >= ? AND at < ? AND event_id NOT IN (SELECT event_id FROM expected)
 GROUP BY event_id
"""


class Ledger:
    """All events of one window. First they are added; then ``judge``; then the answers."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._database = TemporaryDatabase(_TABLES)
        self.dt_doubles = 0

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def add_project(self, project: str) -> None:
        """Add a DT project that is audited."""
        self._database.run("INSERT OR IGNORE INTO audited VALUES (?)", project)

    def add_device(self, project: str, device: str, name: str) -> None:
        """Add a device that DT lists. ``name``: may be empty."""
        self._database.run("INSERT OR IGNORE INTO listed VALUES (?, ?, ?)", project, device, _storable(name))

    def add_expected(self, project: str, device: str, events: Iterable[tuple[HistoryEvent, float]]) -> int:
        """Add events of DT's history with their times in unix seconds, and return how many are new.

        DT's history can have an event twice, which is counted.
        """
        rows = [(event.event_id, project, device, event.event_type, event.timestamp, at) for event, at in events]
        new = self._database.run_for_each("INSERT OR IGNORE INTO expected VALUES (?, ?, ?, ?, ?, ?)", rows)
        self.dt_doubles += len(rows) - new
        return new

    def add_arrived(self, arrivals: Iterable[Arrival]) -> int:
        """Add what is on the main topic, and return how many messages are new: Pub/Sub delivers some twice."""
        rows = (
            (
                one.event_id,
                one.project,
                one.device,
                one.event_type,
                one.message_id,
                one.at,
                one.published_at,
                one.copies,
            )
            for one in arrivals
        )
        return self._database.run_for_each("INSERT OR IGNORE INTO arrived VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def add_rejected(self, arrivals: Iterable[Arrival]) -> int:
        """Add what is on the rejected topic, and return how many messages are new."""
        rows = ((one.event_id, one.message_id, one.reason, one.at) for one in arrivals)
        return self._database.run_for_each("INSERT OR IGNORE INTO rejected VALUES (?, ?, ?, ?)", rows)

    def has_arrived(self, event_id: str) -> bool:
        """Return whether an event is on the main topic."""
        return next(self._database.rows("SELECT 1 FROM arrived WHERE event_id = ?", event_id), None) is not None

    def judge(self, young_after: float) -> None:
        """Compare. ``young_after``: an event that happened later and is nowhere is too young to be missing."""
        self._database.run("DROP TABLE IF EXISTS judged")
        self._database.run(_JUDGE, young_after)
        self._database.run("CREATE INDEX of_device ON judged (project, device, hour)")

    def totals(self) -> Counts:
        """Return the counts of all events together."""
        return Counts(*(count or 0 for count in next(self._database.rows(f"SELECT {_COUNTS} FROM judged"))))  # noqa: S608

    def devices(self) -> list[Cell]:
        """Return the counts of each device over the whole window, those with gaps first."""
        question = (
            f"SELECT project, device, name, ?, {_COUNTS} FROM listed LEFT JOIN judged USING (project, device) "  # noqa: S608
            "GROUP BY project, device ORDER BY SUM(state IN ('missing', 'rejected')) DESC, name = '', name, device"
        )
        return [_cell(row) for row in self._database.rows(question, int(self._window.start))]

    def cells(self, devices: Collection[str] = ()) -> Iterator[Cell]:
        """Yield the counts of each device and hour in which DT has events. ``devices``: only these; empty for all."""
        question = (
            f"SELECT project, device, name, hour * {HOUR_S}, {_COUNTS} "  # noqa: S608
            f"FROM judged JOIN listed USING (project, device) {_among('device', devices)} "
            "GROUP BY project, device, hour ORDER BY project, name = '', name, device, hour"
        )
        yield from map(_cell, self._database.rows(question, *devices))

    def gaps(self) -> Iterator[Gap]:
        """Yield every event that is not on the main topic, except young ones, in the order of their times."""
        question = (
            "SELECT event_id, project, device, type, timestamp, state FROM judged "
            "WHERE state IN ('missing', 'rejected') ORDER BY at, event_id"
        )
        yield from (Gap(*row) for row in self._database.rows(question))

    def extras(self, began_at: float) -> dict[Why, int]:
        """Return how many events of the window are only on the main topic, and why. ``began_at``: of the audit."""
        counts: dict[Why, int] = {}
        for _, why in self._extras(began_at):
            counts[why] = counts.get(why, 0) + 1
        return counts

    def examples(self, why: Why, began_at: float, most: int) -> list[str]:
        """Return the ids of some events that are only on the main topic for this reason."""
        found = (event_id for event_id, reason in self._extras(began_at) if reason == why)
        return [event_id for _, event_id in zip(range(most), found, strict=False)]

    def reasons(self) -> dict[str, int]:
        """Return how many messages of the window on the rejected topic have each reason; without a time, all count."""
        question = (
            "SELECT reason, COUNT(DISTINCT message_id) FROM rejected "
            "WHERE at IS NULL OR (at >= ? AND at < ?) GROUP BY reason ORDER BY 2 DESC, 1"
        )
        return dict(self._database.rows(question, self._window.start, self._window.end))

    def first_published(self) -> float | None:
        """Return when the earliest message that was read was published; None if that is not known."""
        first: float | None = next(self._database.rows("SELECT MIN(published_at) FROM arrived"))[0]
        return first

    def arrivals(self) -> int:
        """Return how many different events were read from the main topic, of any time."""
        count: int = next(self._database.rows("SELECT COUNT(DISTINCT event_id) FROM arrived"))[0]
        return count

    def _extras(self, began_at: float) -> Iterator[tuple[str, Why]]:
        question = _EXTRA.format(not_kept=", ".join(f"'{name}'" for name in NOT_IN_HISTORY))
        yield from self._database.rows(question, began_at, self._window.start, self._window.end)


def _cell(row: Sequence[object]) -> Cell:
    project, device, name, hour, *counts = row
    return Cell(
        str(project), str(device), str(name), int(str(hour)), Counts(*(int(str(count or 0)) for count in counts))
    )


def _storable(text: str) -> str:
    """Return a text as it can be stored: half a surrogate pair, which a label can have, becomes ``?``."""
    return text.encode(errors="replace").decode()


def _among(column: str, values: Collection[str]) -> str:
    return f"WHERE {column} IN ({', '.join('?' * len(values))})" if values else ""
