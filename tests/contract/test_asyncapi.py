"""docs/asyncapi.json: valid by AsyncAPI's own schema, with a message of each type, and examples that are valid too.

``asyncapi-3.1.0.json`` is AsyncAPI's schema of its documents, unchanged: ``schemas/3.1.0.json`` of the npm package
``@asyncapi/specs`` 6.11.1, Apache License 2.0. Examples have to be checked here, because that schema takes any.
"""

import copy
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from function.schema import EVENT_TYPES
from tests.contract.validating import DOCS, schema, validator

SPECIFICATION = Path(__file__).with_name("asyncapi-3.1.0.json")
SHA256 = "51d3274899ad2875f25c18fd1aef4d5512f0a97be785d519740bde55a4162f61"
DOCUMENT = json.loads((DOCS / "asyncapi.json").read_text("utf-8"))
MESSAGES = DOCUMENT["components"]["messages"]


@cache
def specification() -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(json.loads(SPECIFICATION.read_text("utf-8")))


def referred(reference: dict[str, Any]) -> str:
    """Return the name of the schema in docs/schema/ that a message refers to."""
    path: str = reference["schema"]["$ref"]
    assert (DOCS / path).exists()
    return path.removeprefix("schema/").removesuffix(".json")


def test_the_document_is_valid_by_the_specifications_own_schema() -> None:
    assert hashlib.sha256(SPECIFICATION.read_bytes()).hexdigest() == SHA256
    specification().validate(DOCUMENT)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("asyncapi", "2.6.0"),
        ("info", {"title": "no version"}),
        ("operations.events.action", "publish"),
        ("channels.events.messages.touch", "a text"),
        ("components.messages.touch.headers", "a text"),
    ],
)
def test_the_specifications_schema_finds_a_broken_document(path: str, value: object) -> None:
    broken = copy.deepcopy(DOCUMENT)
    *way, last = path.split(".")
    parent = broken
    for step in way:
        parent = parent[step]
    parent[last] = value
    assert not specification().is_valid(broken)


def test_every_reference_inside_the_document_leads_somewhere() -> None:
    references = [
        *(message["$ref"] for channel in DOCUMENT["channels"].values() for message in channel["messages"].values()),
        *(operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()),
    ]
    for reference in references:
        found = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_the_main_topic_has_a_message_of_each_type_and_one_for_those_that_dt_adds() -> None:
    assert [*DOCUMENT["channels"]["events"]["messages"]] == [*EVENT_TYPES, "unknownType"]
    assert [*DOCUMENT["channels"]["rejected"]["messages"]] == ["rejected"]
    payloads = {name: referred(message["payload"]) for name, message in MESSAGES.items() if "payload" in message}
    assert payloads == {**{event_type: event_type for event_type in EVENT_TYPES}, "unknownType": "envelope"}
    headers = {name: referred(message["headers"]) for name, message in MESSAGES.items()}
    assert headers == {**dict.fromkeys(payloads, "attributes"), "rejected": "rejected-attributes"}


@pytest.mark.parametrize("name", [*EVENT_TYPES, "rejected"])
def test_the_examples_of_a_message_are_valid(name: str) -> None:
    message = MESSAGES[name]
    assert message["examples"]
    for example in message["examples"]:
        validator(referred(message["headers"])).validate(example["headers"])
        if "payload" in message:
            validator(referred(message["payload"])).validate(example["payload"])


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_a_reader_that_takes_a_schema_for_draft_07_comes_to_the_same_result(name: str) -> None:
    older = {**schema(name), "$schema": "http://json-schema.org/draft-07/schema#"}
    reader = jsonschema_rs.Draft7Validator(older, validate_formats=True)
    for example in schema(name)["examples"]:
        reader.validate(example)
        assert not reader.is_valid({**example, "event": {**example["event"], "data": 5}})


def test_no_topic_schema_is_bound_because_it_would_refuse_what_dt_adds() -> None:
    assert "schemaSettings" not in json.dumps(DOCUMENT)
