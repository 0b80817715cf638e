"""The parameters of a query: https://cloud.google.com/bigquery/docs/parameterized-queries."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery.problems import invalid

_READERS: Mapping[str, Callable[[str], Any]] = {
    "STRING": str,
    "JSON": str,
    "INT64": int,
    "FLOAT64": float,
    "NUMERIC": Decimal,
    "BOOL": lambda text: text.lower() == "true",
    "TIMESTAMP": lambda text: datetime.fromisoformat(text.replace(" UTC", "Z")),
    "DATETIME": datetime.fromisoformat,
    "DATE": date.fromisoformat,
}


def parameters_of(given: Sequence[Json]) -> dict[str, Any] | list[Any]:
    """Return the values of parameters: by name, or as a list if they have no names. Raises ``BigQueryProblem``."""
    if all(one.get("name") for one in given):
        return {one["name"]: _value(one) for one in given}
    return [_value(one) for one in given]


def _value(one: Json) -> Any:
    kind, value = one.get("parameterType") or {}, one.get("parameterValue") or {}
    if kind.get("type") == "ARRAY":
        of = kind["arrayType"]
        return [_value({"parameterType": of, "parameterValue": item}) for item in value.get("arrayValues", [])]
    if kind.get("type") not in _READERS:
        raise invalid(f"Parameters of type {kind.get('type')} are not played here.")
    text = value.get("value")
    if text is None:
        return None
    try:
        return _READERS[kind["type"]](text)
    except (ValueError, ArithmeticError) as error:
        name = one.get("name", "")
        raise invalid(
            f"Unparseable query parameter `{name}` in type `TYPE_{kind['type']}`, {text} value: '{text}'"
        ) from error
