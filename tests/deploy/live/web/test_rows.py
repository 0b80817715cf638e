"""A message as the page gets it."""

import json

import pytest

from deploy.live.message import Message
from deploy.live.readings import reading
from deploy.live.web.rows import MAX_BODY_BYTES, row
from tests.deploy.live.builders import DEVICE, NOON, body, message


def shown(given: Message) -> dict[str, object]:
    """Return the row of a message, as JSON carries it."""
    read: dict[str, object] = json.loads(json.dumps(row(7, given, reading(given))))
    return read


def test_an_event_has_what_it_says_and_its_body_as_it_was_sent() -> None:
    sent = body(labels={"name": "Fridge 2"}).replace(b"24.9", b"24.90")
    found = shown(message(sent))
    assert (found["number"], found["type"], found["device"], found["name"]) == (7, "temperature", DEVICE, "Fridge 2")
    assert found["values"] == [["temperature", 24.9, "°C", NOON]]
    assert found["body"] == sent.decode()
    assert found["size"] == len(sent)
    assert found["cut"] is False
    assert "rejected" not in found


@pytest.mark.parametrize(
    "reason", ["expired", "malformed", "no_envelope", "foreign_project", "invalid_argument", "new", ""]
)
def test_a_rejected_event_has_its_reason_what_it_means_and_what_helps(reason: str) -> None:
    found = shown(message(b"x", attributes={"reason": reason}, rejected=True))["rejected"]
    assert isinstance(found, dict)
    assert found["reason"] == reason
    assert found["meaning"]
    assert found["remedy"]


def test_bytes_that_are_no_text_are_in_base64() -> None:
    found = shown(message(b"\xff\x00", attributes={}, rejected=True))
    assert (found["base64"], found["size"], "body" in found) == ("/wA=", 2, False)


@pytest.mark.parametrize("back", range(4))
def test_a_long_body_is_cut_between_two_characters(back: int) -> None:
    sent = b"x" * (MAX_BODY_BYTES - back) + "🌡".encode() * 3
    found = shown(message(sent, attributes={}))
    assert found["cut"] is True
    assert found["size"] == len(sent)
    assert str(found["body"]).rstrip("🌡") == "x" * (MAX_BODY_BYTES - back)
    assert MAX_BODY_BYTES - 3 <= len(str(found["body"]).encode()) <= MAX_BODY_BYTES
