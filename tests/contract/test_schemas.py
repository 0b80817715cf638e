"""docs/schema: fresh, described, open for what DT adds, and of the same opinion as the function."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.event import read_envelope, require_envelope
from function.schema import EVENT_TYPES, find_violation
from tests.contract.__main__ import write
from tests.contract.files import generated
from tests.contract.schemas import schema_id
from tests.contract.validating import DOCS, schema, validator
from tests.emulators.events import SAMPLES
from tests.function.builders import event, thorough
from tests.function.test_event_types import RIGHT, WRONG, data_of

NAMES = [*EVENT_TYPES, "envelope", "attributes", "rejected-attributes"]
BODIES = [json.loads(line) for line in Path(__file__).with_name("bodies.jsonl").read_text("utf-8").splitlines()]
"""One body of each type as DT documents it."""

COUNTS = {"total"}
"""Numbers without a unit."""


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Return every object inside a schema, the schema included."""
    if isinstance(schema, dict):
        yield schema
        for name, inner in schema.items():
            if name not in {"examples", "default"}:
                yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


def members(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in objects(schema(name)):
        if isinstance(part.get("properties"), dict):
            yield from part["properties"].items()


def body_of(event_type: str, data: Any) -> dict[str, Any]:
    return event(event_type, data=data)


def fits(event_type: str, data: Any) -> bool:
    return validator(event_type).is_valid(body_of(event_type, data))


def test_the_files_are_those_that_make_schema_writes() -> None:
    found = [*(DOCS / "schema").rglob("*.json"), DOCS / "asyncapi.json"]
    files = {path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in found}
    assert files == generated()


def test_make_schema_removes_a_file_that_no_longer_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "radiation.json").write_text("{}", "utf-8")
    (tmp_path / "schema" / "README.md").write_text("kept", "utf-8")
    count = write(tmp_path)
    assert not (tmp_path / "schema" / "radiation.json").exists()
    assert (tmp_path / "schema" / "README.md").exists()
    assert count == len([*tmp_path.rglob("*.json")])


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_one_by_its_dialect_and_has_its_name_and_version(name: str) -> None:
    assert jsonschema_rs.meta.is_valid(schema(name))
    assert schema(name)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema(name)["$id"] == schema_id(name) == f"urn:dt-pubsub:contract:1:{name}"


@pytest.mark.parametrize("name", NAMES)
def test_every_member_has_its_meaning_and_every_number_its_unit(name: str) -> None:
    parts = schema(name).get("$defs", {})
    for member, described in members(name):
        part = parts[described["$ref"].rpartition("/")[2]] if "$ref" in described else described
        assert part["description"].endswith((".", "%")), member
        kinds = {one.get("type") for one in [part, *part.get("anyOf", [])]}
        if kinds & {"number", "integer"} and member not in COUNTS:
            assert part["description"].endswith(f" In {part['x-unit']}."), member


@pytest.mark.parametrize("name", NAMES)
def test_no_object_of_a_schema_is_closed_and_no_list_of_known_values_is_complete(name: str) -> None:
    for part in objects(schema(name)):
        assert part.get("additionalProperties") is not False
        assert not {"unevaluatedProperties", "maxProperties", "maxItems", "propertyNames", "enum"} & part.keys() or (
            part.keys() == {"enum"}
        )
        if {"enum"} in [one.keys() for one in part.get("anyOf", [])]:
            assert {"type": "string"} in part["anyOf"]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body["event"]["eventType"])
def test_a_body_as_dt_documents_it_is_valid(body: dict[str, Any]) -> None:
    assert validator(body["event"]["eventType"]).is_valid(body)
    assert validator("envelope").is_valid(body)


def test_there_is_a_documented_body_of_each_type() -> None:
    assert {body["event"]["eventType"] for body in BODIES} == set(EVENT_TYPES)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_sample_of_each_type_is_valid_and_that_of_another_type_is_not(event_type: str) -> None:
    for other in EVENT_TYPES:
        assert validator(event_type).is_valid(event(other)) is (other == event_type)


def with_future_members(value: Any) -> Any:
    """Return a value with a new member in every object."""
    if isinstance(value, dict):
        kept = {name: with_future_members(inner) for name, inner in value.items()}
        return kept if all(isinstance(inner, str) for inner in value.values()) else {**kept, "future": [None]}
    return [with_future_members(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_members_that_dt_adds_leave_an_event_valid(event_type: str) -> None:
    body = with_future_members(event(event_type))
    assert body["event"]["future"] == [None]
    assert validator(event_type).is_valid(body)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_without_what_identifies_it_is_invalid(event_type: str) -> None:
    for member in ("eventId", "targetName", "eventType", "data"):
        body = event(event_type)
        del body["event"][member]
        assert not validator(event_type).is_valid(body)
        assert validator("envelope").is_valid(body) is (member == "data")
    assert not validator("envelope").is_valid({})


def test_an_event_of_a_type_that_dt_will_add_fits_the_envelope() -> None:
    assert validator("envelope").is_valid(event("co2", eventType="radiation", data={"radiation": {"sievert": 1}}))


KNOWN = {
    "connection": "ETHERNET",
    "transmissionMode": "LOW_POWER_STANDARD_MODE",
    "available": "SDS",
    **{f"{name}.state": data["state"] for name, (_, data) in SAMPLES.items() if "state" in data},
}
"""Member with known values -> one of them."""


def with_known_values(event_type: str, data: Any) -> Any:
    """Return event data in which every new value, such as another state, is a known one."""
    inner = data.get(event_type) if isinstance(data, dict) else None
    if not isinstance(inner, dict):
        return data
    replaced = {
        member: known_value(KNOWN[key], value)
        for member, value in inner.items()
        if (key := f"{event_type}.state" if member == "state" else member) in KNOWN
    }
    return {**data, event_type: {**inner, **replaced}}


def known_value(known: str, value: Any) -> Any:
    if isinstance(value, list) and known == KNOWN["available"]:
        return [known if isinstance(one, str) else one for one in value]
    return known if isinstance(value, str) and known != KNOWN["available"] else value


@pytest.mark.parametrize(
    ("event_type", "changes"),
    [(event_type, changes) for event_type, changes, _ in WRONG if changes != {"pascal": 10**400}],
)
def test_what_the_function_finds_wrong_is_invalid_if_it_is_more_than_a_new_value(
    event_type: str, changes: dict[str, Any]
) -> None:
    data = data_of(event_type, **changes)
    assert find_violation(event_type, data)
    assert fits(event_type, data) is (find_violation(event_type, with_known_values(event_type, data)) is None)


@pytest.mark.parametrize(("event_type", "changes"), RIGHT)
def test_what_the_function_finds_right_is_valid(event_type: str, changes: dict[str, Any]) -> None:
    assert fits(event_type, data_of(event_type, **changes))


DIFFERENCES: list[tuple[str, str, dict[str, Any], bool, bool]] = [
    ("a new state, connection or mode", "contact", {"state": "AJAR"}, False, True),
    ("a new state, connection or mode", "networkStatus", {"transmissionMode": "SILENT"}, False, True),
    ("a new state, connection or mode", "connectionStatus", {"available": ["SATELLITE"]}, False, True),
    (
        "a time with a blank for the `T`, or an offset without a colon",
        "touch",
        {"updateTime": "2026-11-02 08:13:15Z"},
        True,
        False,
    ),
    (
        "a time with a blank for the `T`, or an offset without a colon",
        "touch",
        {"updateTime": "2026-11-02T08:13:15+0200"},
        True,
        False,
    ),
    ("a leap second, or a year before 1", "touch", {"updateTime": "2026-06-30T23:59:60Z"}, False, True),
    ("a leap second, or a year before 1", "touch", {"updateTime": "0000-11-02T08:13:15Z"}, False, True),
    ("a number that no 64-bit float can hold", "pressure", {"pascal": 10**400}, False, True),
]
"""What differs in words, an event type, changed data, whether the function finds them right, and the schema."""


@pytest.mark.parametrize(("words", "event_type", "changes", "function", "consumer"), DIFFERENCES)
def test_the_page_lists_where_function_and_schema_differ(
    words: str, event_type: str, changes: dict[str, Any], *, function: bool, consumer: bool
) -> None:
    data = data_of(event_type, **changes)
    assert (find_violation(event_type, data) is None) is function
    assert fits(event_type, data) is consumer
    says = {True: "right", False: "wrong"}
    assert f"| {words} | {says[function]} | {says[consumer]} |" in (DOCS / "messages.md").read_text("utf-8")


@pytest.mark.parametrize(
    "changes", [{"labels": 5}, {"labels": {"room": 5}}, {"metadata": []}, {"event": {"timestamp": "yesterday"}}]
)
def test_the_page_says_that_the_function_publishes_odd_outer_parts_which_no_schema_accepts(
    changes: dict[str, Any],
) -> None:
    body = event("co2")
    body = {**body, **changes, "event": {**body["event"], **changes.get("event", {})}}
    envelope = read_envelope(body)
    require_envelope(envelope)
    assert envelope.schema_violation is None
    assert not validator("envelope").is_valid(body)
    assert "has `labels`, `metadata` or `timestamp` of another kind; no schema accepts" in (
        DOCS / "messages.md"
    ).read_text("utf-8")


TIMES = [
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05.123456789+02:00",
    "2026-13-02T03:04:05Z",
    "2026-01-02T03:04:05",
    "now",
]
TEXTS = ["PRESENT", "OPEN", "OCCUPIED", "MOTION_DETECTED", "SDS", "OFFLINE", "THREE_WIRE", "NEW", ""]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-273.15, -273.16, 0, 100, 100.5, 45.0]),
    st.sampled_from(TIMES),
    st.sampled_from(TEXTS),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TEXTS), inner, max_size=2),
    max_leaves=4,
)


def changed(draw: st.DrawFn, value: Any) -> Any:
    """Return the value with one member at any depth replaced or removed."""
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 4)) == 0:
        return draw(values)
    place = draw(st.sampled_from([*value] if isinstance(value, dict) else range(len(value))))
    copy: Any = value.copy()
    if draw(st.integers(0, 3)) == 0:
        del copy[place]
    else:
        copy[place] = changed(draw, copy[place])
    return copy


@st.composite
def events(draw: st.DrawFn) -> tuple[str, Any]:
    event_type = draw(st.sampled_from([*EVENT_TYPES]))
    return event_type, changed(draw, data_of(event_type))


@pytest.mark.parametrize("time", ["yesterday", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05+0200", ""])
def test_what_has_not_the_form_of_a_time_is_invalid_also_if_formats_are_not_checked(time: str) -> None:
    reader = jsonschema_rs.Draft202012Validator(schema("touch"), validate_formats=False)
    assert reader.is_valid(event("touch"))
    assert not reader.is_valid(body_of("touch", data_of("touch", updateTime=time)))
    assert not reader.is_valid(event("touch", timestamp=time))


@given(events())
@thorough
def test_function_and_schema_agree_on_every_event_except_for_new_values(generated_event: tuple[str, Any]) -> None:
    event_type, data = generated_event
    is_right = find_violation(event_type, with_known_values(event_type, data)) is None
    assert fits(event_type, data) is is_right
