"""The statements of GoogleSQL: queries, the definition of datasets, tables and views, and changes of rows.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language. Of the procedural language
of scripts only the semicolon is played; of the options of views and tables: description, friendly_name, labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery.catalog import Catalog
from tests.emulators.clouds.google.bigquery.datasets import Datasets
from tests.emulators.clouds.google.bigquery.problems import BigQueryProblem, invalid, invalid_query
from tests.emulators.clouds.google.bigquery.tables import Tables
from tests.emulators.clouds.google.bigquery.warehouse import Warehouse, check_tables, engine_module

if TYPE_CHECKING:
    from tests.emulators.clouds.google.bigquery.definitions import Definition

DEFAULT_LOCATION = "US"
_CHANGES = {"INSERT": "INSERT", "UPDATE": "UPDATE", "DELETE": "DELETE", "MERGE": "MERGE"}


@dataclass
class Done:
    """What came of a statement. ``kind``: BigQuery's name of its kind."""

    kind: str = ""
    fields: list[Json] = field(default_factory=list)
    rows: Sequence[Sequence[Any]] = ()
    statistics: Json = field(default_factory=dict)


class Statements:
    """Runs statements. Raises ``BigQueryProblem``."""

    def __init__(self, catalog: Catalog, warehouse: Warehouse, datasets: Datasets, tables: Tables) -> None:
        self._catalog = catalog
        self._warehouse = warehouse
        self._datasets = datasets
        self._tables = tables

    def place(self, sql: str, asked: Json, location: str) -> str:
        """Return where a statement runs; where it would, if it cannot be read."""
        engine = engine_module()
        try:
            first = [statement for text in engine.statements_in(sql)[:1] for statement in engine.parsed(text)]
        except BigQueryProblem:
            first = []
        return self._location(first[0], asked, location) if first else location or DEFAULT_LOCATION

    def run(
        self, sql: str, asked: Json, location: str, parameters: Mapping[str, Any] | Sequence[Any], *, is_dry: bool
    ) -> Done:
        """Run a statement, or those of a script in turn. ``location``: where, as ``place`` returns it."""
        done = Done()
        texts = engine_module().statements_in(sql)
        for text in texts:
            done = self._run(text, asked, location, parameters, is_dry=is_dry)
        return Done("SCRIPT", done.fields, done.rows) if len(texts) > 1 else done

    def _run(
        self, sql: str, asked: Json, location: str, parameters: Mapping[str, Any] | Sequence[Any], *, is_dry: bool
    ) -> Done:
        engine = engine_module()
        dataset = (asked.get("defaultDataset") or {}).get("datasetId", "")
        sql = engine.qualified(sql, dataset) if dataset else sql
        statement = self._statement(sql)
        kind = statement.key.upper()
        if kind in {"CREATE", "DROP", "ALTER"}:
            return self._define(sql, statement, location, is_dry=is_dry)
        if kind in _CHANGES:
            return self._change(sql, statement, location, parameters, is_dry=is_dry)
        if not engine.is_query(statement):
            raise invalid_query(f"{sql.split()[0].upper()} is not played here.")
        fields, rows = self._warehouse.select(
            sql, self._catalog, location=location, parameters=parameters, is_dry=is_dry
        )
        return Done("SELECT", fields, rows)

    def _statement(self, sql: str) -> Any:
        statements = engine_module().parsed(sql)
        if len(statements) != 1:
            raise invalid_query("Syntax error: Expected a statement")
        return statements[0]

    def _location(self, statement: Any, asked: Json, location: str) -> str:
        """Return where a statement runs: the given location, or that of the first dataset that it names."""
        if location:
            return location.lower() if "-" in location else location.upper()
        named = [dataset for _, dataset, _ in engine_module().tables_in(statement)]
        named += [(asked.get("defaultDataset") or {}).get("datasetId", "")]
        found = [self._catalog.datasets[dataset]["location"] for dataset in named if dataset in self._catalog.datasets]
        return found[0] if found else DEFAULT_LOCATION

    def _change(
        self, sql: str, statement: Any, location: str, parameters: Mapping[str, Any] | Sequence[Any], *, is_dry: bool
    ) -> Done:
        engine = engine_module()
        check_tables(engine.tables_in(statement), self._catalog, location)
        kind = _CHANGES[statement.key.upper()]
        if is_dry:
            return Done(kind)
        (((count,),)) = self._warehouse.run(engine.translated(sql), parameters)[1]
        return Done(kind, statistics={"numDmlAffectedRows": str(count)})

    def _define(self, sql: str, statement: Any, location: str, *, is_dry: bool) -> Done:
        from tests.emulators.clouds.google.bigquery.definitions import definition_of  # noqa: PLC0415

        defined = definition_of(sql, statement)
        statistics: Json = {"ddlTargetTable": self._reference(defined)} if defined.name else {}
        if is_dry:
            return Done(defined.kind, statistics=statistics)
        does = {"CREATE": self._create, "DROP": self._drop, "ALTER": self._alter}
        operation = does[defined.kind.partition("_")[0]](defined, location)
        return Done(defined.kind, statistics={**statistics, "ddlOperationPerformed": operation})

    def _reference(self, defined: "Definition") -> Json:
        return {"projectId": self._catalog.estate.project, "datasetId": defined.dataset, "tableId": defined.name}

    def _create(self, defined: "Definition", location: str) -> str:
        there = self._catalog.tables.get((defined.dataset, defined.name))
        if not defined.name:
            return self._create_dataset(defined, location)
        self._check_place(defined, location)
        if there and defined.is_if_missing:
            return "SKIP"
        if there and defined.is_replacing:
            self._check_kind(defined, there)
            self._tables.replace(there, defined.body)
            return "REPLACE"
        self._tables.create(defined.dataset, defined.name, defined.body)
        return "CREATE"

    def _create_dataset(self, defined: "Definition", location: str) -> str:
        if defined.dataset in self._catalog.datasets and defined.is_if_missing:
            return "SKIP"
        self._datasets.create(defined.dataset, {"location": location, **defined.body})
        return "CREATE"

    def _alter(self, defined: "Definition", location: str) -> str:
        """Add columns to a table, and set the options of a table or view."""
        self._check_place(defined, location)
        before = self._catalog.table(defined.dataset, defined.name)
        self._check_kind(defined, before)
        after = {**before, **defined.body}
        if defined.columns:
            fields = before.get("schema", {}).get("fields", [])
            there = {field["name"].lower() for field in fields}
            for column in defined.columns:
                if column["name"].lower() in there and not defined.is_if_missing:
                    raise invalid(f"Column already exists: {column['name']}")
            new = [column for column in defined.columns if column["name"].lower() not in there]
            after["schema"] = {"fields": [*fields, *new]}
        self._tables.change(before, after)
        return "ALTER"

    def _drop(self, defined: "Definition", _: str) -> str:
        try:
            if not defined.name:
                self._datasets.remove(defined.dataset, has_contents_deleted=defined.is_cascading)
                return "DROP"
            self._check_kind(defined, self._catalog.table(defined.dataset, defined.name))
        except BigQueryProblem as problem:
            if problem.reason == "notFound" and defined.is_if_missing:
                return "SKIP"
            raise
        self._tables.remove(defined.dataset, defined.name)
        return "DROP"

    def _check_place(self, defined: "Definition", location: str) -> None:
        check_tables([], self._catalog, location)
        if self._catalog.datasets.get(defined.dataset, {}).get("location") != location:
            place = f"{self._catalog.estate.project}:{defined.dataset}"
            raise BigQueryProblem("notFound", f"Not found: Dataset {place} was not found in location {location}")

    def _check_kind(self, defined: "Definition", there: Json) -> None:
        kind = "VIEW" if "VIEW" in defined.kind else "TABLE"
        if there["type"] != kind:
            raise invalid(f"{there['id']} is not allowed for this operation because it is currently a {there['type']}.")
