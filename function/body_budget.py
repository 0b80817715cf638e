"""A budget of bytes that several requests share."""

import asyncio
from collections import deque


class BodyBudget:
    """``size`` bytes that requests take and give back. A request waits, first come first served, until it fits."""

    def __init__(self, size: float) -> None:
        self._left = size
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()

    async def take(self, size: float) -> None:
        """Wait until ``size`` bytes are free, and take them. A wait that is cancelled takes no bytes."""
        if not self._waiting and size <= self._left:
            self._left -= size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(size)
            else:
                self._waiting.remove((size, turn))
                self._admit()
            raise

    def give_back(self, size: float) -> None:
        """Return ``size`` bytes to the budget, and let the requests that fit now continue."""
        self._left += size
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._left:
            size, turn = self._waiting.popleft()
            self._left -= size
            turn.set_result(None)
