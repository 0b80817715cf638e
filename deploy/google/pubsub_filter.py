r"""Filters of Pub/Sub subscriptions: parses, applies and writes them. Pure.

    expression  = term { AND term } | term { OR term }      no mixture of AND and OR without parentheses
    term        = ( NOT | "-" ) term | "(" expression ")" | test
    test        = attributes:KEY | attributes.KEY = "V" | attributes.KEY != "V" | hasPrefix(attributes.KEY, "P")

A bare KEY has letters, digits, ``_`` and ``-``; every other key is quoted, as values are. In quotes, ``\uXXXX`` is a
character, ``\xHH`` and ``\OOO`` are bytes of UTF-8, and ``\"`` and ``\\`` stand for the second character.
Operators are in capitals. Grammar: https://cloud.google.com/pubsub/docs/subscription-message-filter.
``!=`` is also true if the attribute is absent, as in Google's own fake (googleapis/google-cloud-go, pubsub/pstest).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from deploy.errors import DeployError

Attributes = Mapping[str, str]

MAX_BYTES = 256

_TOKEN = re.compile(r'(?P<space>\s+)|(?P<word>[\w-]+)|(?P<sign>!=|[=(),:.])|(?P<text>"(?:[^"\\]|\\.)*")', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-3][0-7]{2})|([\\\"'abfnrtv]))")
_BARE_KEY = re.compile(r"[\w-]+")
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORDS = frozenset({"AND", "OR", "NOT", "hasPrefix", "attributes"})


class FilterInvalid(DeployError):
    """A text is not a filter. ``position``: the index of the first invalid character."""

    def __init__(self, text: str, position: int, why: str) -> None:
        super().__init__(f"invalid filter {text!r}, at character {position + 1}: {why}")
        self.text = text
        self.position = position
        self.why = why


class Filter(Protocol):
    """A parsed filter. ``str`` writes it in its shortest form."""

    def matches(self, attributes: Attributes) -> bool:
        """Return whether a message with these attributes is delivered."""

    def keys(self) -> frozenset[str]:
        """Return the attribute keys that the filter looks at."""


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty filter."""

    def matches(self, _: Attributes) -> bool:
        """Return True, because every message is delivered."""
        return True

    def keys(self) -> frozenset[str]:
        """Return no key."""
        return frozenset()

    def __str__(self) -> str:
        return ""  # an empty filter delivers every message


@dataclass(frozen=True, slots=True)
class Has:
    """``attributes:key``."""

    key: str

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the attribute is there, with any value."""
        return self.key in attributes

    def keys(self) -> frozenset[str]:
        """Return the key."""
        return frozenset({self.key})

    def __str__(self) -> str:
        return f"attributes:{_written_key(self.key)}"


@dataclass(frozen=True, slots=True)
class Equals:
    """``attributes.key = "value"``."""

    key: str
    value: str

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the attribute has exactly this value."""
        return attributes.get(self.key) == self.value

    def keys(self) -> frozenset[str]:
        """Return the key."""
        return frozenset({self.key})

    def __str__(self) -> str:
        return f"attributes.{_written_key(self.key)} = {_written(self.value)}"


@dataclass(frozen=True, slots=True)
class Differs:
    """``attributes.key != "value"``."""

    key: str
    value: str

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the attribute has another value, or is absent."""
        return attributes.get(self.key) != self.value

    def keys(self) -> frozenset[str]:
        """Return the key."""
        return frozenset({self.key})

    def __str__(self) -> str:
        return f"attributes.{_written_key(self.key)} != {_written(self.value)}"


@dataclass(frozen=True, slots=True)
class HasPrefix:
    """``hasPrefix(attributes.key, "prefix")``."""

    key: str
    prefix: str

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the attribute is there and its value begins with the prefix."""
        return self.key in attributes and attributes[self.key].startswith(self.prefix)

    def keys(self) -> frozenset[str]:
        """Return the key."""
        return frozenset({self.key})

    def __str__(self) -> str:
        return f"hasPrefix(attributes.{_written_key(self.key)}, {_written(self.prefix)})"


@dataclass(frozen=True, slots=True)
class Not:
    """``NOT term``."""

    term: Filter

    def matches(self, attributes: Attributes) -> bool:
        """Return whether the term does not match."""
        return not self.term.matches(attributes)

    def keys(self) -> frozenset[str]:
        """Return the keys of the term."""
        return self.term.keys()

    def __str__(self) -> str:
        return f"NOT {_grouped(self.term)}"


@dataclass(frozen=True, slots=True)
class All:
    """Two or more terms with AND between them."""

    terms: tuple[Filter, ...]

    def matches(self, attributes: Attributes) -> bool:
        """Return whether every term matches."""
        return all(term.matches(attributes) for term in self.terms)

    def keys(self) -> frozenset[str]:
        """Return the keys of all terms."""
        return frozenset[str]().union(*(term.keys() for term in self.terms))

    def __str__(self) -> str:
        return " AND ".join(map(_grouped, self.terms))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Two or more terms with OR between them."""

    terms: tuple[Filter, ...]

    def matches(self, attributes: Attributes) -> bool:
        """Return whether at least one term matches."""
        return any(term.matches(attributes) for term in self.terms)

    def keys(self) -> frozenset[str]:
        """Return the keys of all terms."""
        return frozenset[str]().union(*(term.keys() for term in self.terms))

    def __str__(self) -> str:
        return " OR ".join(map(_grouped, self.terms))


def parse_filter(text: str) -> Filter:
    """Parse a filter, which may be empty. Raises ``FilterInvalid``."""
    if len(text.encode()) > MAX_BYTES:
        raise FilterInvalid(text, _first_character_over(text), f"a filter has at most {MAX_BYTES} bytes")
    tokens = list(_tokens(text))
    return _Parser(text, tokens).whole() if len(tokens) > 1 else Everything()


@dataclass(frozen=True, slots=True)
class _Token:
    """A token. ``kind`` is word, sign, text or end; the ``value`` of a text is still quoted; ``end`` is exclusive."""

    kind: str
    value: str
    start: int
    end: int


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Filter:
        """Parse all tokens."""
        parsed = self._expression()
        if self._here.kind != "end":
            raise self._unexpected("the end, AND or OR")
        return parsed

    @property
    def _here(self) -> _Token:
        return self._tokens[self._at]

    def _expression(self) -> Filter:
        terms, operator = [self._term()], self._here.value
        if operator not in {"AND", "OR"}:
            return terms[0]
        while self._here.value == operator:
            self._take()
            terms.append(self._term())
        if self._here.value in {"AND", "OR"}:
            raise self._unexpected("parentheses around the terms that AND or OR combines")
        return All(tuple(terms)) if operator == "AND" else AnyOf(tuple(terms))

    def _term(self) -> Filter:
        token = self._take()
        readers: dict[str, Callable[[], Filter]] = {
            "NOT": self._negation,
            "-": self._negation,
            "(": self._group,
            "hasPrefix": self._prefix,
            "attributes": self._test,
        }
        if token.value not in readers:
            raise self._unexpected("attributes, hasPrefix, NOT or an opening parenthesis", token)
        return readers[token.value]()

    def _negation(self) -> Filter:
        return Not(self._term())

    def _group(self) -> Filter:
        inner = self._expression()
        self._expect(")")
        return inner

    def _test(self) -> Filter:
        if self._here.value == ":":
            return Has(self._key(":"))
        key, operator = self._key("."), self._take()
        if operator.value not in {"=", "!="}:
            raise self._unexpected("= or !=", operator)
        return Equals(key, self._literal()) if operator.value == "=" else Differs(key, self._literal())

    def _prefix(self) -> Filter:
        self._expect("(")
        self._expect("attributes")
        key = self._key(".")
        self._expect(",")
        prefix = self._literal()
        self._expect(")")
        return HasPrefix(key, prefix)

    def _key(self, sign: str) -> str:
        """Parse the sign and the key. There may be no space before either of them."""
        for _ in range(2):
            if self._here.start != self._tokens[self._at - 1].end:
                raise FilterInvalid(
                    self._text, self._tokens[self._at - 1].end, "no space is allowed within attributes.KEY"
                )
            if sign:
                self._expect(sign)
                sign = ""
        token = self._take()
        if token.kind == "text":
            return self._unquoted(token)
        if token.kind != "word" or not _BARE_KEY.fullmatch(token.value):
            raise self._unexpected("a key, in quotes unless it has letters, digits, _ and - only", token)
        return token.value

    def _literal(self) -> str:
        token = self._take()
        if token.kind != "text":
            raise self._unexpected("a value in double quotes", token)
        return self._unquoted(token)

    def _unquoted(self, token: _Token) -> str:
        try:
            return _decoded(token.value[1:-1])
        except ValueError as error:
            raise FilterInvalid(self._text, token.start, f"an invalid escape: {error}") from error

    def _take(self) -> _Token:
        token = self._here
        self._at += token.kind != "end"
        return token

    def _expect(self, value: str) -> None:
        token = self._take()
        if token.kind == "text" or token.value != value:
            raise self._unexpected(value, token)

    def _unexpected(self, wanted: str, token: _Token | None = None) -> FilterInvalid:
        actual = token or self._here
        shown = actual.value if actual.kind != "end" else "the end"
        return FilterInvalid(self._text, actual.start, f"expected {wanted}, not {shown}")


def _tokens(text: str) -> Iterator[_Token]:
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
            yield _Token(match.lastgroup or "", match[0], position, match.end())
        position, last = match.end(), match[0]
    yield _Token("end", "", len(text), len(text))


def _split_minus(word: str, start: int) -> Iterator[_Token]:
    """Split a word from the minus signs before it, which negate it (``-attributes:key``); those in a key stay."""
    bare = word.lstrip("-")
    for position in range(start, start + len(word) - len(bare)):
        yield _Token("word", "-", position, position + 1)
    if bare:
        yield _Token("word", bare, start + len(word) - len(bare), start + len(word))


def _decoded(quoted: str) -> str:
    """Return a quoted text with its escapes resolved. Raises ``ValueError``."""
    data, position = bytearray(), 0
    while position < len(quoted):
        if quoted[position] != "\\":
            data += quoted[position].encode()
            position += 1
            continue
        escape = _ESCAPE.match(quoted, position)
        if not escape:
            raise ValueError(quoted[position : position + 6])
        data += _escaped_bytes(escape)
        position = escape.end()
    return data.decode()


def _escaped_bytes(escape: "re.Match[str]") -> bytes:
    character, hexadecimal, octal, itself = escape.groups()
    if character:
        return chr(int(character, 16)).encode()
    if itself:
        return _CONTROL.get(itself, itself).encode()
    return bytes([int(hexadecimal, 16) if hexadecimal else int(octal, 8)])


def _written(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _written_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) and key not in _WORDS else _written(key)


def _grouped(term: Filter) -> str:
    return f"({term})" if isinstance(term, All | AnyOf) else str(term)


def _first_character_over(text: str) -> int:
    size = 0
    for position, character in enumerate(text):
        size += len(character.encode())
        if size > MAX_BYTES:
            return position
    return len(text)
