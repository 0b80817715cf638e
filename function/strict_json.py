"""Bytes -> one JSON object, exactly by RFC 8259, also where Python's ``json`` is lenient. Pure."""

import contextlib
import gc
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

LONGEST_INTEGER = 4_000
"""An integer with fewer digits is read exactly. It is a margin below Python's limit of 4,300 digits."""

LONGEST_INTEGER_OF_LARGE = 300
"""The same for a large text. It is less, because the parse time of an integer grows with the square of its digits."""

LONGEST_NUMBER = 20
"""Characters that are read of a number with a fraction, if the text is large or has extreme numbers."""

LARGE_BYTES = 262_144
"""A text is large if it has more bytes than this, which is the default of ``MAX_BODY_BYTES``."""

SMALL_BYTES = 4_096
"""A text with at most this many bytes is small: no content can take long. DT's events have about 500 bytes."""


def read_object(data: bytes, *, unique_members: bool = False) -> dict[str, Any]:
    """Return one JSON object.

    ``unique_members`` refuses objects with a repeated member, and integers with more than 4,300 digits. Without it the
    last of repeated members counts, as in most parsers.

    Raises:
        ValueError: the text is not UTF-8, not JSON (``NaN`` and ``Infinity`` are not JSON), nested deeper than Python
            can read, or not an object.

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
        raise ValueError("not a JSON object")  # noqa: TRY004  # one exception for every fault
    return value


def _decoded(data: bytes, unique_members: bool) -> Any:  # noqa: FBT001  # the flag of ``read_object``
    """Decode with msgspec first, because it is four times as fast, and with ``json`` if msgspec refuses the text.

    msgspec refuses some valid JSON, but never accepts invalid JSON.
    """
    if unique_members:
        return _UNIQUE.decode(data.decode())
    if len(data) > LARGE_BYTES:
        return _LENIENT_LARGE.decode(data.decode())
    if len(data) > SMALL_BYTES and _EXTREME.search(data):
        return _LENIENT_EXTREME.decode(data.decode())
    try:
        return _decode(data)
    except (ValueError, RecursionError):  # such as a lone surrogate, or a number beyond a double's range
        return _decoded_leniently(data)


def _decoded_leniently(data: bytes) -> Any:
    """Decode with ``json``. If an integer is too long for Python, decode again with a callback for each integer."""
    text = data.decode()
    try:
        return _LENIENT.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with more digits than Python reads
        return _LENIENT_LONG.decode(text)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Disable the garbage collector: a tree of 100,000 lists would start it hundreds of times, and has no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _integer(digits: str) -> float:
    """Return an integer of any length, which RFC 8259 allows; a very long one as a float, since Python refuses it."""
    return int(digits) if len(digits) < LONGEST_INTEGER else float(digits)


def _integer_of_large(digits: str) -> float:
    return int(digits) if len(digits) < LONGEST_INTEGER_OF_LARGE else float(digits)


def _quick_number(text: str) -> float:
    """Return a number with a fraction or an exponent. An extreme or very long number is only approximate.

    A number near the limits of a double takes 4 µs to read exactly (msgspec: 50 µs), and one of many digits even more.
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
        raise ValueError("a member is repeated")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_EXTREME = re.compile(rb"[eE][+-]?[0-9]{3}|\.[0-9]{40}|(?<=[0-9]{40})[.eE]")
"""Matches a text with a number that may take long to read."""

_decode = msgspec.json.Decoder().decode
_LENIENT = json.JSONDecoder(parse_constant=_refuse_constant)
_LENIENT_LONG = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer)
_LENIENT_EXTREME = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer, parse_float=_quick_number)
_LENIENT_LARGE = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_integer_of_large, parse_float=_quick_number
)
_UNIQUE = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated)
