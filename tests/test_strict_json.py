"""strict_json: what is JSON by RFC 8259, and what Python alone would take for it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.strict_json import read_object
from tests.builders import thorough

NOT_ONE_OBJECT = {
    "nothing": b"",
    "white space": b" \n",
    "an array": b"[]",
    "a text": b'"text"',
    "a number": b"1",
    "null": b"null",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "-Infinity deep inside": b'{"a": [{"b": -Infinity}]}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16 with its mark": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "Latin-1": '{"a": "ø"}'.encode("latin-1"),
    "an encoded surrogate": b'{"a": "\xed\xa0\x80"}',
    "an overlong encoding": b'{"a": "\xc0\xaf"}',
    "a second object": b"{}{}",
    "text after it": b"{} x",
    "a comma too many": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "a comment": b'{"a": 1} // one',
    "a raw control character": b'{"a": "\n"}',
    "a NUL": b'{"a": "\x00"}',
    "its end missing": b'{"a": ',
    "100,000 levels of arrays": b'{"a":' + b"[" * 100_000,
    "100,000 closed levels": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


@pytest.mark.parametrize("data", NOT_ONE_OBJECT.values(), ids=NOT_ONE_OBJECT)
def test_whatever_is_not_one_json_object_in_utf8_is_a_value_error(data: bytes) -> None:
    for unique_members in (True, False):
        with pytest.raises(ValueError):  # noqa: PT011  # this room's one error
            read_object(data, unique_members=unique_members)


def test_an_integer_of_any_length_is_a_number() -> None:
    value = read_object(b'{"short": %s, "long": -%s}' % (b"7" * 3_999, b"1" * 5_000))

    assert value == {"short": int("7" * 3_999), "long": float("-inf")}


@given(st.binary(max_size=200))
@thorough
def test_any_bytes_give_an_object_or_a_value_error(data: bytes) -> None:
    try:
        value = read_object(data)
    except ValueError:
        return
    assert isinstance(value, dict)


@given(st.dictionaries(st.text(max_size=9), st.none() | st.integers() | st.text(max_size=9), max_size=3))
@thorough
def test_what_was_written_is_read(value: dict[str, object]) -> None:
    assert read_object(json.dumps(value).encode(), unique_members=True) == value
    assert read_object(json.dumps(value, ensure_ascii=False).encode()) == value


def test_of_a_member_that_is_there_twice_the_last_one_counts() -> None:
    assert read_object(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize("data", [b'{"a": 1, "a": 1}', b'{"a": {"b": 1, "b": 2}}', b'{"a": 1, "\\u0061": 2}'])
def test_a_member_that_is_there_twice_can_be_refused_at_any_level(data: bytes) -> None:
    with pytest.raises(ValueError, match="twice"):
        read_object(data, unique_members=True)


def test_a_lone_surrogate_from_an_escape_is_read_as_it_is() -> None:
    assert read_object(rb'{"a": "\ud800"}') == {"a": "\ud800"}
