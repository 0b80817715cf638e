"""docs/messages.md: its tables and its JSON Schema have exactly the attributes that the function makes."""

import json
import re
from dataclasses import replace
from typing import Any, get_args

import pytest
from msgspec import structs

from deploy import function_client
from function.event import parse_body, read_envelope
from function.message import CONTRACT, event_message, rejected_message
from function.outcomes import BY_ERROR
from function.signature import ORIGINS, Origin, Verified
from tests.blackbox.serving import ROOT
from tests.emulators.events import SAMPLES
from tests.function.builders import body, settings

PAGE = (ROOT / "docs" / "messages.md").read_text("utf-8")
(SCHEMA,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
ASKED = replace(settings(CLOUDEVENTS="true"), label_attributes=("name",))
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def attributes(event_type: str, origin: Origin | None) -> dict[str, str]:
    """Return all attributes that an event can have."""
    content = body(event_type)
    envelope = structs.replace(read_envelope(parse_body(content)), product_number="100110", data=None)
    return dict(
        event_message(Verified(content, 0, expired=False, origin=origin), envelope, TRACEPARENT, ASKED).attributes
    )


def keys(heading: str) -> set[str]:
    """Return the keys in the tables of a section."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return {key for row in section.splitlines() for key in re.findall(r"^\| `([^`]+)` \|", row)}


def test_the_tables_have_exactly_the_attributes_of_a_message() -> None:
    every = {"label.<key>" if key.startswith("label.") else key for key in attributes("temperature", "replay")}
    assert keys("Attributes") == every


def test_the_table_of_the_rejected_topic_has_exactly_the_attributes_that_only_it_has() -> None:
    kept = Verified(b"", 0, expired=True)
    envelope = read_envelope(parse_body(b"{}"))
    made = rejected_message(kept, envelope, None, settings(), reason="expired", received_at="")
    assert keys("The rejected topic") == made.attributes.keys() - keys("Attributes")


def test_the_documented_reasons_are_those_of_the_rejected_topic() -> None:
    (row,) = re.findall(r"^\| `reason` \| (.*?): see", PAGE, re.MULTILINE)
    assert set(re.findall("`([^`]+)`", row)) == {row.reason for row in BY_ERROR.values() if row.status == 200}


@pytest.mark.parametrize("origin", [None, *ORIGINS])
def test_the_schema_accepts_the_attributes_of_an_event_and_knows_each(origin: Origin | None) -> None:
    for event_type in SAMPLES:
        made = attributes(event_type, origin)
        assert set(SCHEMA["required"]) <= made.keys()
        assert {key for key in made if not key.startswith("label.")} <= SCHEMA["properties"].keys()
        assert all(fits(value, SCHEMA["properties"].get(key, {})) for key, value in made.items())


def fits(value: str, rule: dict[str, Any]) -> bool:
    """Return whether a text follows the rule of its key."""
    allowed = rule.get("enum", [rule.get("const", value)])
    return (
        value in allowed and len(value) >= rule.get("minLength", 0) and bool(re.search(rule.get("pattern", ""), value))
    )


def test_the_schema_has_no_attribute_that_no_message_has() -> None:
    assert SCHEMA["properties"].keys() == {key for key in attributes("temperature", "replay") if "label." not in key}
    assert SCHEMA["properties"]["origin"]["enum"] == [*ORIGINS]
    assert SCHEMA["properties"]["contract"]["const"] == CONTRACT


def test_the_command_signs_exactly_the_origins_that_the_function_reads() -> None:
    assert get_args(function_client.Origin) == ORIGINS
