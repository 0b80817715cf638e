"""The events of one device, sorted by time without holding them in memory: DT lists the newest first."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

from deploy.dt.history import HistoryEvent
from deploy.repair.database import TemporaryDatabase

CACHE_KIB = 2048
"""Memory for events; the rest is in a file without a name. Several devices are read at the same time."""

_TABLE = "CREATE TABLE events (at INTEGER, key TEXT UNIQUE, id TEXT, type TEXT, timestamp TEXT, raw TEXT)"
_EPOCH = datetime.fromtimestamp(0, UTC)


class Chronology:
    """Sorts events by their time. An event that DT lists twice is kept once. Only one thread uses it."""

    def __init__(self) -> None:
        self._database = TemporaryDatabase([f"PRAGMA cache_size = -{CACHE_KIB}", _TABLE])

    def add(self, event: HistoryEvent) -> bool:
        """Keep an event, and return whether it is new.

        Raises:
            DeployError: there is no room on the disk.

        """
        texts = (key_of(event), event.event_id, event.event_type, event.timestamp, event.raw)
        return self._database.run("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?)", micros(event), *texts) == 1

    def oldest_first(self) -> Iterator[HistoryEvent]:
        """Yield all events, sorted by time; those of the same time as DT lists them, from the last on."""
        for row in self._database.rows("SELECT id, type, timestamp, raw FROM events ORDER BY at, rowid DESC"):
            yield HistoryEvent(*row)

    def close(self) -> None:
        """Forget all events."""
        self._database.close()


def key_of(event: HistoryEvent) -> str:
    """Return what tells an event from others: its id, or a digest if it has none."""
    return event.event_id or f"sha256-{sha256(event.raw.encode()).hexdigest()[:32]}"


def micros(event: HistoryEvent) -> int:
    """Return the time of an event in microseconds since 1970; 0 if it has none, so that it is the oldest."""
    try:
        at = datetime.fromisoformat(event.timestamp)
    except ValueError:
        return 0
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
