"""Filters of Pub/Sub subscriptions, which the emulator keeps and does not apply.

Grammar: https://cloud.google.com/pubsub/docs/subscription-message-filter
"""

import re
from collections.abc import Callable, Iterator, Mapping

from deploy.offline.clouds.google.problems import invalid

Attributes = Mapping[str, str]
Filter = Callable[[Attributes], bool]

MAX_BYTES = 256
_TOKEN = re.compile(
    r"""\s*(?:(?P<word>AND\b|OR\b|NOT\b|hasPrefix\b|[()=,-]|!=)
    |attributes(?P<sign>[.:])(?P<key>\w+|"[^"]*")|(?P<text>"[^"]*"))\s*""",
    re.VERBOSE,
)


def parse_filter(text: str) -> Filter:
    """Read a filter; raises ``Problem``."""
    if len(text.encode()) > MAX_BYTES:
        raise invalid(f"The filter has more than {MAX_BYTES} bytes.")
    return _Parser(text).whole() if text else lambda _: True


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*_tokens(text), ("end", "")]

    def whole(self) -> Filter:
        read = self._all()
        if self._tokens[0][0] != "end":
            raise self._bad()
        return read

    def _all(self) -> Filter:
        """Terms with one operator between them: AND and OR do not mix without parentheses."""
        terms, operator = [self._term()], self._tokens[0][1]
        while operator in {"AND", "OR"} and self._tokens[0][1] == operator:
            self._next()
            terms.append(self._term())
        combine = any if operator == "OR" else all
        return lambda attributes: combine(term(attributes) for term in terms)

    def _term(self) -> Filter:
        kind, value = self._next()
        if value in {"NOT", "-"}:
            negated = self._term()
            return lambda attributes: not negated(attributes)
        if value == "(":
            inner = self._all()
            self._expect(")")
            return inner
        if value == "hasPrefix":
            return self._prefix()
        if kind == ":":
            return lambda attributes: value in attributes
        if kind == ".":
            return self._comparison(value)
        raise self._bad()

    def _comparison(self, key: str) -> Filter:
        operator, wanted = self._next()[1], self._literal()
        if operator == "=":
            return lambda attributes: attributes.get(key) == wanted
        if operator == "!=":
            return lambda attributes: attributes.get(key, wanted) != wanted
        raise self._bad()

    def _prefix(self) -> Filter:
        self._expect("(")
        kind, key = self._next()
        self._expect(",")
        prefix = self._literal()
        self._expect(")")
        if kind != ".":
            raise self._bad()
        return lambda attributes: attributes.get(key, "").startswith(prefix) and key in attributes

    def _next(self) -> tuple[str, str]:
        token = self._tokens[0]
        if token[0] != "end":
            self._tokens.pop(0)
        return token

    def _literal(self) -> str:
        kind, value = self._next()
        if kind != "text":
            raise self._bad()
        return value

    def _expect(self, word: str) -> None:
        if self._next()[1] != word:
            raise self._bad()

    def _bad(self) -> Exception:
        return _bad(self._text)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise _bad(text)
        position = found.end()
        if found["word"]:
            yield "word", found["word"]
        elif found["text"]:
            yield "text", found["text"][1:-1]
        else:
            yield found["sign"], found["key"].strip('"')


def _bad(text: str) -> Exception:
    return invalid(f"Invalid filter expression: {text}")
