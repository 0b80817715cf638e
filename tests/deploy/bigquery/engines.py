"""The engines of the offline clouds: V8 runs the transform, and DuckDB the SQL after sqlglot has translated it.

docs/bigquery.md lists where DuckDB and BigQuery differ.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlglot import exp

from deploy.bigquery.blueprint import VIEWS
from deploy.bigquery.place import Place
from deploy.bigquery.table import COLUMNS
from deploy.bigquery.transform import transforms
from deploy.bigquery.view import View
from tests.emulators.clouds.google import transforms as engine_of_transforms
from tests.emulators.clouds.google.bigquery import engine
from tests.emulators.clouds.google.bigquery.kinds import DUCKDB_KINDS, quoted
from tests.emulators.clouds.google.bigquery.schemas import STANDARD

PLACE = Place("my-project", "sensors", "europe-west1")
KINDS = {
    kind: DUCKDB_KINDS[STANDARD.get(kind, kind)]
    for kind in ("STRING", "TIMESTAMP", "JSON", "INT64", "FLOAT64", "BOOL", "DATE")
}
"""BigQuery's types -> DuckDB's."""

Row = dict[str, Any]


def transformed(data: Any, attributes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the message that the transform makes of a message."""
    message = {"data": data, "attributes": dict(attributes or {})}
    made = engine_of_transforms.transformed(transforms(), message, {})
    assert made is not None
    return made


def row(data: Any) -> Row:
    """Return the row that the transform makes of the data of a message."""
    columns: Row = json.loads(transformed(data)["data"])
    return columns


@lru_cache
def parsed(view: View) -> exp.Create:
    """Return the statement that makes a view, parsed as GoogleSQL."""
    (statement,) = engine.parsed(view.statement(PLACE, {"dt-pubsub": "dt-pubsub"}))
    assert isinstance(statement, exp.Create)
    return statement


class Warehouse:
    """A dataset in memory with the table and the views, filled only by the transform, as in BigQuery."""

    def __init__(self) -> None:
        """Make the dataset and the table."""
        self._engine = engine.Engine(PLACE.project)
        self._engine.run(f"CREATE SCHEMA {quoted(PLACE.dataset)}")
        columns = ", ".join(f"{column.name} {KINDS[column.kind]}" for column in COLUMNS)
        self._engine.run(f"CREATE TABLE {_named(PLACE.table)} ({columns})")
        self._views = {view.name: view for view in VIEWS}
        self._made: set[str] = {PLACE.table}
        self._written = 0

    def write(self, *bodies: str, published: str = "2026-11-30T00:00:00Z", **attributes: str) -> None:
        """Write one row for each body, as the subscription does. Each gets a greater message id than the one before."""
        for body in bodies:
            message = transformed(body, attributes)
            self._written += 1
            columns = json.loads(message["data"]) | {
                "publish_time": published,
                "message_id": f"{self._written:06}",
                "subscription_name": "projects/my-project/subscriptions/dt-events-bigquery",
                "attributes": json.dumps(message["attributes"]),
            }
            marks = ", ".join("?" * len(COLUMNS))
            values = [columns.pop(column.name, None) for column in COLUMNS]
            assert columns == {}, "the table has no column for this"
            self._engine.run(f"INSERT INTO {_named(PLACE.table)} VALUES ({marks})", values)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query in GoogleSQL. ``@name`` is a table or view of the dataset; times become text."""
        query = View("query", "", (), sql)
        for name in sorted(query.reads):
            self._make(name)
        _, rows = self._engine.run(engine.translated(query.select(PLACE)))
        return [tuple(_plain(value) for value in values) for values in rows]

    def columns(self, name: str) -> list[tuple[str, str]]:
        """Return the names and DuckDB's types of the columns of a view. DuckDB's COUNTIF is a HUGEINT."""
        self._make(name)
        _, found = self._engine.run(f"DESCRIBE {_named(name)}")
        return [(column, kind.replace("HUGEINT", "BIGINT")) for column, kind, *_ in found]

    def empty(self) -> None:
        """Remove all rows."""
        self._engine.run(f"DELETE FROM {_named(PLACE.table)}")

    def _make(self, name: str) -> None:
        """Make a view, after those that it reads."""
        if name in self._made:
            return
        view = self._views[name]
        for needed in sorted(view.reads):
            self._make(needed)
        self._engine.run(f"CREATE VIEW {_named(name)} AS {parsed(view).expression.sql('duckdb')}")
        self._made.add(name)


def _named(name: str) -> str:
    """Return the full name of a table or view in DuckDB's SQL."""
    return quoted(PLACE.project, PLACE.dataset, name)


def body(
    event_type: str,
    time: str | None,
    data: Mapping[str, Any] | None = None,
    *,
    device: str = "d1",
    event_id: str = "",
    labels: Any = None,
    project: str = "p1",
) -> str:
    """Return an event's body. ``data``: the members below the type's name, without ``updateTime`` if it is ``time``."""
    event = {
        "eventId": event_id or f"{device}-{event_type}-{time}",
        "targetName": f"projects/{project}/devices/{device}",
        "eventType": event_type,
        "data": {event_type: {"updateTime": time, **(data or {})}},
        "timestamp": time,
    }
    return json.dumps({"event": event, "labels": labels})


def samples(*of: Sequence[Any]) -> list[Row]:
    """Return temperature samples of pairs: value and time."""
    return [{"value": value, "sampleTime": time} for value, time in of]


def _plain(value: Any) -> Any:
    """Return a time as text in UTC, and anything else unchanged."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if hasattr(value, "isoformat") else value
