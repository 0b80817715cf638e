"""Chooses the connection of a request, and begins another connection while the others are not ready.

A connection may take long because the network is slow, or because an outage that is now over delayed its retries: gRPC
waits ever longer before it looks the name up or connects again. The first case needs patience, the second a new
connection, and the two look alike. So while no connection is ready, a new one is begun each second, the older ones
continue, and the first that is ready is used.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

NEXT_S = 1.0
"""Seconds after which another connection is begun while the newest one is not ready."""

LONGEST_S = 20.0
"""Seconds after which a connection that is not ready is given up. (DT's request times out after 10 s; DT retries.)"""

MOST = 4
"""Maximum number of connections that are not ready at once: the oldest and the newest ones."""

LOOK_S = 0.05
"""Seconds between two checks whether one of several connections is ready."""


class Connection(Protocol):
    """A connection to Pub/Sub. ``pubsub`` has the implementation of production."""

    def is_ready(self) -> bool:
        """Return whether the connection is ready. An idle connection begins to connect."""
        ...

    def has_failed(self) -> bool:
        """Return whether a request on this connection would fail at once, with the cause of the failure."""
        ...

    def retire(self) -> None:
        """Close the connection when its requests have ended. It gets no further request."""
        ...


C = TypeVar("C", bound=Connection)


@dataclass(frozen=True, slots=True)
class _Begun(Generic[C]):
    connection: C
    at: float


class Connections(Generic[C]):
    """Holds connections. ``make`` begins one; ``monotonic`` returns seconds of a clock that never steps back."""

    def __init__(self, make: Callable[[], C], *, monotonic: Callable[[], float]) -> None:
        self._make = make
        self._monotonic = monotonic
        self._ready: C | None = None
        self._begun: list[_Begun[C]] = []

    async def best(self, timeout_s: float) -> C:
        """Return the connection that is ready, or else the one that a request should wait for.

        If several are not ready: wait up to ``timeout_s`` seconds for the first that is ready. If there is none, or if
        the newest has failed, return the newest, because a request on it fails with the cause.
        """
        if self._ready:
            if self._ready.is_ready():
                return self._ready
            self._begun, self._ready = [_Begun(self._ready, self._monotonic())], None
        gives_up_at = self._monotonic() + timeout_s
        while not self._found():
            newest = self._newest()
            if len(self._begun) == 1 or newest.has_failed() or self._monotonic() >= gives_up_at:
                return newest
            await asyncio.sleep(LOOK_S)
        return self._ready or self._newest()

    def leave(self, connection: C) -> None:
        """Stop using this connection. A second call has no effect."""
        if self._ready is connection:
            self._ready = None
            connection.retire()
        self._keep([begun for begun in self._begun if begun.connection is not connection])

    def clear(self) -> list[C]:
        """Stop using all connections, and return them, so that the caller can close them."""
        left = [*([self._ready] if self._ready else []), *(begun.connection for begun in self._begun)]
        self._ready, self._begun = None, []
        return left

    def _found(self) -> bool:
        if self._ready is None:
            self._ready = next((begun.connection for begun in self._begun if begun.connection.is_ready()), None)
            if self._ready:
                self._keep([])
        return self._ready is not None

    def _newest(self) -> C:
        now = self._monotonic()
        if not self._begun or now - self._begun[-1].at >= NEXT_S:
            kept = [begun for begun in self._begun if now - begun.at < LONGEST_S]
            if len(kept) == MOST:
                del kept[1]  # the oldest stays, because it has had the most time
            self._keep(kept)
            self._begun.append(_Begun(self._make(), now))
        return self._begun[-1].connection

    def _keep(self, kept: list[_Begun[C]]) -> None:
        """Retire all connections that are neither kept nor ready."""
        for begun in self._begun:
            if begun not in kept and begun.connection is not self._ready:
                begun.connection.retire()
        self._begun = kept
