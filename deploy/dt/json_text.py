"""JSON as text: the items of a list as DT wrote them. Pure.

A reader of JSON makes the same number of 27 and 27.0 in some languages, and rounds long ones. So an item that is sent
on keeps the text of its numbers, of its strings and of its keys, and their order; only white space is left out.
"""

import json
import re
from collections.abc import Generator, Iterator
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
        if name == key and text[at] == "[":
            at = yield from _items(text, at)
        else:
            _, at = _DECODER.raw_decode(text, at)
        at = _after_comma(text, at)


def compact(text: str) -> str:
    """Return valid JSON without the white space between its values."""
    return _STRING_OR_SPACE.sub(lambda found: found[1] or "", text)


def _items(text: str, at: int) -> Generator[tuple[Any, str], None, int]:
    """Yield the items of the list that begins here, decoded one by one; return where it ends."""
    at = _next(text, at + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield value, text[at:end]
        at = _after_comma(text, end)
    return at + 1


def _after_comma(text: str, at: int) -> int:
    """Return where the next value begins, or where the object or list ends."""
    at = _next(text, at)
    return _next(text, at + 1) if text[at] == "," else at


def _next(text: str, at: int) -> int:
    """Return where white space ends."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
