"""Which events the flags of follow select, and the filter that is sent to Pub/Sub for them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.live.message import Message
from deploy.live.wanted import Wanted
from deploy.pubsub_filter import MAX_BYTES, parse_filter
from tests.deploy.live.builders import body, message

TEMPERATURE = {"eventType": "temperature", "deviceId": "a"}
FILTERS = {
    Wanted(): "",
    Wanted(devices=("a",)): 'attributes.deviceId = "a"',
    Wanted(devices=("a", "b", "a")): 'attributes.deviceId = "a" OR attributes.deviceId = "b"',
    Wanted(devices=("a",), types=("touch",)): 'attributes.deviceId = "a" AND attributes.eventType = "touch"',
    Wanted(devices=("a", "b"), types=("touch",)): (
        '(attributes.deviceId = "a" OR attributes.deviceId = "b") AND attributes.eventType = "touch"'
    ),
    Wanted(labels=(("room", "B2"),)): 'attributes."label.room" = "B2" OR NOT attributes:"label.room"',
}


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
def test_flags_become_a_filter_for_pubsub(wanted: Wanted) -> None:
    assert wanted.filter() == (FILTERS[wanted], ())


def test_text_is_checked_here_only() -> None:
    assert Wanted(text="x").filter() == ("", ("--text",))


def test_a_filter_that_would_be_too_long_is_left_out_and_named() -> None:
    many = tuple(f"bchonod7rihjtvdmd2{number:02}" for number in range(8))
    text, left_out = Wanted(devices=many, types=("touch",)).filter()
    assert (text, left_out) == ('attributes.eventType = "touch"', ("--device",))
    assert Wanted(devices=many[:5]).filter()[1] == ()


def test_a_label_with_a_control_character_is_checked_here_only() -> None:
    assert Wanted(labels=(("room", "B\x002"),)).filter() == ("", ("--label",))


def test_a_message_must_fit_every_flag_and_one_of_several_devices() -> None:
    wanted = Wanted(devices=("a", "b"), types=("temperature",))
    assert wanted.includes(message(attributes=TEMPERATURE))
    assert wanted.includes(message(attributes={**TEMPERATURE, "deviceId": "b"}))
    assert not wanted.includes(message(attributes={**TEMPERATURE, "deviceId": "c"}))
    assert not wanted.includes(message(attributes={**TEMPERATURE, "eventType": "touch"}))
    assert not wanted.includes(message(b"\xff", attributes={"reason": "malformed"}, rejected=True))
    assert Wanted().includes(message(b"\xff", attributes={}, rejected=True))


def test_labels_are_those_of_the_body_or_of_the_attributes() -> None:
    wanted = Wanted(labels=(("room", "B2"),))
    assert wanted.includes(message(body(labels={"room": "B2"}), attributes={}))
    assert wanted.includes(message(b"\xff", attributes={"label.room": "B2"}))
    assert not wanted.includes(message(body(labels={"room": "B3"}), attributes={}))
    assert not wanted.includes(message(b"[]", attributes={}))


@pytest.mark.parametrize("text", ["fridge 2", "FRIDGE", "eventtype", "temperature", "24.9"])
def test_a_text_is_found_anywhere_in_any_case(text: str) -> None:
    found = message(body(labels={"name": "Fridge 2"}))
    assert Wanted(text=text).includes(found)
    assert not Wanted(text=f"{text}?").includes(found)


WORDS = st.text(max_size=12)


@settings(max_examples=100)
@given(
    st.lists(WORDS, max_size=3),
    st.lists(st.tuples(WORDS, WORDS), max_size=2),
    st.dictionaries(st.sampled_from(["deviceId", "label.room", "label."]), WORDS, max_size=2),
)
def test_pubsubs_filter_is_valid_and_never_holds_back_what_is_wanted(
    devices: list[str], labels: list[tuple[str, str]], attributes: dict[str, str]
) -> None:
    wanted = Wanted(devices=tuple(devices), labels=tuple(labels))
    text, _ = wanted.filter()
    assert len(text.encode()) <= MAX_BYTES
    found = Message("1", body(labels=dict(labels)), attributes, 0, 0, rejected=False)
    if wanted.includes(found) and all(attributes.get(f"label.{key}", value) == value for key, value in labels):
        assert parse_filter(text).matches(attributes)
