"""The filters of Cloud Logging, as far as commands of this project use them; all others are refused.

Comparisons (``=``, ``!=``, ``>=``, ``>``, ``<=``, ``<``, ``:``), lists of values ``("a" OR "b")``, ``:*`` for a field
that exists, ``NOT``, and ``AND``, which may be left out between two comparisons.
https://cloud.google.com/logging/docs/view/logging-query-language
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.emulators.clouds.google.problems import Problem, invalid

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
FIELDS = frozenset(
    {
        *("httpRequest", "insertId", "jsonPayload", "labels", "logName", "operation", "protoPayload"),
        *("receiveTimestamp", "resource", "severity", "spanId", "textPayload", "timestamp", "trace"),
    }
)
"""The fields of an entry: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry."""
_TOKEN = re.compile(
    r'\s*(?:(?P<word>AND|OR|NOT)\b|(?P<mark>[()])|(?P<sign>!=|>=|<=|=|>|<|:)|(?P<value>(?:"(?:[^"\\]|\\.)*"|[^\s()=!<>:~"])+|\*))'
)

Entry = Mapping[str, Any]
Matches = Callable[[Entry], bool]


def parse_filter(text: str) -> Matches:
    """Return a filter as a function. Raises ``Problem`` if Google would refuse it, or if it is not played here."""
    parser = _Parser(text)
    terms = parser.terms()
    return lambda entry: all(term(entry) for term in terms)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._place = 0

    def terms(self) -> list[Matches]:
        """Return all terms, which AND joins."""
        found: list[Matches] = []
        while self._place < len(self._tokens):
            if found and self._next() == ("word", "AND"):
                self._place += 1
            found.append(self._term())
        return found

    def _term(self) -> Matches:
        if self._next() == ("word", "NOT"):
            self._place += 1
            negated = self._term()
            return lambda entry: not negated(entry)
        field, sign = self._take("value"), self._take("sign")
        values = self._values()
        path = _path(field)
        if path[0] not in FIELDS:
            raise self._refusal()
        return lambda entry: any(_compared(_found(entry, path), sign, value, path) for value in values)

    def _values(self) -> list[str]:
        """Return one value, or those of ``("a" OR "b")``."""
        if self._next() != ("mark", "("):
            return [_unquoted(self._take("value"))]
        self._place += 1
        values = [_unquoted(self._take("value"))]
        while self._next() == ("word", "OR"):
            self._place += 1
            values.append(_unquoted(self._take("value")))
        if self._next() != ("mark", ")"):
            raise self._refusal()
        self._place += 1
        return values

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise self._refusal()
        self._place += 1
        return text

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, place, text = [], 0, text.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if not match or not match.lastgroup:
                raise self._refusal()
            tokens.append((match.lastgroup, match[match.lastgroup]))
            place = match.end()
        return tokens

    def _refusal(self) -> Problem:
        return invalid(f"Unparseable filter, or a filter that is not played here: {self._text}")


def _path(field: str) -> list[str]:
    """Return the names of ``labels."goog-managed-by"``, one for each level."""
    return [_unquoted(name) for name in re.findall(r'"[^"]*"|[^."]+', field)]


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _found(entry: Entry, path: list[str]) -> Any:
    value: Any = entry
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _compared(found: Any, sign: str, value: str, path: list[str]) -> bool:
    if sign == ":":
        return found is not None and (value == "*" or value.lower() in str(found).lower())
    if found is None:
        return sign == "!="
    left, right = _ordered(found, value, path)
    signs: Mapping[str, bool] = {"=": left == right, "!=": left != right, ">": left > right, "<": left < right}
    return signs[sign] if sign in signs else signs[sign[0]] or left == right


def _ordered(found: Any, value: str, path: list[str]) -> tuple[Any, Any]:
    """Return both sides as numbers, as severities, or as texts, whose case does not matter."""
    if path == ["severity"]:
        return SEVERITIES.index(str(found)), SEVERITIES.index(value) if value in SEVERITIES else -1
    if isinstance(found, int | float) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(found), float(value)
    return str(found).lower(), value.lower()
