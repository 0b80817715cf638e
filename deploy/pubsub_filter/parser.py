"""Reads a filter by recursive descent. Pure."""

from collections.abc import Callable

from deploy.pubsub_filter.invalid import MAX_BYTES, FilterInvalid
from deploy.pubsub_filter.quotes import decoded, is_bare_key
from deploy.pubsub_filter.terms import All, AnyOf, Differs, Equals, Everything, Filter, Has, HasPrefix, Not
from deploy.pubsub_filter.tokens import Token, tokens


def parse_filter(text: str) -> Filter:
    """Parse a filter, which may be empty. Raises ``FilterInvalid``."""
    if len(text.encode()) > MAX_BYTES:
        raise FilterInvalid(text, _first_character_over(text), f"a filter has at most {MAX_BYTES} bytes")
    found = list(tokens(text))
    return _Parser(text, found).whole() if len(found) > 1 else Everything()


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self._text = text
        self._tokens = found
        self._at = 0

    def whole(self) -> Filter:
        """Parse all tokens."""
        parsed = self._expression()
        if self._here.kind != "end":
            raise self._unexpected("the end, AND or OR")
        return parsed

    @property
    def _here(self) -> Token:
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
        if token.kind != "word" or not is_bare_key(token.value):
            raise self._unexpected("a key, in quotes unless it has letters, digits, _ and - only", token)
        return token.value

    def _literal(self) -> str:
        token = self._take()
        if token.kind != "text":
            raise self._unexpected("a value in double quotes", token)
        return self._unquoted(token)

    def _unquoted(self, token: Token) -> str:
        try:
            return decoded(token.value[1:-1])
        except ValueError as error:
            raise FilterInvalid(self._text, token.start, f"an invalid escape: {error}") from error

    def _take(self) -> Token:
        token = self._here
        self._at += token.kind != "end"
        return token

    def _expect(self, value: str) -> None:
        token = self._take()
        if token.kind == "text" or token.value != value:
            raise self._unexpected(value, token)

    def _unexpected(self, wanted: str, token: Token | None = None) -> FilterInvalid:
        actual = token or self._here
        shown = actual.value if actual.kind != "end" else "the end"
        return FilterInvalid(self._text, actual.start, f"expected {wanted}, not {shown}")


def _first_character_over(text: str) -> int:
    size = 0
    for position, character in enumerate(text):
        size += len(character.encode())
        if size > MAX_BYTES:
            return position
    return len(text)
