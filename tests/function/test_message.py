"""message: the unchanged bytes, and attributes that never exceed Pub/Sub's limits."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from function.event import NOTHING, Envelope, parse_body, read_envelope
from function.message import (
    CONTRACT,
    MAX_ATTRIBUTES,
    MAX_KEY_BYTES,
    MAX_ORDERING_KEY_BYTES,
    MAX_VALUE_BYTES,
    Message,
    bare_message,
    event_message,
    rejected_message,
)
from function.signature import ORIGINS, Origin, Verified
from tests.emulators.events import PROJECT_ID
from tests.function.builders import body, event, settings, sha256, thorough, verified

BODY = body()
ENVELOPE = read_envelope(parse_body(BODY))
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

ALWAYS = {"contract": CONTRACT}
IDENTITY = {
    "contract": "1",
    "eventId": event()["event"]["eventId"],
    "eventType": "temperature",
    "deviceId": "emu0007dr2b5vjs7396g",
    "projectId": PROJECT_ID,
    "timestamp": event()["event"]["timestamp"],
    "deviceType": "temperature",
}


def made(envelope: Envelope = ENVELOPE, traceparent: str | None = None, **changes: str) -> Message:
    return event_message(verified(BODY), envelope, traceparent, settings(**changes))


def rejected(envelope: Envelope = ENVELOPE, traceparent: str | None = None, **changes: str) -> Message:
    at = "2026-01-02T03:04:05Z"
    return rejected_message(
        verified(BODY), envelope, traceparent, settings(**changes), reason="expired", received_at=at
    )


def labelled(**labels: str) -> Envelope:
    return structs.replace(ENVELOPE, labels=labels)


def test_the_message_of_an_event_is_its_bytes_and_its_fields_as_attributes() -> None:
    assert made() == Message(BODY, IDENTITY)


def test_missing_fields_of_an_event_are_not_attributes() -> None:
    assert made(NOTHING) == Message(BODY, ALWAYS)


def test_every_message_says_which_version_of_the_contract_it_follows() -> None:
    assert made().attributes["contract"] == rejected().attributes["contract"] == "1"
    assert next(iter(made().attributes)) == next(iter(rejected(NOTHING).attributes)) == "contract"


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_message_of_an_operator_says_which_command_sent_it(origin: Origin) -> None:
    sent = Verified(BODY, 0, expired=False, origin=origin)
    message = event_message(sent, ENVELOPE, TRACEPARENT, settings(ORDERING_KEY="device"))
    assert message == Message(
        BODY, {**IDENTITY, "origin": origin, "traceparent": TRACEPARENT}, ordering_key=IDENTITY["deviceId"]
    )


def test_no_number_of_labels_displaces_the_contract_or_the_origin() -> None:
    names = [f"n{number}" for number in range(100)]
    sent = Verified(BODY, 0, expired=False, origin="replay")
    asked = settings(LABEL_ATTRIBUTES=",".join(names))
    message = event_message(sent, labelled(**dict.fromkeys(names, "x")), None, asked)
    assert len(message.attributes) == MAX_ATTRIBUTES
    assert message.attributes.items() >= {**IDENTITY, "origin": "replay"}.items()
    assert message.cut == tuple(f"label.{name}" for name in names[92:])


def test_a_product_number_a_trace_and_a_schema_violation_are_attributes_if_they_exist() -> None:
    envelope = structs.replace(ENVELOPE, product_number="102081", data={"temperature": {}})
    assert made(envelope, TRACEPARENT).attributes == {
        **IDENTITY,
        "productNumber": "102081",
        "traceparent": TRACEPARENT,
        "schemaViolation": "$.event.data.temperature",
    }


@pytest.mark.parametrize("content", [b"", b"\x00\xff not JSON", b'{ "a" :1,"a":2}\r\n', bytes(range(256)) * 1000])
def test_the_bytes_are_never_changed(content: bytes) -> None:
    assert event_message(verified(content), ENVELOPE, None, settings()).data == content
    kept = rejected_message(verified(content), NOTHING, None, settings(), reason="malformed", received_at="")
    assert (kept.data, kept.attributes["bodySha256"]) == (content, sha256(content))


def test_a_rejected_message_has_the_reason_the_time_and_the_known_fields() -> None:
    assert rejected(traceparent=TRACEPARENT, ORDERING_KEY="device") == Message(
        BODY,
        {
            "reason": "expired",
            "receivedAt": "2026-01-02T03:04:05Z",
            "bodySha256": sha256(BODY),
            **IDENTITY,
            "traceparent": TRACEPARENT,
        },
    )


def test_a_rejected_message_of_an_unreadable_body_has_the_reason_and_the_time() -> None:
    assert set(rejected(NOTHING).attributes) == {"contract", "reason", "receivedAt", "bodySha256"}


def test_configured_labels_are_attributes_of_both_kinds_of_message() -> None:
    envelope = labelled(room="A1", floor="", other="x")
    for message in (
        made(envelope, LABEL_ATTRIBUTES="room,floor,missing"),
        rejected(envelope, LABEL_ATTRIBUTES="room,floor,missing"),
    ):
        labels = {key: value for key, value in message.attributes.items() if key.startswith("label.")}
        assert labels == {"label.room": "A1", "label.floor": ""}
        assert message.cut == ()


@pytest.mark.parametrize("name", ["timeout", "retry", "topic", "data", "self", "ordering_key", "eventId", "goog", "Ø"])
def test_a_label_of_any_name_cannot_replace_another_attribute(name: str) -> None:
    message = made(labelled(**{name: "x"}), LABEL_ATTRIBUTES=name)
    assert message == Message(BODY, {**IDENTITY, f"label.{name}": "x"})


CLOUD_EVENT = {
    "ce-specversion": "1.0",
    "ce-id": IDENTITY["eventId"],
    "ce-source": f"//api.disruptive-technologies.com/projects/{PROJECT_ID}/devices/emu0007dr2b5vjs7396g",
    "ce-type": "com.disruptive-technologies.temperature",
    "ce-time": IDENTITY["timestamp"],
    "ce-subject": "emu0007dr2b5vjs7396g",
    "content-type": "application/json",
}


DATA_SCHEMA = "urn:dt-pubsub:contract:1:"


def test_cloud_events_attributes_are_those_of_the_pubsub_binding() -> None:
    data_schema = {"ce-dataschema": f"{DATA_SCHEMA}temperature"}
    assert made(CLOUDEVENTS="true").attributes == {**IDENTITY, **CLOUD_EVENT, **data_schema}
    assert rejected(CLOUDEVENTS="true").attributes.items() >= CLOUD_EVENT.items()


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "temperature"),
        ({"event_type": "radiation"}, "envelope"),
        ({"data": {"temperature": {}}}, "envelope"),
        ({"event_type": "labelsChanged", "data": {}}, "labelsChanged"),
    ],
)
def test_the_schema_of_the_data_is_that_of_the_type_only_if_the_data_fit_it(changes: dict[str, Any], name: str) -> None:
    attributes = made(structs.replace(ENVELOPE, **changes), CLOUDEVENTS="true").attributes
    assert attributes["ce-dataschema"] == f"{DATA_SCHEMA}{name}"


def test_a_rejected_message_names_no_schema_of_its_data() -> None:
    assert "ce-dataschema" not in rejected(CLOUDEVENTS="true").attributes


@pytest.mark.parametrize("missing", ["event_id", "event_type", "target_name"])
def test_an_event_without_a_required_attribute_of_cloud_events_gets_none_of_them(missing: str) -> None:
    unknown: dict[str, Any] = {missing: None}
    attributes = made(structs.replace(ENVELOPE, **unknown), CLOUDEVENTS="true").attributes

    assert not {*CLOUD_EVENT, "ce-dataschema"} & attributes.keys()


TIMES = {
    "2026-01-02T03:04:05Z": True,
    "2026-01-02T03:04:05.678901Z": True,
    "2018-03-01T10:11:12.543483560Z": True,
    "2026-01-02t03:04:05z": True,
    "2026-01-02T03:04:05+02:00": True,
    "2026-01-02T03:04:05-00:30": True,
    "2026-01-02T03:04:05": False,
    "2026-01-02 03:04:05Z": False,
    "2026-01-02T03:04Z": False,
    "2026-01-02T03:04:05+0200": False,
    "2026-01-02T03:04:05.Z": False,
    "2026-01-02T03:04:05Z ": False,
    "2026-02-30T03:04:05Z": False,
    "2026-13-01T03:04:05Z": False,
    "2026-01-02T25:04:05Z": False,
    "2026-01-02": False,
    "1760000000": False,
    "yesterday": False,
    "٢٠٢٦-01-02T03:04:05Z": False,
    "2026-01-02T03:04:05Z\n": False,
    f"2026-01-02T03:04:05.{'0' * 2000}Z": False,
}


@pytest.mark.parametrize(("timestamp", "is_valid"), TIMES.items())
def test_ce_time_is_set_only_if_the_timestamp_is_a_time_with_a_zone(timestamp: str, *, is_valid: bool) -> None:
    attributes = made(structs.replace(ENVELOPE, timestamp=timestamp), CLOUDEVENTS="true").attributes

    assert attributes.get("ce-time") == (timestamp if is_valid else None)
    assert attributes.keys() >= CLOUD_EVENT.keys() - {"ce-time"}


def test_a_timestamp_that_cloud_events_does_not_accept_is_still_an_attribute() -> None:
    assert made(structs.replace(ENVELOPE, timestamp="yesterday"), CLOUDEVENTS="true").attributes["timestamp"] == (
        "yesterday"
    )


def test_ce_time_is_absent_if_the_event_has_no_timestamp() -> None:
    assert "ce-time" not in made(structs.replace(ENVELOPE, timestamp=None), CLOUDEVENTS="true").attributes


@pytest.mark.parametrize(
    "target", ["projects/p", "projects/p/devices/d", "projects/a-b_c.d~e/x%20y", "projects/p/@:!$&'()*+,;="]
)
def test_ce_source_is_a_reference_to_the_target(target: str) -> None:
    attributes = made(structs.replace(ENVELOPE, target_name=target), CLOUDEVENTS="true").attributes
    assert attributes["ce-source"] == f"//api.disruptive-technologies.com/{target}"


@pytest.mark.parametrize(
    "target",
    [
        "projects/p q",
        "projects/p\n",
        "projects/ø",
        "projects/<p>",
        "projects/%",
        "projects/%2",
        "projects/%zz",
        "projects/a?b",
        "projects/a#b",
        'projects/"',
        "projects/{p}",
        "projects/a\\b",
        "projects/^",
        "projects/`",
        "projects/[p]",
        "projects/|",
    ],
)
def test_an_event_whose_source_is_not_a_uri_reference_gets_no_cloud_events_attributes(target: str) -> None:
    message = made(structs.replace(ENVELOPE, target_name=target), CLOUDEVENTS="true")
    assert message == Message(BODY, IDENTITY)


def test_a_reference_is_not_cut_inside_an_encoded_character() -> None:
    room = MAX_VALUE_BYTES - len("//api.disruptive-technologies.com/projects/")
    for tail, is_kept in (
        ("x" * room + "%20", True),
        ("x" * (room - 3) + "%20", True),
        ("x" * (room - 2) + "%20", False),
    ):
        attributes = made(structs.replace(ENVELOPE, target_name=f"projects/{tail}"), CLOUDEVENTS="true").attributes
        assert ("ce-source" in attributes) is is_kept


CONTROL = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]


@pytest.mark.parametrize("character", CONTROL, ids=lambda character: f"{ord(character):02x}")
def test_no_control_character_is_in_an_attribute(character: str) -> None:
    odd = f"{character}a{character}b{character}"
    envelope = structs.replace(
        ENVELOPE,
        **dict.fromkeys(("event_id", "event_type", "project_id", "device_id", "timestamp", "device_type"), odd),
        product_number=odd,
        labels={"room": odd},
    )
    for message in (
        made(envelope, LABEL_ATTRIBUTES="room", CLOUDEVENTS="true", ORDERING_KEY="device"),
        rejected(envelope, LABEL_ATTRIBUTES="room", CLOUDEVENTS="true"),
    ):
        assert message.attributes["label.room"] == message.attributes["eventId"] == "\ufffda\ufffdb\ufffd"
        assert message.attributes["ce-subject"] == "\ufffda\ufffdb\ufffd"
        assert message.ordering_key in {"", "\ufffda\ufffdb\ufffd"}
        assert {"eventId", "timestamp", "label.room", "ce-id"} <= set(message.cut)
        assert character not in "".join((*message.attributes, *message.attributes.values(), message.ordering_key))
        assert message.data == BODY


def test_a_label_whose_key_holds_a_control_character_is_dropped() -> None:
    asked = dataclasses.replace(settings(), label_attributes=("ro\x00om",))
    message = event_message(verified(BODY), labelled(**{"ro\x00om": "A1"}), None, asked)
    assert message == Message(BODY, IDENTITY, cut=("label.ro\x00om",))


@pytest.mark.parametrize("text", ["Kjøl\u00a02", "\u200b", "冷蔵庫", "\U0001f321\ufe0f", "a\u2028b"])
def test_other_unprintable_characters_are_left_unchanged(text: str) -> None:
    message = made(labelled(room=text), LABEL_ATTRIBUTES="room")
    assert (message.attributes["label.room"], message.cut) == (text, ())


def test_a_value_is_cut_at_1024_bytes_after_its_control_characters_have_been_replaced() -> None:
    message = made(labelled(room="\n" * 2 + "x" * 1022), LABEL_ATTRIBUTES="room")
    assert message.attributes["label.room"] == "\ufffd" * 2 + "x" * 1018


def test_a_control_character_does_not_turn_one_type_into_another() -> None:
    assert made(structs.replace(ENVELOPE, event_type="tempera\x00ture")).attributes["eventType"] == "tempera\ufffdture"


def test_a_bare_message_has_nothing_of_the_event_except_its_bytes() -> None:
    whole = rejected(labelled(room="x" * 2000), TRACEPARENT, LABEL_ATTRIBUTES="room", CLOUDEVENTS="true")
    bare = bare_message(whole)
    certain = {**ALWAYS, "reason": "expired", "receivedAt": "2026-01-02T03:04:05Z", "bodySha256": sha256(BODY)}
    assert bare == Message(
        BODY,
        certain,
        cut=("label.room", *(name for name in whole.attributes if name not in certain)),
    )


def test_the_ordering_key_is_the_device_if_it_is_configured() -> None:
    assert made().ordering_key == ""
    assert made(ORDERING_KEY="device").ordering_key == "emu0007dr2b5vjs7396g"
    assert made(structs.replace(ENVELOPE, device_id=None), ORDERING_KEY="device").ordering_key == ""


def test_an_ordering_key_has_at_most_1024_bytes() -> None:
    for character, length in (("x", 1024), ("ø", 512), ("\u20ac", 341), ("\U0001f321", 256)):
        key = made(structs.replace(ENVELOPE, device_id=character * 1025), ORDERING_KEY="device").ordering_key
        assert key == character * length
        assert len(key.encode()) <= MAX_ORDERING_KEY_BYTES


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x" * 1024, "x" * 1024),
        ("x" * 1025, "x" * 1024),
        ("ø" * 512, "ø" * 512),
        ("ø" * 513, "ø" * 512),
        ("x" + "ø" * 512, "x" + "ø" * 511),
        ("\u20ac" * 342, "\u20ac" * 341),
        ("\U0001f321" * 256, "\U0001f321" * 256),
        ("x" + "\U0001f321" * 256, "x" + "\U0001f321" * 255),
    ],
)
def test_a_value_is_cut_at_1024_bytes_between_two_characters(value: str, kept: str) -> None:
    message = made(labelled(room=value), LABEL_ATTRIBUTES="room")
    assert message.attributes["label.room"] == kept
    assert message.cut == (() if value == kept else ("label.room",))


def test_every_attribute_of_an_event_is_cut_at_the_limit() -> None:
    long = "x" * 2000
    message = made(
        structs.replace(
            ENVELOPE,
            event_id=long,
            event_type=long,
            project_id=long,
            timestamp=long,
            device_type=long,
            target_name=long,
        ),
        CLOUDEVENTS="true",
    )
    assert max(len(value) for value in message.attributes.values()) == MAX_VALUE_BYTES
    assert message.cut == (
        *("eventId", "eventType", "projectId", "timestamp", "deviceType"),
        *("ce-id", "ce-source", "ce-type"),
    )


@pytest.mark.parametrize(
    ("name", "fits"),
    [("x" * 250, True), ("x" * 251, False), ("ø" * 125, True), ("ø" * 126, False), ("bad\udcff", False)],
)
def test_a_label_whose_key_is_over_256_bytes_or_not_unicode_is_dropped(name: str, *, fits: bool) -> None:
    message = made(labelled(**{name: "x"}), LABEL_ATTRIBUTES=name)
    assert (f"label.{name}" in message.attributes) is fits
    assert message.cut == (() if fits else (f"label.{name}",))


def test_a_label_that_is_not_unicode_is_dropped_and_not_changed() -> None:
    message = made(labelled(room="a\ud800b"), LABEL_ATTRIBUTES="room")
    assert message == Message(BODY, IDENTITY, cut=("label.room",))


@pytest.mark.parametrize(("count", "dropped"), [(93, 0), (94, 1), (300, 207)])
def test_the_last_labels_are_dropped_if_there_are_more_than_100_attributes(count: int, dropped: int) -> None:
    names = [f"n{number}" for number in range(count)]
    message = made(labelled(**dict.fromkeys(names, "x")), LABEL_ATTRIBUTES=",".join(names))
    assert len(message.attributes) == MAX_ATTRIBUTES
    assert message.attributes.items() >= IDENTITY.items()
    assert message.cut == tuple(f"label.{name}" for name in names[count - dropped :])


text = st.text(st.characters(codec=None, exclude_categories=()), min_size=1, max_size=2000)


@given(labels=st.dictionaries(st.text(min_size=1, max_size=400), text, max_size=5), event_id=text, device_id=st.text())
@thorough
def test_the_message_of_any_event_is_inside_the_limits(labels: dict[str, str], event_id: str, device_id: str) -> None:
    envelope = structs.replace(ENVELOPE, labels=labels, event_id=event_id, device_id=device_id)
    asked = dataclasses.replace(settings(CLOUDEVENTS="true", ORDERING_KEY="device"), label_attributes=tuple(labels))
    message = event_message(verified(BODY), envelope, None, asked)
    assert len(message.attributes) <= MAX_ATTRIBUTES
    assert len(message.ordering_key.encode()) <= MAX_ORDERING_KEY_BYTES
    for key, value in message.attributes.items():
        assert 0 < len(key.encode()) <= MAX_KEY_BYTES
        assert len(value.encode()) <= MAX_VALUE_BYTES
        assert not key.startswith("goog")
