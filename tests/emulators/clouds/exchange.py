"""One HTTP request to a cloud and its answer, independent of any server; routes from paths to handlers."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``target``: as it was sent; ``path``: decoded, without the query. Header names are in lower case."""

    method: str
    host: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    target: str = "/"

    @classmethod
    def from_target(cls, method: str, host: str, target: str, headers: Mapping[str, str], body: bytes) -> "Request":
        """Return the request with this target of its request line."""
        parts = urlsplit("//" + target if target.startswith("//") else target)
        query = parse_qs(parts.query, keep_blank_values=True)
        return cls(method, host, unquote(parts.path), query, headers, body, target)

    def parameter(self, *names: str, default: str = "") -> str:
        """Return the last value of a query parameter, by the first of these names that the query has."""
        return next((self.query[name][-1] for name in names if name in self.query), default)

    def number(self, *names: str, default: int) -> int:
        """Return a query parameter as a non-negative integer, or the default."""
        text = self.parameter(*names)
        return int(text) if text.isdecimal() else default

    def json(self) -> Json:
        """Return the body as a JSON object. Raises ``NotJson``."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise NotJson(str(error)) from error
        if not isinstance(value, dict):
            raise NotJson("not an object")
        return value


class NotJson(Exception):
    """The body of a request is not a JSON object."""


class Unanswered(Exception):
    """Raised to close the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. ``is_played``: False if the stand-ins do not know such a request."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_played: bool = True

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> "Answer":
        """Return an answer with a JSON value."""
        typed = {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}
        return cls(status, json.dumps(value).encode(), typed)


Handler = Callable[..., Any]


@dataclass(frozen=True)
class Route:
    """The handler of a method and a path. ``permission``: the permission that the caller needs, or "".

    In the path, ``{name}`` matches one segment without its ``:verb``, and ``{name*}`` matches the rest of the path.
    """

    method: str
    path: str
    handler: Handler
    permission: str = ""

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the named parts of a matching path, or None if method or path do not match."""
        match = _pattern(self.path).fullmatch(path) if method == self.method else None
        return match.groupdict() if match else None


def find_route(routes: Iterable[Route], request: Request) -> tuple[Route, dict[str, str]] | None:
    """Return the first matching route with the named parts of the path, or None."""
    for route in routes:
        parts = route.match(request.method, request.path)
        if parts is not None:
            return route, parts
    return None


def page(key: str, items: Sequence[Any], request: Request, *, default: int, most: int) -> Json:
    """Return the requested page of a list, and the token of the next page (empty at the end)."""
    size = min(request.number("pageSize", "page_size", default=default) or default, most)
    token = request.parameter("pageToken", "page_token").removeprefix("after-")
    start = int(token) if token.isdecimal() else 0
    end = start + size
    return {key: list(items[start:end]), "nextPageToken": f"after-{end}" if end < len(items) else ""}


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _pattern(path: str) -> re.Pattern[str]:
    if path not in _PATTERNS:
        pieces = re.split(r"\{(\w+\*?)\}", path)
        _PATTERNS[path] = re.compile("".join(_piece(index, piece) for index, piece in enumerate(pieces)))
    return _PATTERNS[path]


def _piece(index: int, piece: str) -> str:
    if index % 2 == 0:
        return re.escape(piece)
    return f"(?P<{piece[:-1]}>.+)" if piece.endswith("*") else f"(?P<{piece}>[^/:]+)"
