"""docs/schema/examples: two or more valid events of each type, together with every member that is documented."""

import json
from typing import Any

import pytest

from function.event import parse_body, read_envelope, require_envelope
from function.schema import EVENT_TYPES
from tests.contract.schemas import UNNESTED
from tests.contract.validating import DOCS, schema, validator

FILES = {path.name.removesuffix(".json"): path for path in sorted((DOCS / "schema" / "examples").glob("*.json"))}


def read(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(FILES[name].read_text("utf-8"))
    return body


def test_each_type_has_a_minimal_and_a_full_example_and_what_can_be_backfilled_has_one_of_that() -> None:
    backfilled = {name for name, structure in EVENT_TYPES.items() if "is_backfilled" in structure.__struct_fields__}
    expected = {f"{event_type}.{kind}" for event_type in EVENT_TYPES for kind in ("minimal", "full")}
    assert set(FILES) == expected | {f"{event_type}.backfilled" for event_type in backfilled}
    assert len(backfilled) == 2


@pytest.mark.parametrize("name", FILES)
def test_an_example_fits_its_schema_and_the_function(name: str) -> None:
    event_type = name.partition(".")[0]
    body = read(name)
    validator(event_type).validate(body)
    validator("envelope").validate(body)
    envelope = read_envelope(parse_body(FILES[name].read_bytes()))
    require_envelope(envelope)
    assert (envelope.event_type, envelope.schema_violation) == (event_type, None)
    assert body in schema(event_type)["examples"]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_full_example_has_every_member_and_a_minimal_one_only_those_of_the_oldest_events(event_type: str) -> None:
    part = EVENT_TYPES[event_type].__name__
    described = schema(event_type)["$defs"][part]
    full, minimal = (read(f"{event_type}.{kind}")["event"]["data"] for kind in ("full", "minimal"))
    if event_type != UNNESTED:
        assert minimal[event_type].keys() == set(described["required"])
        full = full[event_type]
    assert full.keys() == described["properties"].keys()
    assert read(f"{event_type}.full").keys() == {"event", "labels", "metadata"}


def test_every_event_of_an_example_has_an_id_of_its_own() -> None:
    ids = [read(name)["event"]["eventId"] for name in FILES]
    assert len(set(ids)) == len(ids)
    assert {len(event_id) for event_id in ids} == {20}


@pytest.mark.parametrize("event_type", ["temperature", "humidity"])
def test_a_backfilled_example_is_marked_and_older_than_the_live_one(event_type: str) -> None:
    stored, live = (read(f"{event_type}.{kind}")["event"] for kind in ("backfilled", "full"))
    assert stored["data"][event_type]["isBackfilled"] is True
    assert stored["timestamp"] < live["timestamp"]
