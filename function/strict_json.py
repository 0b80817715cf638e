"""Bytes -> one JSON object, by RFC 8259 to the letter where Python's own reader is lenient. Pure."""

import contextlib
import gc
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

LONGEST_INTEGER = 4_000
"""Digits of an integer that Python's own reader reads exactly: a margin below Python's limit of 4,300."""

LONGEST_INTEGER_OF_LARGE = 300
"""The same for a large text: the time for an integer grows with the square of its digits."""

LONGEST_NUMBER = 20
"""Characters of a number with a fraction that are read, if the text is large or has extreme numbers."""

LARGE_BYTES = 262_144
"""Bytes from which a text is large. It is the default of ``MAX_BODY_BYTES``."""

SMALL_BYTES = 4_096
"""Bytes up to which a text is small: nothing in it can take long. DT's events have some 500."""


def read_object(data: bytes, *, unique_members: bool = False) -> dict[str, Any]:
    """Decode one JSON object.

    ``unique_members`` refuses objects that name a member twice, and integers beyond 4,300 digits; without it the last
    member counts, as everywhere.

    Raises:
        ValueError: whatever is wrong: not UTF-8, not JSON (``NaN`` and ``Infinity`` are none), nested beyond what
            Python can follow, or not an object.

    """
    try:
        if len(data) <= SMALL_BYTES:
            value = _decoded(data, unique_members)
        else:
            with _no_garbage_collection():
                value = _decoded(data, unique_members)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  # one error for whatever is wrong
    return value


def _decoded(data: bytes, unique_members: bool) -> Any:  # noqa: FBT001  # the flag of ``read_object``, handed on
    """Try msgspec first, because it is four times as fast; if it refuses, let ``json`` decide.

    It refuses some valid JSON, and never accepts what is not JSON.
    """
    if unique_members:
        return _UNIQUE.decode(data.decode())
    if len(data) > LARGE_BYTES:
        return _LENIENT_LARGE.decode(data.decode())
    if len(data) > SMALL_BYTES and _EXTREME.search(data):
        return _LENIENT_EXTREME.decode(data.decode())
    try:
        return _decode(data)
    except (ValueError, RecursionError):  # such as half a surrogate pair, or a number beyond a double's range
        return _decoded_leniently(data)


def _decoded_leniently(data: bytes) -> Any:
    """Decode by Python's own reader, which calls back for each integer only if the text needs that."""
    text = data.decode()
    try:
        return _LENIENT.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer that is longer than Python reads
        return _LENIENT_LONG.decode(text)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep the collector off: a tree of 100,000 lists would start it hundreds of times, and has no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _integer(digits: str) -> float:
    """Read an integer of any length, as RFC 8259 has it; Python stops at 4,300 digits, which nothing here needs."""
    return int(digits) if len(digits) < LONGEST_INTEGER else float(digits)


def _integer_of_large(digits: str) -> float:
    return int(digits) if len(digits) < LONGEST_INTEGER_OF_LARGE else float(digits)


def _quick_number(text: str) -> float:
    """Read a number with a fraction or an exponent, an extreme or a very long one only roughly.

    One that is near the ends of a double's range takes 4 µs, and msgspec 50 µs; one of many digits takes longer still.
    """
    mantissa, _, exponent = text.lower().partition("e")
    rough = mantissa[:LONGEST_NUMBER]
    if not exponent:
        return float(rough)
    if len(exponent.lstrip("+-0")) > 2:
        exponent = "-999" if exponent.startswith("-") else "999"
    return float(f"{rough}e{exponent}")


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_EXTREME = re.compile(rb"[eE][+-]?[0-9]{3}|\.[0-9]{40}|(?<=[0-9]{40})[.eE]")
"""What a text has if a number in it may take long to read."""

_decode = msgspec.json.Decoder().decode
_LENIENT = json.JSONDecoder(parse_constant=_refuse_constant)
_LENIENT_LONG = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer)
_LENIENT_EXTREME = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer, parse_float=_quick_number)
_LENIENT_LARGE = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_integer_of_large, parse_float=_quick_number
)
_UNIQUE = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated)
