"""event: the fields that are read of old and new events, and the bodies that are malformed or have no envelope."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from function.errors import Malformed, NoEnvelope
from function.event import MAX_DEPTH, NOTHING, Envelope, parse_body, read_envelope, require_envelope
from tests.emulators.events import PROJECT_ID, SAMPLES
from tests.function.builders import ABSENT, EXAMPLES, body, event, thorough

DEVICE_ID = "emu0007dr2b5vjs7396g"


def read(content: bytes) -> Envelope:
    envelope = read_envelope(parse_body(content))
    require_envelope(envelope)
    return envelope


@pytest.mark.parametrize("event_type", SAMPLES)
def test_all_fields_of_an_event_are_read(event_type: str) -> None:
    whole = event(event_type)
    assert read(body(event_type)) == Envelope(
        event_id=whole["event"]["eventId"],
        event_type=event_type,
        project_id=PROJECT_ID,
        device_id=DEVICE_ID,
        timestamp=whole["event"]["timestamp"],
        device_type=SAMPLES[event_type][0],
        product_number=None,
        target_name=f"projects/{PROJECT_ID}/devices/{DEVICE_ID}",
        labels={"name": f"Demo {event_type}"},
        data=whole["event"]["data"],
    )


@pytest.mark.parametrize("event_type", SAMPLES)
def test_the_sample_events_fit_their_types(event_type: str) -> None:
    assert read(body(event_type)).schema_violation is None


def test_the_schema_violation_is_the_path_of_the_wrong_data() -> None:
    assert read(body("touch", data={"touch": {}})).schema_violation == "$.event.data.touch"


def test_a_product_number_is_read_when_there_is_one() -> None:
    whole = {**event(), "metadata": {"productNumber": "102081"}}
    assert read(json.dumps(whole).encode()).product_number == "102081"


@pytest.mark.parametrize("metadata", [None, [], "x", 7, {}, {"deviceType": None, "productNumber": 5}])
@pytest.mark.parametrize("labels", [None, [], "x", {}])
def test_an_event_is_read_whatever_its_metadata_and_labels_are(metadata: object, labels: object) -> None:
    envelope = read(json.dumps({**event(), "metadata": metadata, "labels": labels}).encode())
    assert (envelope.device_id, envelope.project_id) == (DEVICE_ID, PROJECT_ID)
    assert (envelope.device_type, envelope.product_number, envelope.labels) == (None, None, {})


def test_an_old_event_without_the_newer_members_is_read() -> None:
    old = {"event": {name: event()["event"][name] for name in ("eventId", "eventType", "targetName")}}
    envelope = read(json.dumps(old).encode())
    assert envelope.event_type == "temperature"
    assert (envelope.timestamp, envelope.data) == (None, None)


def test_labels_that_are_not_text_are_left_out() -> None:
    whole = {**event(), "labels": {"room": "A1", "floor": 2, "none": None, "list": [], "empty": ""}}
    assert read(json.dumps(whole).encode()).labels == {"room": "A1", "empty": ""}


def test_unknown_types_and_members_are_accepted() -> None:
    whole = {**event(eventType="radiation", data={"radiation": {"sievert": 1}}, trace={"a": [1]}), "version": 2}
    envelope = read(json.dumps(whole).encode())
    assert (envelope.event_type, envelope.schema_violation) == ("radiation", None)


MALFORMED = {
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"event"',
    "cut": body()[:-1],
    "two events": body() + body(),
    "not UTF-8": body() + b"\xff",
    "Latin-1": '{"event": "ø"}'.encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbf" + body(),
    "UTF-16": body().decode().encode("utf-16"),
    "UTF-16 without a mark": body().decode().encode("utf-16-be"),
    "UTF-32": body().decode().encode("utf-32"),
    "NaN": body(data={"temperature": {"value": float("nan")}}),
    "Infinity": body(data={"temperature": {"value": float("inf")}}),
    "deep": b'{"a":' * 100_000,
    "deep and closed": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "900 levels": b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_not_one_valid_json_object_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed, match=r"^(not one JSON object in UTF-8|nested deeper than 128 levels|more than .*)$"):
        parse_body(content)


@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_128_levels_are_read_and_129_are_malformed(opened: bytes, closed: bytes) -> None:
    def nested(levels: int) -> bytes:
        return b'{"beside": [[], []], "a":' + opened * (levels - 1) + b"1" + closed * (levels - 1) + b"}"

    assert parse_body(nested(MAX_DEPTH))
    with pytest.raises(Malformed, match="128"):
        parse_body(nested(MAX_DEPTH + 1))


def test_many_brackets_side_by_side_or_in_a_string_are_not_deep() -> None:
    assert len(parse_body(b'{"a": [' + b"[]," * 1000 + b'[]], "b": "' + b"[{" * 1000 + b'"}')["a"]) == 1001


@pytest.mark.parametrize("before", [0, 65_536, 150_000])
@pytest.mark.parametrize("mark", [b",", b"[", b"{"])
def test_100_000_commas_and_brackets_are_read_and_one_more_is_malformed(before: int, mark: bytes) -> None:
    def with_marks(count: int) -> bytes:
        return b'{"text": "%s%s"}' % (b"x" * before, mark * (count - 1))

    assert parse_body(with_marks(100_000))
    with pytest.raises(Malformed, match="more than 100000 commas and brackets"):
        parse_body(with_marks(100_001))


NO_ENVELOPE: dict[str, dict[str, Any]] = {
    f"{name} {what}": event(**{name: value})
    for name in ("eventId", "eventType", "targetName")
    for what, value in {
        "missing": ABSENT,
        "null": None,
        "empty": "",
        "a number": 7,
        "a list": ["x"],
        "an object": {},
        "with a lone surrogate": "projects/p\ud800/devices/d",
    }.items()
} | {
    "event missing": {"labels": {}},
    "event null": {**event(), "event": None},
    "event a list": {**event(), "event": [event()["event"]]},
    "everything at the top": event()["event"],
    **{
        f"targetName {name!r}": event(targetName=name)
        for name in ("devices/d", "projects", "projects/", "projects//devices/d", "/projects/p", "PROJECTS/p", "x/p")
    },
}


@pytest.mark.parametrize("whole", NO_ENVELOPE.values(), ids=NO_ENVELOPE)
def test_an_event_without_usable_id_type_or_target_has_no_envelope(whole: dict[str, Any]) -> None:
    with pytest.raises(NoEnvelope):
        read(json.dumps(whole).encode())


def test_the_error_names_all_missing_members() -> None:
    with pytest.raises(NoEnvelope, match=r"^no usable eventId, eventType, targetName$"):
        require_envelope(NOTHING)


def test_the_metadata_name_the_device_of_an_event_without_a_target() -> None:
    envelope = read_envelope(event(targetName=ABSENT))
    assert (envelope.project_id, envelope.device_id, envelope.target_name) == (PROJECT_ID, DEVICE_ID, None)


@pytest.mark.parametrize(
    ("name", "project_id", "device_id"),
    [
        ("projects/p/devices/d", "p", "d"),
        ("projects/p", "p", DEVICE_ID),
        ("projects/p/", "p", DEVICE_ID),
        ("projects/p/devices", "p", DEVICE_ID),
        ("projects/p/devices/", "p", DEVICE_ID),
        ("projects/p/dataconnectors/c", "p", DEVICE_ID),
        ("projects/p/devices/d/parts/1", "p", DEVICE_ID),
    ],
)
def test_the_target_or_else_the_metadata_name_the_project_and_the_device(
    name: str, project_id: str, device_id: str
) -> None:
    envelope = read_envelope(event(targetName=name))
    assert (envelope.project_id, envelope.device_id, envelope.target_name) == (project_id, device_id, name)


def test_the_target_has_precedence_over_the_metadata() -> None:
    whole = {**event(targetName="projects/p/devices/d"), "metadata": {"projectId": "other", "deviceId": "other"}}
    envelope = read_envelope(whole)
    assert (envelope.project_id, envelope.device_id) == ("p", "d")


@pytest.mark.parametrize("place", ["timestamp", "unknown"])
def test_a_lone_surrogate_in_another_member_does_not_reject_the_event(place: str) -> None:
    envelope = read(json.dumps(event(**{place: "\ud800"})).encode())
    assert envelope.event_type == "temperature"
    assert envelope.timestamp != "\ud800"


@pytest.mark.parametrize("event_type", SAMPLES)
@pytest.mark.parametrize("place", ["updateTime", "state", "macAddress", "unknown", "added"])
def test_a_lone_surrogate_in_the_data_does_not_reject_the_event(event_type: str, place: str) -> None:
    for data in ({event_type: {place: "\ud800"}}, {event_type: {"\udfff": 1}}, {place: {"\ud800": "\ud800"}}):
        assert read(json.dumps(event(event_type, data=data)).encode()).event_type == event_type
        _ = read(json.dumps(event(event_type, data=data)).encode()).schema_violation


def test_a_whole_pair_of_surrogates_is_one_character() -> None:
    assert read(json.dumps(event(eventId="\U0001f321")).encode()).event_id == "\U0001f321"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 400, "0.1e-500", "-0", "1E+2"])
def test_numbers_of_any_size_are_read(number: str) -> None:
    content = body(data="@").replace(b'"@"', b'{"temperature": {"value": %s}}' % number.encode())
    assert read(content).event_type == "temperature"


def test_the_last_of_repeated_members_counts() -> None:
    assert read(body().replace(b'"eventType":', b'"eventType":"touch","eventType":')).event_type == "temperature"


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=6) | st.sampled_from(["value", "state", "updateTime", "deviceId", "projectId", "samples"])
json_values = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=3,
)
objects = st.dictionaries(words, json_values, max_size=2)
known_data = st.tuples(st.sampled_from(sorted(SAMPLES)), objects).map(lambda pair: dict([pair]))


@given(
    event_id=st.text(min_size=1, max_size=20),
    event_type=st.sampled_from(sorted(SAMPLES)) | st.text(min_size=1, max_size=20),
    data=json_values | known_data,
    further=objects,
    labels=json_values,
    metadata=json_values,
)
@settings(thorough, max_examples=max(35, 3 * EXAMPLES))
def test_every_generated_future_event_is_read_with_its_exact_envelope(
    event_id: str, event_type: str, data: object, further: dict[str, Any], labels: object, metadata: object
) -> None:
    needed = {"eventId": event_id, "eventType": event_type, "targetName": "projects/p/devices/d", "data": data}
    whole = {**further, "event": {**further, **needed}, "labels": labels, "metadata": metadata}
    envelope = read(json.dumps(whole).encode())
    assert (envelope.event_id, envelope.event_type) == (event_id, event_type)
    assert (envelope.project_id, envelope.device_id) == ("p", "d")
    assert envelope.schema_violation is None or envelope.schema_violation.startswith("$.event.data")


@given(json_values)
@thorough
def test_any_json_value_as_the_event_is_read_or_has_no_envelope(value: object) -> None:
    try:
        envelope = read(json.dumps({"event": value}).encode())
    except NoEnvelope:
        return
    assert envelope.event_id
