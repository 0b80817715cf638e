"""The rows of all tables, and the engine that runs queries; it starts with the first request that needs it.

Until then, tables are only remembered. Needs the packages duckdb and sqlglot, which few users of the stand-ins have.
"""

import importlib
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery.catalog import Catalog
from tests.emulators.clouds.google.bigquery.kinds import duckdb_kind, quoted
from tests.emulators.clouds.google.bigquery.problems import BigQueryProblem, invalid_query, not_found, query_denied

if TYPE_CHECKING:
    from types import ModuleType

    from tests.emulators.clouds.google.bigquery.engine import Engine, Row

_ENGINE = "tests.emulators.clouds.google.bigquery.engine"


def engine_module() -> "ModuleType":
    """Return the module ``engine``. Raises ``BigQueryProblem`` if its packages are not installed."""
    try:
        return importlib.import_module(_ENGINE)
    except ModuleNotFoundError as error:
        raise BigQueryProblem("notImplemented", f"SQL is only played with the package {error.name}.") from error


class Warehouse:
    """The rows of one project. Safe to use from several threads."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._waiting: list[str] = []
        self._started: Engine | None = None
        self._lock = threading.RLock()

    def make_dataset(self, dataset: str) -> None:
        """Make room for the tables of a dataset."""
        self._later(f"CREATE SCHEMA {quoted(dataset)}")

    def drop_dataset(self, dataset: str) -> None:
        """Drop a dataset with all its tables."""
        self._later(f"DROP SCHEMA {quoted(dataset)} CASCADE")

    def make_table(self, dataset: str, table: str, fields: Sequence[Json]) -> None:
        """Make an empty table."""
        columns = ", ".join(f"{quoted(field['name'])} {duckdb_kind(field)}" for field in fields) or '"" VARCHAR'
        self._later(f"CREATE TABLE {quoted(dataset, table)} ({columns})")

    def add_columns(self, dataset: str, table: str, fields: Sequence[Json]) -> None:
        """Add columns to a table; they are NULL in its rows."""
        for field in fields:
            self._later(f"ALTER TABLE {quoted(dataset, table)} ADD COLUMN {quoted(field['name'])} {duckdb_kind(field)}")

    def drop(self, dataset: str, table: str, *, is_view: bool) -> None:
        """Drop a table or view."""
        self._later(f"DROP {'VIEW' if is_view else 'TABLE'} {quoted(dataset, table)}")

    def make_view(self, dataset: str, view: str, query: str) -> None:
        """Make or replace a view."""
        translated = engine_module().translated(query)
        self.run(f"CREATE OR REPLACE VIEW {quoted(dataset, view)} AS {translated}")

    def fields_of(self, query: str, catalog: Catalog, dataset: str) -> list[Json]:
        """Return the columns of a query over tables in the location of a dataset. Raises ``BigQueryProblem``."""
        return self.select(query, catalog, location=catalog.dataset(dataset)["location"], is_dry=True)[0]

    def select(
        self,
        query: str,
        catalog: Catalog,
        *,
        location: str,
        parameters: Mapping[str, Any] | Sequence[Any] = (),
        is_dry: bool = False,
    ) -> "tuple[list[Json], Sequence[Row]]":
        """Return the columns and rows of a query; without rows if it is ``is_dry``. Raises ``BigQueryProblem``."""
        engine = engine_module()
        for statement in engine.parsed(query):
            check_tables(engine.tables_in(statement), catalog, location)
        translated = engine.translated(query)
        return self.run(f"SELECT * FROM ({translated}) LIMIT 0" if is_dry else translated, parameters)

    def append(self, dataset: str, table: str, row: Mapping[str, Any]) -> None:
        """Add a row to a table; columns that it does not have are NULL."""
        names, marks = ", ".join(quoted(name) for name in row), ", ".join("?" * len(row))
        what = f"({names}) VALUES ({marks})" if row else "DEFAULT VALUES"
        self.run(f"INSERT INTO {quoted(dataset, table)} {what}", [*row.values()])

    def size(self, dataset: str, table: str) -> tuple[int, int]:
        """Return the number of a table's rows, and about how many bytes they have."""
        if self._started is None:
            return 0, 0
        (((rows,),)) = self.run(f"SELECT count(*) FROM {quoted(dataset, table)}")[1]
        return rows, rows * 1000

    def run(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> "tuple[list[Json], Sequence[Row]]":
        """Run a statement of DuckDB's, and return columns and rows."""
        with self._lock:
            if self._started is None:
                self._started = engine_module().Engine(self._project)
            waiting, self._waiting = self._waiting, []
            for statement in waiting:
                self._started.run(statement)
            return self._started.run(sql, parameters)

    def close(self) -> None:
        """End the engine."""
        with self._lock:
            if self._started:
                self._started.close()

    def _later(self, sql: str) -> None:
        """Run a statement, at the latest before the next one that has an answer."""
        with self._lock:
            self._waiting.append(sql)


def check_tables(named: "Any", catalog: Catalog, location: str) -> None:
    """Refuse tables and datasets that do not exist, or are in another location."""
    for project, dataset, table in named:
        if not dataset:
            raise invalid_query(f'Table "{table}" must be qualified with a dataset (e.g. dataset.table).')
        place = f"{project or catalog.estate.project}:{dataset}"
        if project and project != catalog.estate.project:
            raise query_denied(f"{place}.{table}")
        if catalog.datasets.get(dataset, {}).get("location") != location:
            raise not_found(f"Dataset {place} was not found in location {location}")
        if (dataset, table) not in catalog.tables:
            raise not_found(f"Table {place}.{table} was not found in location {location}")
