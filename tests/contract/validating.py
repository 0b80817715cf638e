"""Validators of the generated schemas, for tests."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

DOCS = Path(__file__).parents[2] / "docs"


@cache
def schema(name: str) -> dict[str, Any]:
    """Return a schema of docs/schema/."""
    read: dict[str, Any] = json.loads((DOCS / "schema" / f"{name}.json").read_text("utf-8"))
    return read


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return a validator of a schema, as a careful subscriber uses it: formats, such as that of times, are checked."""
    return jsonschema_rs.Draft202012Validator(schema(name), validate_formats=True)


@cache
def closed_validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return a validator for the tests of the function itself: it refuses every attribute that the schema lacks."""
    limits = {"maxProperties": 100, "propertyNames": {"maxLength": 256, "not": {"pattern": "^goog"}}}
    closed = {**schema(name), **limits, "additionalProperties": False}
    return jsonschema_rs.Draft202012Validator(closed, validate_formats=True)
