"""The types of columns in DuckDB, and names as its SQL takes them."""

from tests.emulators.clouds.exchange import Json

DUCKDB_KINDS = {
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "DATETIME": "TIMESTAMP",
    "DATE": "DATE",
    "TIME": "TIME",
    "JSON": "JSON",
    "NUMERIC": "DECIMAL(38, 9)",
    "BIGNUMERIC": "DECIMAL(38, 9)",
    "GEOGRAPHY": "VARCHAR",
}
"""BigQuery's types -> DuckDB's."""


def quoted(*names: str) -> str:
    """Return a name in DuckDB's quotes."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def duckdb_kind(field: Json) -> str:
    """Return DuckDB's type of a field of a schema."""
    if field["type"] == "RECORD":
        inner = ", ".join(f"{quoted(one['name'])} {duckdb_kind(one)}" for one in field["fields"])
        kind = f"STRUCT({inner})"
    else:
        kind = DUCKDB_KINDS[field["type"]]
    return f"{kind}[]" if field.get("mode") == "REPEATED" else kind
