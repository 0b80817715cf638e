"""GoogleSQL on DuckDB: sqlglot translates it, and the values come back as BigQuery's API writes them.

docs/bigquery.md lists where DuckDB and BigQuery differ.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery.kinds import quoted
from tests.emulators.clouds.google.bigquery.problems import BigQueryProblem, invalid_query, not_found

_BIGQUERY_KINDS = {
    "varchar": "STRING",
    "blob": "BYTES",
    "double": "FLOAT",
    "float": "FLOAT",
    "boolean": "BOOLEAN",
    "timestamp with time zone": "TIMESTAMP",
    "timestamp": "DATETIME",
    "date": "DATE",
    "time": "TIME",
    "decimal": "NUMERIC",
}
"""The ids of DuckDB's types -> BigQuery's; all others are integers."""

_MISSING = re.compile(r'Table with name "?(?:\w+\.)?([^"\s]+)"? does not exist')
_COLUMN = re.compile(r'Referenced column "([^"]+)" not found|column named "([^"]+)"')
_FUNCTION = re.compile(r"Function with name (\w+) does not exist")

Row = Sequence[Any]


def duckdb_sql(sql: str) -> str:
    """Return GoogleSQL in the words of DuckDB."""
    (translated,) = sqlglot.transpile(sql, read="bigquery", write="duckdb")
    return translated


@lru_cache(maxsize=512)
def parsed(sql: str) -> tuple[exp.Expr, ...]:
    """Return the statements of a script. Raises ``BigQueryProblem`` in BigQuery's words if it cannot be read."""
    try:
        found = sqlglot.parse(sql, read="bigquery")
    except ParseError as error:
        first = error.errors[0]
        raise invalid_query(f"Syntax error: {first['description']} at [{first['line']}:{first['col']}]") from error
    except TokenError as error:
        raise invalid_query(f"Syntax error: {error}") from error
    return tuple(statement for statement in found if statement is not None)


@lru_cache(maxsize=512)
def statements_in(script: str) -> tuple[str, ...]:
    """Return the texts of the statements of a script. Raises ``BigQueryProblem`` if it cannot be read."""
    try:
        tokens = sqlglot.tokenize(script, read="bigquery")
    except TokenError as error:
        raise invalid_query(f"Syntax error: {error}") from error
    ends = [token.start for token in tokens if token.token_type.name == "SEMICOLON"]
    parts = [script[first:last] for first, last in pairwise([0, *ends, len(script)])]
    return tuple(text for part in parts if (text := part.removeprefix(";").strip()))


def is_query(statement: exp.Expr) -> bool:
    """Return whether a statement only reads."""
    return isinstance(statement, exp.Query)


@lru_cache(maxsize=512)
def qualified(sql: str, dataset: str) -> str:
    """Return a statement that names a dataset for all tables that it names without one."""
    whole = [statement.copy() for statement in parsed(sql)]
    for statement in whole:
        own = {cte.alias_or_name for cte in statement.find_all(exp.CTE)}
        for table in statement.find_all(exp.Table):
            if not table.db and table.name not in own:
                table.set("db", exp.to_identifier(dataset, quoted=True))
    return ";\n".join(statement.sql("bigquery") for statement in whole)


@lru_cache(maxsize=512)
def translated(statement: str) -> str:
    """Return one statement in the words of DuckDB."""
    (only,) = parsed(statement)
    return only.sql("duckdb")


def tables_in(statement: exp.Expr) -> Iterator[tuple[str, str, str]]:
    """Yield project, dataset and name of the tables that a statement names, except its own common table expressions."""
    own = {cte.alias_or_name for cte in statement.find_all(exp.CTE)}
    for table in statement.find_all(exp.Table):
        if table.name and not (table.name in own and not table.db):
            yield table.catalog, table.db, table.name


@lru_cache(maxsize=512)
def tables_named(sql: str) -> tuple[tuple[str, str, str], ...]:
    """Return project, dataset and name of the tables that the statements of a script name."""
    return tuple(table for statement in parsed(sql) for table in tables_in(statement))


class Engine:
    """One DuckDB in memory, with a catalog of the project's name. Not safe to use from several threads."""

    def __init__(self, project: str) -> None:
        self._database = duckdb.connect()
        self._database.execute("SET TimeZone = 'UTC'")
        self._database.execute(f"ATTACH ':memory:' AS {quoted(project)}")
        self._database.execute(f"USE {quoted(project)}")

    def run(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> tuple[list[Json], Sequence[Row]]:
        """Run a statement of DuckDB's, and return the columns and rows of its answer."""
        try:
            done = self._database.execute(sql, parameters or None)
            rows: Sequence[Row] = done.fetchall()
            fields = [_field(name, kind) for name, kind, *_ in done.description or ()]
        except duckdb.Error as error:
            raise _problem(error) from error
        return fields, rows

    def close(self) -> None:
        """Forget everything."""
        self._database.close()


def _field(name: str, kind: Any) -> Json:
    if kind.id == "list":
        return {**_field(name, kind.children[0][1]), "mode": "REPEATED"}
    if kind.id == "struct":
        return {
            "name": name,
            "type": "RECORD",
            "fields": [_field(*child) for child in kind.children],
            "mode": "NULLABLE",
        }
    word = "JSON" if str(kind) == "JSON" else _BIGQUERY_KINDS.get(kind.id, "INTEGER")
    return {"name": name, "type": word, "mode": "NULLABLE"}


def cells(row: Row, fields: Sequence[Json], *, in_micros: bool = False) -> Json:
    """Return a row as BigQuery's API writes it. ``in_micros``: times as microseconds, not as seconds."""
    return {"f": [{"v": _cell(value, field, in_micros)} for value, field in zip(row, fields, strict=True)]}


def _cell(value: Any, field: Json, in_micros: bool) -> Any:  # noqa: FBT001  # as it came
    if field.get("mode") == "REPEATED":
        one = {**field, "mode": "NULLABLE"}
        return [{"v": _cell(item, one, in_micros)} for item in value or ()]
    if value is None:
        return None
    if field["type"] == "RECORD":
        return cells([value[inner["name"]] for inner in field["fields"]], field["fields"], in_micros=in_micros)
    return _text(value, in_micros)


def _text(value: Any, in_micros: bool) -> str:  # noqa: FBT001
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime) and value.tzinfo:
        return _moment(value, in_micros)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def _moment(value: datetime, in_micros: bool) -> str:  # noqa: FBT001
    past = value - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds
    return str(micros) if in_micros else _scientific(micros / 1_000_000)


def _scientific(seconds: float) -> str:
    """Return a number as BigQuery writes times: small ones plainly, others like 1.793607195123456E9."""
    plain = repr(seconds)
    sign, digits, exponent = Decimal(plain).normalize().as_tuple()
    if seconds == 0 or 1e-3 <= abs(seconds) < 1e7 or not isinstance(exponent, int):
        return plain
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' * sign}{digits[0]}.{rest}E{len(digits) - 1 + exponent}"


def _problem(error: duckdb.Error) -> BigQueryProblem:
    """Return the refusal in BigQuery's words, as far as DuckDB's words say the same."""
    words = str(error)
    if missing := _MISSING.search(words):
        return not_found(f"Table {missing[1]} was not found")
    if column := _COLUMN.search(words):
        return invalid_query(f"Unrecognized name: {column[1] or column[2]}")
    if function := _FUNCTION.search(words):
        return invalid_query(f"Function not found: {function[1]}")
    return invalid_query(words.partition("\n")[0])
