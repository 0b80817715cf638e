"""Which connection a request takes, and when another one is tried beside those that are still being made.

A connection may be slow to make, or its making may have met an outage that is over: looking names up and knocking
again are put off ever longer. The first is waited for, the second is made anew; which of the two it is cannot be told.
So while there is none a new one is begun each second, the older ones go on, and the first that stands is taken.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

NEXT_S = 1.0
"""Seconds after which another connection is begun beside one that is still being made."""

LONGEST_S = 20.0
"""Seconds that the oldest may take to be made. (DT gives up on its request after 10, and sends it again.)"""

MOST = 4
"""How many are being made at once: the oldest, and the newest ones."""

LOOK_S = 0.05
"""Seconds between two looks whether one of several stands."""


class Connection(Protocol):
    """``pubsub.PubSub`` has the real ones."""

    def is_ready(self) -> bool:
        """Whether it stands; if it is idle it begins to be made."""
        ...

    def has_failed(self) -> bool:
        """Whether a request on it would fail at once, and tell the cause."""
        ...

    def retire(self) -> None:
        """Close it when the requests on it have ended: no other one will take it."""
        ...


C = TypeVar("C", bound=Connection)


@dataclass(frozen=True, slots=True)
class _Resumed(Generic[C]):
    connection: C
    at: float


class Connections(Generic[C]):
    """``make`` begins a connection; ``monotonic`` gives seconds of a clock that never steps back."""

    def __init__(self, make: Callable[[], C], *, monotonic: Callable[[], float]) -> None:
        self._make = make
        self._monotonic = monotonic
        self._ready: C | None = None
        self._begun: list[_Resumed[C]] = []

    async def best(self, timeout_s: float) -> C:
        """Return the connection that stands, or that a request had best wait on.

        While several are being made: the first that stands within ``timeout_s`` seconds, or one that tells why not.
        """
        if self._ready:
            if self._ready.is_ready():
                return self._ready
            self._begun, self._ready = [_Resumed(self._ready, self._monotonic())], None
        gives_up_at = self._monotonic() + timeout_s
        while not self._found():
            newest = self._newest()
            if len(self._begun) == 1 or newest.has_failed() or self._monotonic() >= gives_up_at:
                return newest
            await asyncio.sleep(LOOK_S)
        return self._ready or self._newest()

    def leave(self, connection: C) -> None:
        """Take this connection no more; a second time does nothing."""
        if self._ready is connection:
            self._ready = None
            connection.retire()
        self._keep([begun for begun in self._begun if begun.connection is not connection])

    def clear(self) -> list[C]:
        """Take none of them any more, and return them to be closed."""
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
                del kept[1]  # the oldest stays: it is the nearest to standing
            self._keep(kept)
            self._begun.append(_Resumed(self._make(), now))
        return self._begun[-1].connection

    def _keep(self, kept: list[_Resumed[C]]) -> None:
        """Retire all that are not kept, and do not stand."""
        for begun in self._begun:
            if begun not in kept and begun.connection is not self._ready:
                begun.connection.retire()
        self._begun = kept
