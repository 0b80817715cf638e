"""Room for so many bytes at once, whatever they come in."""

import asyncio
from collections import deque


class Room:
    """Keeps those waiting for whom there is no room; who came first is the first to go on."""

    def __init__(self, size: float) -> None:
        self._left = size
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()

    async def take(self, size: float) -> None:
        """Wait until there is room for ``size``, and take it. A wait that is cancelled takes none."""
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
                self._let_in()
            raise

    def give_back(self, size: float) -> None:
        """Let others have the room."""
        self._left += size
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._left:
            size, turn = self._waiting.popleft()
            self._left -= size
            turn.set_result(None)
