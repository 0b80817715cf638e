"""Awaiting with a limit, without a timer where there is nothing to wait for."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Self, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
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
        rest: T = await _Begun(work, awaited)
        return rest


class _Begun(Generator[Any, Any, T]):
    """The rest of work that has taken its first step, and waits for what that step gave."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: object) -> None:
        self._work = work
        self._awaited = awaited
        self._is_known = True

    def __await__(self) -> Self:
        return self

    def send(self, value: Any) -> Any:
        """Take the next step; the first one is known already."""
        if self._is_known:
            self._is_known = False
            return self._awaited
        return self._work.send(value)

    def throw(self, *error: Any) -> Any:
        """Let the work see an error, such as its cancellation."""
        self._is_known = False
        return self._work.throw(*error)
