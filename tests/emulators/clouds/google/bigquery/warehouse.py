"""The rows of all tables, and the engine that runs queries; it starts with the first request that needs it.

Until then, tables are only remembered. Needs the packages duckdb and sqlglot, which few users of the stand-ins have.
What DuckDB says of a view depends only on the definitions before it, so a process asks for it once and remembers it.
"""

import hashlib
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

_MOST_ANSWERS = 4096
_answers = dict[tuple[bytes, str], list[Json]]()
"""The digest of all definitions of a warehouse, and a query or the definition of a view -> the columns of it."""


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
        self._definitions = project.encode()
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
        definition = f"CREATE OR REPLACE VIEW {quoted(dataset, view)} AS {engine_module().translated(query)}"
        with self._lock:
            if (self._definitions, definition) in _answers:
                self._waiting.append(definition)
            else:
                self._answer(definition, self.run(definition)[0])
            self._defined(definition)

    def fields_of(self, query: str, catalog: Catalog, dataset: str) -> list[Json]:
        """Return the columns of a query over tables in the location of a dataset. Raises ``BigQueryProblem``."""
        location = catalog.dataset(dataset)["location"]
        check_tables(engine_module().tables_named(query), catalog, location)
        with self._lock:
            if (self._definitions, query) not in _answers:
                self._answer(query, self.select(query, catalog, location=location, is_dry=True)[0])
            return _answers[self._definitions, query]

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
        check_tables(engine.tables_named(query), catalog, location)
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
            self._defined(sql)

    def _defined(self, sql: str) -> None:
        self._definitions = hashlib.sha256(self._definitions + sql.encode()).digest()

    def _answer(self, sql: str, columns: list[Json]) -> None:
        if len(_answers) >= _MOST_ANSWERS:
            _answers.clear()
        _answers[self._definitions, sql] = columns


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
