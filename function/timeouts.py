"""Awaiting with a limit, without a timer where there is nothing to wait for."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Self, TypeVar

T = TypeVar("T")


async def with_timeout(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Do the work; raises TimeoutError when that takes longer.

    Most bodies and secrets are there already: then the work ends with its first step and needs no timer. Two timers
    for each event would cost as much as the check of its signature.
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
    """The rest of work that has taken its first step, and waits for what that step gave."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: object) -> None:
        self._work = work
        self._given = [awaited]

    def __await__(self) -> Self:
        return self

    def send(self, _value: Any) -> Any:
        """Take the next step; what the first one gave is known already. A task never sends anything but ``None``."""
        return self._given.pop() if self._given else self._work.send(None)

    def throw(self, *error: Any) -> Any:
        """Let the work see an error, such as its cancellation."""
        return self._work.throw(*error)
