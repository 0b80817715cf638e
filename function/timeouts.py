"""Awaits a coroutine with a timeout, without a timer if the coroutine ends at once."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Self, TypeVar

T = TypeVar("T")


async def with_timeout(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of the work. Raises TimeoutError if it takes longer than ``seconds``.

    Most bodies and secrets are available already. Then the work ends with its first step and needs no timer. Two timers
    for each event would take as much time as the check of its signature.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(seconds):
        rest: T = await _Resumed(work, awaited)
        return rest


class _Resumed(Generator[Any, Any, T]):
    """Continues a coroutine that has taken its first step. ``awaited`` is the object that this step waits for."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: object) -> None:
        self._work = work
        self._given = [awaited]

    def __await__(self) -> Self:
        return self

    def send(self, _value: Any) -> Any:
        """Return the object of the first step, and then run the next steps. A task only sends ``None``."""
        return self._given.pop() if self._given else self._work.send(None)

    def throw(self, *error: Any) -> Any:
        """Raise an error inside the work, such as its cancellation."""
        return self._work.throw(*error)
