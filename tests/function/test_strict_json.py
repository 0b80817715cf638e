"""strict_json: JSON by RFC 8259, and texts that Python's ``json`` alone would accept or refuse."""

import gc
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from function.strict_json import read_object
from tests.function.builders import thorough

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
def test_anything_but_one_json_object_in_utf8_is_a_value_error(data: bytes) -> None:
    for unique_members in (True, False):
        with pytest.raises(ValueError):  # noqa: PT011  # the only error of this module
            read_object(data, unique_members=unique_members)


@pytest.mark.parametrize("data", [b"[]", b'"text"', b"1", b"null"])
def test_json_that_is_not_an_object_has_its_own_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not a JSON object$"):
        read_object(data)


def test_json_nested_deeper_than_python_can_read_has_its_own_error() -> None:
    with pytest.raises(ValueError, match=r"^nested too deep$"):
        read_object(NOT_ONE_OBJECT["100,000 closed levels"])


def test_an_integer_of_any_length_is_a_number() -> None:
    value = read_object(b'{"short": %s, "longer": %s, "long": -%s}' % (b"7" * 3_999, b"7" * 4_000, b"1" * 5_000))

    assert value == {"short": int("7" * 3_999), "longer": float("inf"), "long": float("-inf")}


@given(st.binary(max_size=200))
@thorough
def test_any_bytes_are_an_object_or_a_value_error(data: bytes) -> None:
    try:
        value = read_object(data)
    except ValueError:
        return
    assert isinstance(value, dict)


@given(st.dictionaries(st.text(max_size=9), st.none() | st.integers() | st.text(max_size=9), max_size=3))
@thorough
def test_every_encoded_object_is_decoded_unchanged(value: dict[str, object]) -> None:
    assert read_object(json.dumps(value).encode(), unique_members=True) == value
    assert read_object(json.dumps(value, ensure_ascii=False).encode()) == value


def test_the_last_of_repeated_members_counts() -> None:
    assert read_object(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize("data", [b'{"a": 1, "a": 1}', b'{"a": {"b": 1, "b": 2}}', b'{"a": 1, "\\u0061": 2}'])
def test_a_repeated_member_can_be_refused_at_any_level(data: bytes) -> None:
    for size in (0, 4_097):
        with pytest.raises(ValueError, match=r"^a member is repeated$"):
            read_object(data.ljust(size), unique_members=True)


def test_an_escaped_lone_surrogate_is_read_unchanged() -> None:
    assert read_object(rb'{"a": "\ud800"}') == {"a": "\ud800"}


LARGE = 262_145
"""Size of the smallest large text in bytes."""


def padded(members: bytes, size: int) -> bytes:
    """Return an object with these members, padded with white space to a size."""
    return b"{%s}" % members.ljust(size - 2)


@pytest.mark.parametrize(("digits", "size", "number"), [(299, LARGE, int), (300, LARGE, float), (300, LARGE - 1, int)])
def test_an_integer_of_300_digits_is_exact_except_in_a_large_text(digits: int, size: int, number: type) -> None:
    value = read_object(padded(b'"number": ' + b"9" * digits, size))["number"]

    assert value == number("9" * digits)
    assert type(value) is number


NUMBERS = {
    b"0.5": 0.5,
    b"-2.5e3": -2500.0,
    b"2.5E-3": 0.0025,
    b"1e+07": 1e7,
    b"1e-007": 1e-7,
    b"-1e99": -1e99,
    b"1e-99": 1e-99,
    b"1e100": float("inf"),
    b"-1E+100": float("-inf"),
    b"0e999": 0.0,
    b"1e-100": 0.0,
    b"-0.3333333333333333333": -0.33333333333333333,
    b"0.%s5" % (b"0" * 18): 0.0,
    b"0.%s5" % (b"0" * 17): 5e-18,
    b"0.%se1" % (b"3" * 50): 3.33333333333333333,
}
"""Number -> its value in a text that is large or has an extreme number."""


@pytest.mark.parametrize(("written", "number"), NUMBERS.items())
@pytest.mark.parametrize(("beside", "size"), [(b"1", LARGE), (b"1e-999", 4_097), (b"0.%s" % (b"0" * 40), 4_097)])
def test_a_number_that_takes_long_to_read_is_approximate_and_all_others_are_exact(
    written: bytes, number: float, beside: bytes, size: int
) -> None:
    assert read_object(padded(b'"beside": %s, "number": %s' % (beside, written), size))["number"] == number


def test_an_extreme_number_is_exact_in_a_small_text() -> None:
    assert read_object(padded(b'"number": 1e100', 4_096)) == {"number": 1e100}


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("beside", [b"1", b"1" * 5_000])
@pytest.mark.parametrize("size", [0, LARGE])
def test_nan_and_infinity_are_refused_beside_any_number(constant: bytes, beside: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        read_object(padded(b'"number": %s, "constant": %s' % (beside, constant), size))


@pytest.fixture(params=[True, False], ids=["collector on", "collector off"])
def is_collecting(request: pytest.FixtureRequest) -> Iterator[bool]:
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("data", [b"{}", padded(b"", LARGE), b'{"a":' * 4_000, b"[" * LARGE])
def test_the_garbage_collector_is_restored_however_decoding_ends(data: bytes, *, is_collecting: bool) -> None:
    try:
        read_object(data)
    except ValueError:
        assert data[-1:] != b"}"
    assert gc.isenabled() is is_collecting


@pytest.mark.parametrize(("size", "is_collected"), [(4_096, True), (4_097, False)])
def test_the_garbage_collector_does_not_run_while_a_larger_text_is_decoded(
    size: int, *, is_collected: bool, mocker: MockerFixture
) -> None:
    switched_off = mocker.spy(gc, "disable")
    read_object(padded(b'"lists": [[1], [2]]', size))
    assert (switched_off.call_count == 0) is is_collected
