"""The transform, in V8: the columns of each event, and a row without them for anything else."""

import json
import re
import time
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from deploy.bigquery.table import EVENT
from deploy.bigquery.transform import CODE, FUNCTION, LARGEST_CODE_BYTES, transforms
from function.event import parse_body, read_envelope
from tests.contract.validating import DOCS
from tests.deploy.bigquery.engines import Row, row, transformed
from tests.pace import in_time

BODIES = (Path(__file__).parents[2] / "contract" / "bodies.jsonl").read_text("utf-8").splitlines()
EXAMPLES = [path.read_text("utf-8") for path in sorted((DOCS / "schema" / "examples").glob("*.json"))]
NAMES = {column.name for column in EVENT}
DEEP = 10_000


def lifted(body: str) -> Row:
    """Return the columns that the function would find in the body, without times and JSON."""
    envelope = read_envelope(parse_body(body.encode()))
    columns = {
        "event_id": envelope.event_id,
        "event_type": envelope.event_type,
        "device_id": envelope.device_id,
        "project_id": envelope.project_id,
    }
    return {name: value for name, value in columns.items() if value is not None}


def without(columns: Row, *names: str) -> Row:
    return {name: value for name, value in columns.items() if name not in names}


@pytest.mark.parametrize("bodies", [BODIES, EXAMPLES], ids=["bodies", "examples"])
def test_each_sample_becomes_a_row_with_the_columns_that_the_function_finds(bodies: list[str]) -> None:
    assert len({row(body)["event_type"] for body in bodies}) == 19
    for body in bodies:
        found, sent = row(body), json.loads(body)
        assert without(found, "event_time", "data", "labels", "body") == lifted(body)
        assert found["body"] == body
        assert json.loads(found["data"]) == sent["event"]["data"]
        assert json.loads(found.get("labels", "null")) == (sent.get("labels") or None)
        assert re.sub(r"(\.\d{6})\d+", r"\1", sent["event"]["timestamp"]) == found["event_time"]


def test_a_full_event_has_a_value_in_every_column() -> None:
    assert set(row(BODIES[0])) == NAMES


def test_the_attributes_stay_because_they_are_a_column_too() -> None:
    attributes = {"contract": "1", "eventId": "x", "label.room": "A1"}
    assert transformed(BODIES[0], attributes)["attributes"] == attributes
    assert transformed("not JSON", attributes)["attributes"] == attributes


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("2026-11-02T08:13:15Z", "2026-11-02T08:13:15Z"),
        ("2026-11-02T08:13:15.3Z", "2026-11-02T08:13:15.3Z"),
        ("2018-10-02T08:13:15.543483560Z", "2018-10-02T08:13:15.543483Z"),
        ("2018-10-02T08:13:15.999999999Z", "2018-10-02T08:13:15.999999Z"),
        ("2026-01-01T00:30:00+02:00", "2025-12-31T22:30:00Z"),
        ("2026-12-31T23:30:00.5-01:15", "2027-01-01T00:45:00.5Z"),
        ("2026-11-02t08:13:15z", "2026-11-02T08:13:15Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2026-02-29T00:00:00Z", None),
        ("2026-11-00T00:00:00Z", None),
        ("2026-11-31T00:00:00Z", None),
        ("2026-12-32T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-11-02T24:00:00Z", None),
        ("2026-11-02T08:60:00Z", None),
        ("2026-11-02T08:13:15", None),
        ("2026-11-02 08:13:15Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("1000-01-01T00:00:00+01:00", None),
        ("yesterday", None),
        ("", None),
        (1_790_000_000, None),
        (None, None),
    ],
)
def test_a_time_becomes_one_that_bigquery_takes_or_none(written: Any, column: str | None) -> None:
    assert row(json.dumps({"event": {"timestamp": written}})).get("event_time") == column


@pytest.mark.parametrize(
    ("data", "column"),
    [
        ('{"a":45.0,"a":46.0}', '{"a":46}'),
        ('{"a":1e400,"b":-1e400}', '{"a":null,"b":null}'),
        ('{"a":12345678901234567890123}', '{"a":1.2345678901234568e+22}'),
        (r'{"a":"\ud800 x \udc00","b":"\ud83d\ude00"}', '{"a":"\\ufffd x \\ufffd","b":"😀"}'),
        (r'{"\ud800":"\\ud800"}', r'{"\ufffd":"\\ud800"}'),
        ('{"__proto__":{"a":1},"toJSON":1,"constructor":2}', '{"__proto__":{"a":1},"toJSON":1,"constructor":2}'),
        ("[1]", "[1]"),
        ('"text"', '"text"'),
        ("false", "false"),
        ("null", None),
        ("[" * 128 + "]" * 128, "[" * 128 + "]" * 128),
        ("[" * 129 + "]" * 129, None),
        ('{"a":' * DEEP + "1" + "}" * DEEP, None),
    ],
    ids=[
        *("twice", "infinite", "long", "surrogates", "key", "prototype", "array", "text", "false", "null"),
        *("128 levels", "129 levels", "10,000 levels"),
    ],
)
def test_data_become_json_that_bigquery_can_store_or_none(data: str, column: str | None) -> None:
    body = f'{{"event":{{"eventId":"e","data":{data}}}}}'
    found = row(body)
    assert found.get("data") == column
    assert found["event_id"] == "e"
    assert found["body"] == body


@pytest.mark.parametrize(
    "body",
    [
        *("", " ", "null", "true", "7", '"text"', "[]", "[{}]", "{", "nope", "\ufeff{}", "{'event':{}}", "NaN"),
        *('{"event":null}', '{"event":[]}', '{"event":"x"}', '{"event":{}}', '{"__proto__":{"event":{"eventId":"e"}}}'),
        *(
            '{"event":{"__proto__":{"eventId":"e"}}}',
            '{"labels":[]}',
            '{"labels":{}}',
            '{"labels":null}',
            '{"labels":"x"}',
        ),
        *("\x00", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), '{"event":{"eventId":""}}'),
        *("[" * DEEP + "]" * DEEP, "[" * DEEP, '{"event":' * DEEP + "1" + "}" * DEEP),
        *(r'{"event":{"eventId":"\ud800","eventType":"a\udc00b"}}', '{"event":{"eventId":1,"eventType":true}}'),
    ],
    ids=lambda body: ascii(body[:40]),
)
def test_what_is_no_event_becomes_a_row_with_only_the_exact_body(body: str) -> None:
    assert row(body) == {"body": body}


def test_each_member_that_is_missing_or_of_another_kind_is_read_as_the_function_reads_it() -> None:
    wrong = [
        None,
        "",
        5,
        True,
        [],
        {},
        ["x"],
        {"__proto__": 1},
        "\ud800",
        "projects",
        "projects/",
        "projects/p/devices/",
    ]
    wrong += ["projects/p", "projects/p/devices/d/more", "projects/p/sensors/d", "//devices/d", "projects//devices/d"]
    places: list[tuple[str, ...]] = [(parent,) for parent in ("event", "metadata", "labels")]
    places += [("event", name) for name in ("eventId", "eventType", "targetName")]
    places += [("metadata", name) for name in ("deviceId", "projectId")]
    for (*parents, name), value in product(places, wrong):
        sent = json.loads(BODIES[0])
        parent = sent[parents[0]] if parents else sent
        parent[name] = value
        text = json.dumps(sent)
        assert without(row(text), "event_time", "data", "labels", "body") == lifted(text), (parents, name, value)
        del parent[name]
        text = json.dumps(sent)
        assert without(row(text), "event_time", "data", "labels", "body") == lifted(text), (parents, name)


def test_a_message_without_data_becomes_an_empty_row() -> None:
    assert row(None) == {"body": ""}


def test_a_very_long_body_is_kept_within_the_half_second_that_pubsub_allows() -> None:
    longest_read = '{"event":{"eventId":"e","data":[' + "[]," * 150_000 + "1]}}"
    too_long = json.dumps({"event": {"eventId": "e", "data": "x" * 2_000_000}})
    row("{}")
    began = time.perf_counter()
    assert row(longest_read)["event_id"] == "e"
    assert row(too_long) == {"body": too_long}
    in_time(time.perf_counter() - began, 1.0, "for two bodies")


def test_the_code_is_within_googles_limit_and_has_the_function_that_the_subscription_names() -> None:
    (transform,) = transforms()
    udf = transform["javascriptUdf"]
    assert len(udf["code"].encode()) <= LARGEST_CODE_BYTES
    assert udf == {"functionName": FUNCTION, "code": CODE}
    assert f"function {FUNCTION}(message)" in CODE
