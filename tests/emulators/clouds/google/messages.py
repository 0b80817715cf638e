"""Checks resources of alerts and of BigQuery against the message types of Google's APIs; returns them as Google does.

``message_types.json`` is made of the clients in gcloud: see ``tests/emulators/google_messages.py``. It is a JSON
Schema, of which only these words are used: type, enum, items, properties, additionalProperties, $ref.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.problems import invalid

SCHEMA = Path(__file__).with_name("message_types.json")
TYPES = {
    "AlertPolicy": "monitoring_v3.AlertPolicy",
    "NotificationChannel": "monitoring_v3.NotificationChannel",
    "Dashboard": "monitoring_v1.Dashboard",
    "LogMetric": "logging_v2.LogMetric",
    "Dataset": "bigquery_v2.Dataset",
    "Table": "bigquery_v2.Table",
    "QueryRequest": "bigquery_v2.QueryRequest",
    "JobConfigurationQuery": "bigquery_v2.JobConfigurationQuery",
}
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_KEPT = frozenset({"enabled"})
"""Fields of a wrapper type, whose default is not the same as no value."""


def check_message(kind: str, body: Json) -> None:
    """Refuse a body with unknown fields, unknown values of an enum, or values of another type. Raises ``Problem``."""
    for fault in faults_of(kind, body):
        raise invalid(f"Invalid JSON payload received. {fault}")


def faults_of(kind: str, body: Json) -> list[str]:
    """Return what is wrong with the shape of a body."""
    return list(_faults(body, {"$ref": f"#/$defs/{TYPES[kind]}"}, kind))


def _faults(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    whole = _whole(schema)
    if not _fits(value, whole):
        yield f"Invalid value at '{place}': {value!r}"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, whole["items"], f"{place}[{index}]")
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in whole.get("properties", {}):
                yield from _faults(inner, whole["properties"][name], f"{place}.{name}")
            elif "properties" in whole:
                yield f"Unknown name \"{name}\" at '{place}': Cannot find field."


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a value has one of the types of a schema, or is one of its words."""
    if "enum" in schema:
        return value in schema["enum"]
    names = schema.get("type", [])
    kinds = tuple(kind for name in ([names] if isinstance(names, str) else names) for kind in _PYTHON[name])
    return not kinds or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)))


def _whole(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the one that it names; that of a rare type that is not stored accepts anything."""
    whole: Mapping[str, Any] = _types().get(schema["$ref"].rpartition("/")[2], {}) if "$ref" in schema else schema
    return whole


@cache
def _types() -> dict[str, Any]:
    types: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))["$defs"]
    return types


def without_defaults(kind: str, body: Json) -> Json:
    """Return a message as Google's JSON has it: without the fields that have the default of their type.

    The default of an enum is its first word: https://protobuf.dev/programming-guides/json. A message within a message
    is there also if it is empty, and so is a duration of 0 s.
    """
    returned: Json = _returned(body, {"$ref": f"#/$defs/{TYPES[kind]}"})
    return returned


def _returned(value: Any, schema: Mapping[str, Any]) -> Any:
    whole = _whole(schema)
    if isinstance(value, list):
        return [_returned(item, whole.get("items", {})) for item in value]
    if not isinstance(value, dict) or "properties" not in whole:
        return value
    return {
        name: _returned(item, whole["properties"].get(name, {}))
        for name, item in value.items()
        if name in _KEPT or not _is_default(item, _whole(whole["properties"].get(name, {})))
    }


def _is_default(value: Any, schema: Mapping[str, Any]) -> bool:
    if "enum" in schema:
        return bool(value == schema["enum"][0])
    return value is None or value is False or value in (0, "", []) or (value == {} and "properties" not in schema)
