"""Bytes -> one JSON object, by RFC 8259 to the letter where Python's own reader is lenient. Pure."""

import json
from typing import Any, NoReturn

import msgspec

LONGEST_INTEGER = 4_000
"""Digits of an integer that Python's own reader reads exactly."""


def read_object(data: bytes, *, unique_members: bool = False) -> dict[str, Any]:
    """Decode one JSON object.

    ``unique_members`` refuses objects that name a member twice, and integers beyond 4,300 digits; without it the last
    member counts, as everywhere.

    Raises:
        ValueError: whatever is wrong: not UTF-8, not JSON (``NaN`` and ``Infinity`` are none), nested beyond what
            Python can follow, or not an object.

    """
    try:
        value = _decoded(data, unique_members)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  # one error for whatever is wrong
    return value


def _decoded(data: bytes, unique_members: bool) -> Any:  # noqa: FBT001
    """Decode by msgspec, four times as fast, what it can; it refuses some that is JSON, and nothing that is none."""
    if unique_members:
        return _UNIQUE.decode(data.decode())
    try:
        return _decode(data)
    except (ValueError, RecursionError):  # such as half a surrogate pair, or a number beyond a double's range
        return _LENIENT.decode(data.decode())


def _integer(digits: str) -> float:
    """Read an integer of any length, as RFC 8259 has it; Python stops at 4,300 digits, which nothing here needs."""
    return int(digits) if len(digits) < LONGEST_INTEGER else float(digits)


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = msgspec.json.Decoder().decode
_LENIENT = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer)
_UNIQUE = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated)
