"""The table of the events. Its partitions and the types of its columns are fixed when it is made."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.bigquery.literals import pairs
from deploy.bigquery.place import TABLE
from deploy.bigquery.table import COLUMNS, METADATA, PARTITION, Column, table_body, table_statement
from deploy.errors import DeployError, Unusable
from deploy.resources.bigquery.dataset import ANOTHER, Dataset, OfBigQuery
from deploy.resources.by_hand import as_suffix, on_table
from deploy.resources.resource import Facts, Reads, label_changes
from deploy.steps import Change, Get, ResourceId, RestCall, Step, create, keep, update


@dataclass(frozen=True, slots=True)
class EventTable(OfBigQuery):
    """The table. Columns, clusters and descriptions that were added or changed elsewhere stay."""

    permissions: ClassVar[tuple[str, ...]] = (
        "bigquery.tables.create",
        "bigquery.tables.get",
        "bigquery.tables.update",
    )
    key: ClassVar[str] = "table"

    @property
    def id(self) -> ResourceId:
        """The id of the table."""
        return ResourceId("table", f"{self.spec.bigquery.dataset}.{TABLE}")

    @property
    def parent(self) -> ResourceId:
        """The dataset."""
        return Dataset(self.spec).id

    @property
    def url(self) -> str:
        """The URL of the table."""
        return f"{self.dataset_url}/tables/{self.place.table}"

    @property
    def describe(self) -> Get:
        """The request that reads it."""
        return Get(self.url)

    @property
    def bq_table(self) -> str:
        """The name of the table, as ``bq`` takes it."""
        return f"{self.bq_name}.{self.place.table}"

    def details(self, found: Any) -> Reads:
        """Read the dataset if there is no table, because the table is made where the dataset is."""
        if found is None:
            dataset = Dataset(self.spec)
            yield dataset.key, dataset.describe

    def not_ours(self, facts: Facts) -> DeployError | None:
        """Return an error with the command that adopts the table, if it exists without the label."""
        found = self.found(facts)
        return None if found is None else self.foreign(found, self.bq_table)

    def plan(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that makes the table, or that adds labels and columns.

        Raises:
            DeployError: it is not ours, or a column refuses rows.
            Unusable: its partitions or its columns are others, which cannot be changed.

        """
        if error := self.not_ours(facts):
            raise error
        found = self.found(facts)
        if found is None:
            labels = self.spec.all_labels
            by_hand = self.bq(
                "query",
                f"--location={self.location(facts)}",
                "--use_legacy_sql=false",
                table_statement(self.place, labels),
            )
            makes = (f"one row for each message, with {len(COLUMNS)} columns and one partition for each UTC day",)
            call = RestCall("POST", f"{self.dataset_url}/tables", table_body(self.place, labels), by_hand, makes)
            return (create(self.id, "not there", call),)
        self._must_be_usable(found)
        return (self._changed(found),)

    def _changed(self, found: Facts) -> Step:
        """Return the step that adds the missing labels and columns, or keeps the table."""
        fields = _fields(found)
        there = {field["name"].lower() for field in fields}
        missing = [column for column in COLUMNS if column.name not in there]
        labels = label_changes(self.spec.all_labels, found.get("labels"))
        changes = (*(Change(f"column {column.name}", None, column.kind) for column in missing), *labels)
        if not changes:
            return keep(self.id, f"has all columns, and a partition for each day{as_suffix(on_table(found))}")
        body: dict[str, Any] = {"labels": self.labels_with(found)} if labels else {}
        if missing:
            body["schema"] = {"fields": [*fields, *(column.body for column in missing)]}
        by_hand = self.bq("query", "--use_legacy_sql=false", self._statement(missing, body.get("labels")))
        return update(self.id, changes, RestCall("PATCH", self.url, body, by_hand))

    def _statement(self, missing: Sequence[Column], labels: Mapping[str, str] | None) -> str:
        """Return the SQL that adds columns and sets labels."""
        parts = [", ".join(f"ADD COLUMN IF NOT EXISTS {column.sql}" for column in missing)] if missing else []
        parts += [f"SET OPTIONS(labels={pairs(labels)})"] if labels else []
        return "; ".join(f"ALTER TABLE {self.place.quoted(self.place.table)} {part}" for part in parts)

    def _must_be_usable(self, found: Facts) -> None:
        for other in (_other_kind, _other_partitions, _other_types):
            if what := other(found):
                what = f"{what}, which cannot be changed: name another dataset"
                raise Unusable(what, where=self.title, fix=[ANOTHER])
        if names := _required(found):
            table = self.place.quoted(self.place.table)
            sql = "; ".join(f"ALTER TABLE {table} ALTER COLUMN `{name}` DROP NOT NULL" for name in names)
            what = f"refuses rows without {', '.join(names)}, and not every event has them"
            fix = shlex.join(self.bq("query", "--use_legacy_sql=false", sql))
            raise DeployError(what, where=self.title, fix=[fix, ANOTHER])


def _fields(found: Facts) -> list[dict[str, Any]]:
    return list(found.get("schema", {}).get("fields", []))


def _required(found: Facts) -> list[str]:
    """Return the columns that must have a value, but those that Pub/Sub itself fills in each row."""
    always = {column.name for column in METADATA}
    fields = [field for field in _fields(found) if field.get("mode") == "REQUIRED"]
    return [field["name"] for field in fields if field["name"].lower() not in always]


def _other_kind(found: Facts) -> str:
    kind = str(found.get("type", "TABLE"))
    return "" if kind == "TABLE" else f"is not a table, but has the type {kind}"


def _other_partitions(found: Facts) -> str:
    partitions = found.get("timePartitioning") or {}
    if (partitions.get("type"), partitions.get("field")) == ("DAY", PARTITION):
        return ""
    if not partitions:
        return f"has no partitions, and needs one for each day of {PARTITION}"
    of = partitions.get("field") or "arrival"
    return f"has a partition for each {partitions['type'].lower()} of {of}, and needs one for each day of {PARTITION}"


def _other_types(found: Facts) -> str:
    there = {field["name"].lower(): field["type"].upper() for field in _fields(found)}
    others = [
        f"{column.name} as {there[column.name]} and not {column.kind}"
        for column in COLUMNS
        if column.name in there and there[column.name] != column.kind
    ]
    return f"has {', '.join(others)}" if others else ""
