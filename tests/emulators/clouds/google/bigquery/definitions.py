"""Reads statements that create, drop or alter something: what it is, and the body that REST would have for it."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery.problems import invalid_query

_OPTIONS = {"description": "description", "friendly_name": "friendlyName", "labels": "labels"}
_KINDS = {"VIEW": "VIEW", "TABLE": "TABLE", "SCHEMA": "SCHEMA"}


@dataclass
class Definition:
    """``kind``: BigQuery's name of the statement. ``name`` is "" for a dataset. ``body``: as the REST API takes it.

    ``is_if_missing``: IF NOT EXISTS of CREATE and of new columns, IF EXISTS of DROP. ``columns``: new ones of ALTER.
    """

    kind: str
    dataset: str
    name: str
    body: Json = field(default_factory=dict)
    is_replacing: bool = False
    is_if_missing: bool = False
    is_cascading: bool = False
    columns: list[Json] = field(default_factory=list)


def definition_of(sql: str, statement: Any) -> Definition:
    """Return what a statement defines. Raises ``BigQueryProblem`` for statements that are not played."""
    what = _KINDS.get(statement.args.get("kind", ""))
    if what is None:
        raise invalid_query(f"{statement.key.upper()} {statement.args.get('kind')} is not played here.")
    dataset, name = _target(statement)
    if isinstance(statement, exp.Drop):
        return Definition(
            f"DROP_{what}",
            dataset,
            name,
            is_if_missing=bool(statement.args.get("exists")),
            is_cascading=bool(statement.args.get("cascade")),
        )
    if isinstance(statement, exp.Alter):
        return _alteration(statement, f"ALTER_{what}", dataset, name)
    body = _options(statement.args.get("properties"))
    if what == "VIEW":
        body |= _view(sql, statement)
    if what == "TABLE":
        body |= _table(statement)
    as_select = "_AS_SELECT" if what == "TABLE" and statement.expression else ""
    if as_select:
        raise invalid_query("CREATE TABLE ... AS SELECT is not played here.")
    return Definition(
        f"CREATE_{what}",
        dataset,
        name,
        body,
        is_replacing=bool(statement.args.get("replace")),
        is_if_missing=bool(statement.args.get("exists")),
    )


def _target(statement: Any) -> tuple[str, str]:
    """Return dataset and name of what a statement is about; a dataset has no name of its own."""
    target = statement.args["tables"][0] if isinstance(statement, exp.Drop) else statement.this
    target = target.this if isinstance(target, exp.Schema) else target
    return target.db.rpartition(".")[2], target.name  # a whole name may be in one pair of quotes


def _alteration(statement: exp.Alter, kind: str, dataset: str, name: str) -> Definition:
    body: Json = {}
    added = [action for action in statement.args["actions"] if isinstance(action, exp.ColumnDef)]
    for action in statement.args["actions"]:
        if isinstance(action, exp.AlterSet):
            body |= _options(action.expressions[0])
        elif action not in added:
            raise invalid_query(f"{action.sql('bigquery')} is not played here.")
    if statement.args.get("options"):
        raise invalid_query("ALTER TABLE with columns and options at once is not played here.")
    columns = [_column(column) for column in added]
    is_if_missing = all(column.args.get("exists") for column in added)
    return Definition(kind, dataset, name, body, is_if_missing=is_if_missing, columns=columns)


def _view(sql: str, statement: exp.Create) -> Json:
    columns = statement.this.expressions if isinstance(statement.this, exp.Schema) else []
    described = [{"name": column.name, **_options_of_column(column)} for column in columns]
    query = _after_as(sql)
    schema = {"schema": {"fields": described}} if described else {}
    return {"view": {"query": query, "useLegacySql": False}, **schema}


def _table(statement: exp.Create) -> Json:
    columns = statement.this.expressions if isinstance(statement.this, exp.Schema) else []
    body: Json = {"schema": {"fields": [_column(column) for column in columns]}}
    properties = statement.args.get("properties")
    for part in properties.expressions if properties else ():
        if isinstance(part, exp.PartitionedByProperty):
            body["timePartitioning"] = {"type": "DAY", "field": next(part.find_all(exp.Column)).name}
        if isinstance(part, exp.ClusterProperty):
            body["clustering"] = {"fields": [column.name for column in part.find_all(exp.Column)]}
    return body


def _column(column: exp.ColumnDef) -> Json:
    constraints = [constraint.kind for constraint in column.constraints]
    is_required = any(isinstance(kind, exp.NotNullColumnConstraint) for kind in constraints)
    kind = column.args["kind"].sql("bigquery")
    mode = {"mode": "REQUIRED"} if is_required else {}
    if kind.startswith("ARRAY<"):
        kind, mode = kind.removeprefix("ARRAY<").removesuffix(">"), {"mode": "REPEATED"}
    return {"name": column.name, "type": kind, **mode, **_options_of_column(column)}


def _options_of_column(column: Any) -> Json:
    for constraint in getattr(column, "constraints", []):
        if isinstance(constraint.kind, exp.Properties):
            return {name: value for name, value in _options(constraint.kind).items() if name == "description"}
    return {}


def _options(properties: Any) -> Json:
    found: Json = {}
    for part in properties.expressions if properties else ():
        if isinstance(part, exp.LocationProperty):
            found["location"] = part.this.name
        name = _OPTIONS.get(part.name.lower()) if type(part) is exp.Property else None
        if name == "labels":
            found[name] = {
                pair.expressions[0].name: pair.expressions[1].name for pair in part.args["value"].expressions
            }
        elif name:
            found[name] = part.args["value"].name
    return found


@lru_cache(maxsize=512)
def _after_as(sql: str) -> str:
    """Return the text of the query of a view, which BigQuery keeps as it was written."""
    depth = 0
    for token in sqlglot.tokenize(sql, read="bigquery"):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.token_type.name == "ALIAS":
            return sql[token.end + 1 :].strip().removesuffix(";").strip()
    raise invalid_query("Syntax error: Expected keyword AS")
