"""JSON as text: the items of a list as DT wrote them. Pure.

A reader of JSON makes the same number of 27 and 27.0 in some languages, and rounds long ones. So an item that is sent
on keeps the text of its numbers, of its strings and of its keys, and their order; only white space is left out.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING_OR_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\n\r]+')


def items_of(text: str, key: str) -> Iterator[tuple[Any, str]]:
    """Yield each item of the list ``key`` of a JSON object: its value, with numbers as text, and its own text.

    ``text`` has to be valid. Without such a list there are no items.
    """
    at = _next(text, _next(text, 0) + 1)  # after "{"
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _next(text, _next(text, at) + 1)  # after ":"
        value, end = _DECODER.raw_decode(text, at)
        if name == key and isinstance(value, list):
            yield from _items(value, text, at)
        at = _next(text, end)
        at = _next(text, at + 1) if text[at] == "," else at


def compact(text: str) -> str:
    """Return valid JSON without the white space between its values."""
    return _STRING_OR_SPACE.sub(lambda found: found[1] or "", text)


def _items(values: list[Any], text: str, at: int) -> Iterator[tuple[Any, str]]:
    """Yield the values of the list that begins here, each with its text."""
    for value in values:
        begin = _next(text, at + 1)  # after "[" or ","
        _, end = _DECODER.raw_decode(text, begin)
        yield value, text[begin:end]
        at = _next(text, end)


def _next(text: str, at: int) -> int:
    """Return where white space ends."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
