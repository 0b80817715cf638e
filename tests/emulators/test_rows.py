"""The row that Pub/Sub makes of a message: which values fit which type of column, and which do not."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from tests.emulators.clouds.google.rows import Unfit, row_of

BY_SCHEMA = {"useTableSchema": True}
AT = datetime(2026, 11, 2, 8, 13, 15, tzinfo=UTC)


def row(value: Any, kind: str, config: dict[str, Any] | None = None, **field: Any) -> Any:
    """Return what becomes of one member of a message in a column of this type."""
    fields = [{"name": "x", "type": kind, **field}]
    return row_of({**BY_SCHEMA, **(config or {})}, fields, json.dumps({"x": value}).encode(), {}).get("x")


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("STRING", "a", "a"),
        ("INTEGER", 2**63 - 1, 2**63 - 1),
        ("FLOAT", 2, 2.0),
        ("FLOAT", 21.5, 21.5),
        ("BOOLEAN", True, True),
        ("NUMERIC", 1.5, Decimal("1.5")),
        ("NUMERIC", "1.50", Decimal("1.50")),
        ("TIMESTAMP", "2026-11-02T08:13:15Z", AT),
        ("TIMESTAMP", "2026-11-02 09:13:15+01:00", AT),
        ("TIMESTAMP", 1793607195000000, AT),
        ("DATETIME", "2026-11-02T08:13:15", datetime(2026, 11, 2, 8, 13, 15)),  # noqa: DTZ001
        ("DATE", "2026-11-02", date(2026, 11, 2)),
        ("TIME", "08:13:15", time(8, 13, 15)),
        ("BYTES", "YWJj", b"abc"),
        ("JSON", '{"a": 1, "b": [1.5, null], "a": 2}', '{"a":1,"b":[1.5,null]}'),
        ("JSON", '"ø"', '"ø"'),
        ("STRING", None, None),
    ],
    ids=str,
)
def test_a_value_that_fits_is_stored(kind: str, value: Any, stored: Any) -> None:
    assert row(value, kind) == stored


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("STRING", 1),
        ("STRING", "\ud800"),
        ("INTEGER", "1"),
        ("INTEGER", 1.5),
        ("INTEGER", 2**63),
        ("INTEGER", True),
        ("FLOAT", "1"),
        ("FLOAT", False),
        ("BOOLEAN", "true"),
        ("NUMERIC", "x"),
        ("NUMERIC", True),
        ("TIMESTAMP", "yesterday"),
        ("TIMESTAMP", "2026-11-02T08:13:15.1234567Z"),
        ("TIMESTAMP", 1.5),
        ("DATE", "2026-02-30"),
        ("BYTES", "?"),
        ("JSON", {"a": 1}),
        ("JSON", ""),
        ("JSON", "{"),
        ("JSON", "18446744073709551616.5"),
        ("JSON", "3.14159265358979323846"),
        ("JSON", "[" * 501 + "]" * 501),
        ("JSON", "[" * 100_000 + "]" * 100_000),
        ("RECORD", {}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_value_that_does_not_fit_is_refused(kind: str, value: Any) -> None:
    record: dict[str, Any] = {"fields": [{"name": "a", "type": "STRING"}], "mode": "REPEATED"}

    with pytest.raises(Unfit, match="x"):
        row(value, kind, **(record if kind == "RECORD" else {}))


def test_records_and_lists_are_stored_member_by_member() -> None:
    inner = [{"name": "a", "type": "INTEGER"}, {"name": "b", "type": "STRING"}]

    assert row([1, 2], "INTEGER", mode="REPEATED") == [1, 2]
    assert row({"a": 1}, "RECORD", fields=inner) == {"a": 1, "b": None}
    assert row([{"b": "x"}], "RECORD", fields=inner, mode="REPEATED") == [{"a": None, "b": "x"}]
    with pytest.raises(Unfit, match=r"field x\.c,"):
        row({"c": 1}, "RECORD", fields=inner)
    assert row({"c": 1}, "RECORD", {"dropUnknownFields": True}, fields=inner) == {"a": None, "b": None}


def test_a_field_without_a_column_is_an_error_unless_it_may_be_dropped() -> None:
    fields = [{"name": "a", "type": "STRING"}]

    with pytest.raises(Unfit, match="the field b, which the table does not have"):
        row_of(BY_SCHEMA, fields, b'{"a": "x", "b": 1}', {})
    assert row_of({**BY_SCHEMA, "dropUnknownFields": True}, fields, b'{"A": "x", "b": 1}', {}) == {"a": "x"}


@pytest.mark.parametrize("data", [b"", b"[1]", b"nonsense", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_a_message_that_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(Unfit):
        row_of(BY_SCHEMA, [{"name": "a", "type": "STRING"}], data, {})


@pytest.mark.parametrize(
    ("kind", "data", "stored"), [("STRING", b"a", "a"), ("BYTES", b"\xff", b"\xff"), ("JSON", b'{"a": 1}', '{"a":1}')]
)
def test_without_a_schema_the_whole_message_is_one_column(kind: str, data: bytes, stored: Any) -> None:
    fields = [{"name": "data", "type": kind}, {"name": "message_id", "type": "STRING"}]

    assert row_of({}, fields, data, {"message_id": "1"}) == {"data": stored}
    assert row_of({"writeMetadata": True}, fields, data, {"message_id": "1"}) == {"data": stored, "message_id": "1"}
    for other in ("STRING", "JSON"):
        with pytest.raises(Unfit):
            row_of({}, [{"name": "data", "type": other}], b"\xff", {})
