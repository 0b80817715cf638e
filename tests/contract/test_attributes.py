"""docs/schema/attributes.json: the function sends these attributes and no others, and consumers accept others too."""

import re
from itertools import product
from typing import Any, get_args

import pytest
from msgspec import structs

from deploy import function_client
from function.event import NOTHING, parse_body, read_envelope
from function.message import Message, bare_message, event_message, rejected_message
from function.outcomes import BY_ERROR
from function.schema import EVENT_TYPES
from function.signature import ORIGINS, Origin
from tests.contract.validating import DOCS, closed_validator, schema, validator
from tests.emulators.events import encode
from tests.function.builders import body, event, settings, verified

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SETTINGS = [{}, {"CLOUDEVENTS": "true"}, {"CLOUDEVENTS": "true", "LABEL_ATTRIBUTES": "name,room"}]
ORIGINS_OF_EVENTS: list[Origin | None] = [None, *ORIGINS]
BODIES = [
    *(event(event_type) for event_type in EVENT_TYPES),
    event("co2", eventType="radiation", data=None),
    event("co2", data={}),
    event("co2", targetName="projects/p"),
    event("co2", targetName="projects/a b/devices/ø", timestamp="yesterday"),
    event("co2", eventId="x" * 2000, eventType="a\x00b"),
    {"event": {"eventId": "e", "eventType": "t", "targetName": "projects/p/devices/d"}},
]


def made(sent: dict[str, Any], origin: Origin | None = None, **changes: str) -> Message:
    data = encode(sent)
    proven = structs.replace(verified(data), origin=origin)
    return event_message(proven, read_envelope(parse_body(data)), TRACEPARENT, settings(**changes))


def rejected(data: bytes, reason: str, **changes: str) -> Message:
    envelope = read_envelope(parse_body(data)) if reason != "malformed" else NOTHING
    return rejected_message(
        verified(data), envelope, TRACEPARENT, settings(**changes), reason=reason, received_at="2026-11-02T08:13:15Z"
    )


def test_a_message_of_the_main_topic_has_only_attributes_of_the_contract() -> None:
    seen: set[str] = set()
    for sent, changes, origin in product(BODIES, SETTINGS, ORIGINS_OF_EVENTS):
        attributes = dict(made(sent, origin, **changes).attributes)
        closed_validator("attributes").validate(attributes)
        seen |= attributes.keys()
    in_rejected = {"productNumber"}  # the samples are of emulated devices, which have none
    assert {*schema("attributes")["properties"]} - seen == in_rejected
    assert "label.name" in seen


REASONS = {row.reason for row in BY_ERROR.values() if row.status == 200}


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_a_message_of_the_rejected_topic_has_only_attributes_of_the_contract(reason: str) -> None:
    for changes in SETTINGS:
        message = rejected(body(), reason, **changes)
        for one in (message, bare_message(message)):
            closed_validator("rejected-attributes").validate(dict(one.attributes))
            assert one.attributes["contract"] == "1"


def known(name: str, member: str) -> set[str]:
    """Return the known values of an attribute."""
    return set(schema(name)["properties"][member]["anyOf"][0]["enum"])


def test_the_known_reasons_and_origins_are_those_of_the_function_and_of_its_operator() -> None:
    (row,) = re.findall(r"^\| `reason` \| (.*?): see", (DOCS / "messages.md").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall("`([^`]+)`", row)) == known("rejected-attributes", "reason") == REASONS
    assert known("attributes", "origin") == {*ORIGINS} == {*get_args(function_client.Origin)}


def test_the_schema_accepts_attributes_of_others_and_those_that_come_later() -> None:
    later = {"CloudPubSubDeadLetterSourceSubscription": "s", "googclient_schemaname": "x", "battery": "low"}
    assert validator("attributes").is_valid({**made(event()).attributes, **later, "origin": "import"})
    assert validator("rejected-attributes").is_valid({**rejected(body(), "expired").attributes, "reason": "later"})
    assert not closed_validator("attributes").is_valid({**made(event()).attributes, **later})


@pytest.mark.parametrize("missing", ["contract", "eventId", "eventType", "projectId"])
def test_a_message_without_an_attribute_that_is_always_there_is_invalid(missing: str) -> None:
    attributes = dict(made(event()).attributes)
    del attributes[missing]
    assert not validator("attributes").is_valid(attributes)


def test_ce_dataschema_names_a_schema_that_the_data_fit() -> None:
    names = []
    for sent in [*BODIES[: len(EVENT_TYPES)], event("co2", eventType="radiation", data=None), event("co2", data={})]:
        name = made(sent, CLOUDEVENTS="true").attributes["ce-dataschema"].rpartition(":")[2]
        validator(name).validate(sent)
        assert schema(name)["$id"] == made(sent, CLOUDEVENTS="true").attributes["ce-dataschema"]
        names.append(name)
    assert names == [*EVENT_TYPES, "envelope", "envelope"]
