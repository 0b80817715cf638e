"""Splits a filter into tokens. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.pubsub_filter.invalid import FilterInvalid

_TOKEN = re.compile(r'(?P<space>\s+)|(?P<word>[\w-]+)|(?P<sign>!=|[=(),:.])|(?P<text>"(?:[^"\\]|\\.)*")', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A token. ``kind`` is word, sign, text or end; the ``value`` of a text is still quoted; ``end`` is exclusive."""

    kind: str
    value: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Split a filter into tokens; the last one is the end. Raises ``FilterInvalid``."""
    position, last = 0, ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            why = "a quote that is not closed" if text[position] == '"' else f"{text[position]!r} has no meaning here"
            raise FilterInvalid(text, position, why)
        if match.lastgroup == "word" and last not in {".", ":"}:
            yield from _split_minus(match[0], position)
        elif match.lastgroup != "space":
            yield Token(match.lastgroup or "", match[0], position, match.end())
        position, last = match.end(), match[0]
    yield Token("end", "", len(text), len(text))


def _split_minus(word: str, start: int) -> Iterator[Token]:
    """Split a word from the minus signs before it, which negate it (``-attributes:key``); those in a key stay."""
    bare = word.lstrip("-")
    for position in range(start, start + len(word) - len(bare)):
        yield Token("word", "-", position, position + 1)
    if bare:
        yield Token("word", bare, start + len(word) - len(bare), start + len(word))
