"""A request and its reply, independent of any web framework."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from msgspec import Struct, field


class Request(Struct, frozen=True):
    """A request. ``headers``: name in lower case -> values in the order of their arrival.

    ``read(limit)`` returns the whole body and may be called once. It raises BodyTooLarge as soon as more than
    ``limit`` bytes are announced or have arrived, and BodyIncomplete if the client leaves before the end.
    """

    method: str
    headers: Mapping[str, Sequence[str]]
    read: Callable[[int], Coroutine[Any, Any, bytes]]
    soon: Callable[[Callable[[], None]], object] | None = None
    """Calls a function at the end of this turn of the event loop, before the reply leaves; None if nothing can."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header (its name in lower case), or None if the request does not have it."""
        values = self.headers.get(name)
        return values[0] if values else None


class Reply(Struct, frozen=True):
    """A reply. ``is_early``: the connection ends with it, because the rest of the request's body is not read."""

    status: int
    body: bytes
    is_early: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
