"""A request and its reply, as the rooms know them: free of any web framework."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from msgspec import Struct, field


class Request(Struct, frozen=True):
    """``headers``: by name in lower case, each with its values in the order they came.

    ``read(limit)`` gives the whole body and may be called once. It raises BodyTooLarge as soon as more than
    ``limit`` bytes are announced or have come, and BodyIncomplete when the client leaves before the end.
    """

    method: str
    headers: Mapping[str, Sequence[str]]
    read: Callable[[int], Coroutine[Any, Any, bytes]]

    def header(self, name: str) -> str | None:
        """Give a header's first value."""
        values = self.headers.get(name)
        return values[0] if values else None


class Reply(Struct, frozen=True):
    """``is_early``: the connection ends with this reply, as the rest of the request's body is not wanted."""

    status: int
    body: bytes
    is_early: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
