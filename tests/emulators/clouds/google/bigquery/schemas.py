"""The schemas of tables: which are accepted, and which changes of them.

https://cloud.google.com/bigquery/docs/schemas, https://cloud.google.com/bigquery/docs/managing-table-schemas: columns
can be added and made nullable, and descriptions change; everything else takes a new table.
"""

import re
from collections.abc import Sequence

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery.problems import BigQueryProblem, invalid

STANDARD = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD", "DECIMAL": "NUMERIC"}
"""The names of GoogleSQL's types that BigQuery's API returns under an older name."""

TYPES = frozenset(
    {
        *("STRING", "BYTES", "INTEGER", "FLOAT", "BOOLEAN", "TIMESTAMP", "DATE", "TIME", "DATETIME", "NUMERIC"),
        *("BIGNUMERIC", "JSON", "RECORD", "GEOGRAPHY"),
    }
)
MODES = ("NULLABLE", "REQUIRED", "REPEATED")
PARTITION_TYPES = ("HOUR", "DAY", "MONTH", "YEAR")
PARTITIONED = frozenset({"TIMESTAMP", "DATE", "DATETIME"})
CLUSTERED = frozenset(
    {"STRING", "INTEGER", "BOOLEAN", "TIMESTAMP", "DATE", "DATETIME", "NUMERIC", "BIGNUMERIC", "GEOGRAPHY"}
)
MAX_CLUSTERS = 4
MAX_DESCRIPTION = 1024
_NAME = re.compile(r"[^\W\d][\w -]{0,299}")
_RESERVED = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")


def checked_fields(fields: Sequence[Json], place: str = "") -> list[Json]:
    """Return the fields of a schema as BigQuery returns them. Raises ``BigQueryProblem``."""
    seen: set[str] = set()
    returned = []
    for field in fields:
        name = field.get("name", "")
        if not _NAME.fullmatch(name) or name.upper().startswith(_RESERVED):
            raise invalid(
                f'Invalid field name "{place}{name}". Fields must contain the allowed characters, and be at most 300 '
                "characters long."
            )
        if name.lower() in seen:
            raise invalid(f"Duplicate field name: {place}{name}")
        seen.add(name.lower())
        returned.append(_checked(field, f"{place}{name}"))
    return returned


def _checked(field: Json, name: str) -> Json:
    kind = STANDARD.get(str(field.get("type", "")).upper(), str(field.get("type", "")).upper())
    mode = field.get("mode") or "NULLABLE"
    if kind not in TYPES:
        raise invalid(f"Invalid value for type: {field.get('type')} is not a valid value")
    if mode.upper() not in MODES:
        raise invalid(f"Invalid value for mode: {mode} is not a valid value")
    if len(field.get("description") or "") > MAX_DESCRIPTION:
        raise invalid(f"Description of field {name} is too long: at most {MAX_DESCRIPTION} characters are allowed.")
    checked = {**field, "type": kind, **({"mode": mode.upper()} if field.get("mode") else {})}
    if kind == "RECORD":
        if not field.get("fields"):
            raise invalid(f"Field {name} is type RECORD but has no schema")
        checked["fields"] = checked_fields(field["fields"], f"{name}.")
    return {key: value for key, value in checked.items() if value is not None}


def check_partitioning(partitioning: Json, fields: Sequence[Json]) -> None:
    """Refuse a time partitioning that does not fit the schema."""
    if partitioning.get("type") not in PARTITION_TYPES:
        raise invalid(f"Invalid value for timePartitioning.type: {partitioning.get('type', '')}")
    if name := partitioning.get("field"):
        kind, mode = _kind_of(name, fields)
        if not kind:
            raise invalid(f"The field specified for partitioning cannot be found in the schema: {name}.")
        if kind not in PARTITIONED or mode == "REPEATED":
            raise invalid(
                "The field specified for time partitioning can only be of type TIMESTAMP, DATE or DATETIME. "
                f"The type found is: {kind}."
            )


def check_clustering(clustering: Json, fields: Sequence[Json]) -> None:
    """Refuse a clustering that does not fit the schema."""
    names = clustering.get("fields", [])
    if not 0 < len(names) <= MAX_CLUSTERS:
        raise invalid(f"The maximum number of clustering fields is {MAX_CLUSTERS}; got {len(names)}.")
    for name in names:
        kind, mode = _kind_of(name, fields)
        if not kind:
            raise invalid(f"The field specified for clustering cannot be found in the schema: {name}.")
        if kind not in CLUSTERED or mode == "REPEATED":
            raise invalid(f"Field {name} of type {kind} is not allowed for clustering.")


def _kind_of(name: str, fields: Sequence[Json]) -> tuple[str, str]:
    found = [field for field in fields if field["name"].lower() == name.lower()]
    return (found[0]["type"], found[0].get("mode", "NULLABLE")) if found else ("", "")


def check_change(table: str, before: Sequence[Json], after: Sequence[Json]) -> None:
    """Refuse a change of a table's schema that BigQuery refuses. ``table``: ``project:dataset.table``."""
    new = {field["name"].lower(): field for field in after}
    for field in before:
        if field["name"].lower() not in new:
            raise _mismatch(table, f"Field {field['name']} is missing in new schema")
        _check_field(table, field, new[field["name"].lower()])
    old = {field["name"].lower() for field in before}
    for field in after:
        if field["name"].lower() not in old and field.get("mode") == "REQUIRED":
            raise _mismatch(table, f"Cannot add required fields to an existing schema. (field: {field['name']})")


def _check_field(table: str, before: Json, after: Json) -> None:
    name, mode = before["name"], before.get("mode", "NULLABLE")
    if after["type"] != before["type"]:
        raise _mismatch(table, f"Field {name} has changed type from {before['type']} to {after['type']}")
    if after.get("mode", "NULLABLE") not in {mode, "NULLABLE"} or (mode == "REPEATED" != after.get("mode")):
        raise _mismatch(table, f"Field {name} has changed mode from {mode} to {after.get('mode', 'NULLABLE')}")
    if before["type"] == "RECORD":
        check_change(table, before["fields"], after["fields"])


def _mismatch(table: str, why: str) -> BigQueryProblem:
    return invalid(f"Provided Schema does not match Table {table}. {why}")


def described(fields: Sequence[Json], given: Sequence[Json]) -> list[Json]:
    """Return the columns of a view with the descriptions that a schema gives them."""
    words = {field["name"].lower(): field["description"] for field in given if field.get("description")}
    return [
        {**field, **({"description": words[field["name"].lower()]} if field["name"].lower() in words else {})}
        for field in fields
    ]
