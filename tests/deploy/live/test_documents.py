"""A message as a line of JSON, and its body as one line."""

import json
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.live.documents import document, raw
from deploy.live.message import Message
from deploy.live.readings import reading
from tests.deploy.live.builders import NOON, body, message


def documented(found: Message) -> str:
    return document(found, reading(found), "")


def test_a_document_has_the_message_its_times_and_what_was_read() -> None:
    found = Message("7", body(labels={"name": "Fridge 2"}), {"eventId": "e"}, NOON, NOON + 0.25, rejected=False)

    read = json.loads(document(found, reading(found), "event"))

    assert read == {
        "messageId": "7",
        "topic": "events",
        "publishTime": "2026-11-02T12:00:00.000Z",
        "receivedAt": "2026-11-02T12:00:00.250Z",
        "repeated": "event",
        "attributes": {"eventId": "e"},
        "reading": {
            "at": "2026-11-02T12:00:00.000Z",
            "deviceName": "Fridge 2",
            "text": "24.9 °C",
            "state": None,
            "values": [["temperature", 24.9, "°C", "2026-11-02T12:00:00.000Z"]],
        },
        "body": json.loads(found.data),
    }


def test_the_body_keeps_the_spelling_of_its_numbers() -> None:
    line = documented(message(b'{"a": 1.0,\r\n\t"b": 12345678901234567890, "c": 1e2}'))
    assert line.endswith('"body": {"a": 1.0, "b": 12345678901234567890, "c": 1e2}}')


@pytest.mark.parametrize("data", [b"", b"\xff\x00", b"[1]", b'{"a": NaN}', b'{"a"', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_in_base64(data: bytes) -> None:
    read = json.loads(documented(message(data, attributes={"reason": "malformed"}, rejected=True)))
    assert b64decode(read["base64"]) == data
    assert (read["topic"], "body" in read) == ("rejected", False)


@settings(max_examples=100)
@given(st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.none(), max_size=3))
def test_a_document_is_one_line_of_ascii_with_the_same_body(content: dict[str, object]) -> None:
    data = json.dumps(content, ensure_ascii=False, indent=1).encode(errors="surrogatepass")
    line = documented(message(data))
    assert line.isascii()
    assert line.isprintable()
    if "base64" not in json.loads(line):
        assert json.loads(line)["body"] == content


@settings(max_examples=100)
@given(st.binary())
def test_whatever_the_bytes_are_the_raw_line_is_printable(data: bytes) -> None:
    assert raw(message(data)).isprintable()


def test_the_raw_line_of_json_has_the_same_value() -> None:
    content = {"name": "Kühl\x9bschrank\u202e\U0001f9ca", "n": 1}
    line = raw(message(json.dumps(content, ensure_ascii=False, indent=2).encode()))
    assert json.loads(line) == content
    assert "Kühl\\u009bschrank\\u202e\U0001f9ca" in line
