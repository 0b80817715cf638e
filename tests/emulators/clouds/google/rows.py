"""The row of a table that Pub/Sub makes of a message: https://cloud.google.com/pubsub/docs/bigquery.

With the table's schema, the message is a JSON object whose members are columns; without it, the whole message goes into
the column ``data``. Values are strict: a text is no number.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.emulators.clouds.exchange import Json

MAX_LEVELS = 500
"""Levels of nested JSON in a JSON column: https://cloud.google.com/bigquery/docs/json-data."""

_FRACTION = re.compile(r"\.\d{7,}")


class Unfit(Exception):
    """A message does not fit the table."""


def row_of(config: Json, fields: Sequence[Json], data: bytes, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a message. ``metadata``: the columns that Pub/Sub adds if the export asks for them.

    Raises ``Unfit``.
    """
    columns = {field["name"].lower(): field for field in fields}
    row = _by_schema(config, columns, data) if config.get("useTableSchema") else _whole(columns["data"], data)
    if config.get("writeMetadata"):
        row |= metadata
    missing = [name for name, field in columns.items() if field.get("mode") == "REQUIRED" and row.get(name) is None]
    if missing:
        raise Unfit(f"Missing required field: {missing[0]}")
    return row


def _whole(column: Json, data: bytes) -> dict[str, Any]:
    if column["type"] == "BYTES":
        return {"data": data}
    return {"data": _value(_text(data), column, "data")}


def _by_schema(config: Json, columns: Mapping[str, Json], data: bytes) -> dict[str, Any]:
    try:
        message = json.loads(_text(data), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Unfit("The message is not a JSON object.") from error
    if not isinstance(message, dict):
        raise Unfit("The message is not a JSON object.")
    return _record(message, columns, "", is_lenient=bool(config.get("dropUnknownFields")))


def _record(message: Json, columns: Mapping[str, Json], place: str, *, is_lenient: bool) -> dict[str, Any]:
    row = {}
    for name, value in message.items():
        field = columns.get(name.lower())
        if field is None and not is_lenient:
            raise Unfit(f"The message has the field {place}{name}, which the table does not have.")
        if field is not None and value is not None:
            row[name.lower()] = _column(value, field, f"{place}{name}", is_lenient=is_lenient)
    return row


def _column(value: Any, field: Json, place: str, *, is_lenient: bool) -> Any:
    if field.get("mode") == "REPEATED":
        if not isinstance(value, list):
            raise Unfit(f"The field {place} has to be an array.")
        one = {**field, "mode": "NULLABLE"}
        return [_column(item, one, place, is_lenient=is_lenient) for item in value]
    if field["type"] == "RECORD":
        if not isinstance(value, dict):
            raise Unfit(f"The field {place} has to be an object.")
        inner = {one["name"].lower(): one for one in field["fields"]}
        found = _record(value, inner, f"{place}.", is_lenient=is_lenient)
        return {name: found.get(name) for name in inner}
    return _value(value, field, place)


def _value(value: Any, field: Json, place: str) -> Any:
    try:
        return _READERS[field["type"]](value)
    except (ValueError, TypeError, InvalidOperation, OverflowError, RecursionError) as error:
        raise Unfit(f"The field {place} cannot be a {field['type']}: {error}") from error


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it is no string")
    value.encode()  # a lone surrogate is no text
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise TypeError("it is no 64-bit integer")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError("it is no number")
    return float(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise TypeError("it is no number")
    return Decimal(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it is no boolean")
    return value


def _timestamp(value: Any) -> datetime:
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    moment = _civil(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _civil(value: Any) -> datetime:
    if _FRACTION.search(_string(value)):
        raise ValueError("it has more than 6 digits of a second")
    return datetime.fromisoformat(value.replace(" UTC", "Z"))


def _json(value: Any) -> str:
    """Return the JSON that a text holds, as a JSON column stores it."""
    found = json.loads(_string(value), parse_int=_exact_integer, parse_float=_exact, object_pairs_hook=_first_of)
    if _levels(found) > MAX_LEVELS:
        raise ValueError(f"it is nested deeper than {MAX_LEVELS} levels")
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def _exact_integer(text: str) -> int | float:
    return int(text) if -(2**63) <= int(text) < 2**64 else _exact(text)


def _exact(text: str) -> float:
    if Decimal(repr(float(text))) != Decimal(text):
        raise ValueError(f"{text} would lose digits")
    return float(text)


def _first_of(pairs: Sequence[tuple[str, Any]]) -> Json:
    """Return an object with the first of its members of the same name."""
    return dict(reversed(pairs))


def _levels(value: Any) -> int:
    depth, layer = 0, [value]
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        depth += 1
        layer = [inner for item in layer for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Unfit("The message is not UTF-8.") from error


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "STRING": _string,
    "GEOGRAPHY": _string,
    "JSON": _json,
    "BYTES": lambda value: base64.b64decode(_string(value), validate=True),
    "INTEGER": _integer,
    "FLOAT": _number,
    "NUMERIC": _decimal,
    "BIGNUMERIC": _decimal,
    "BOOLEAN": _boolean,
    "TIMESTAMP": _timestamp,
    "DATETIME": lambda value: _civil(value).replace(tzinfo=None),
    "DATE": lambda value: date.fromisoformat(_string(value)),
    "TIME": lambda value: time.fromisoformat(_string(value)),
}
