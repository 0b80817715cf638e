"""timeouts: work that ends at once needs no timer, and other work is cancelled after its timeout."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest
from pytest_mock import MockerFixture

from function.timeouts import with_timeout


def run(work: Coroutine[Any, Any, str], seconds: float = 1.0) -> str:
    return asyncio.run(with_timeout(seconds, work))


async def answer() -> str:
    return "answer"


async def slow_answer() -> str:
    await asyncio.sleep(0.01)
    await asyncio.sleep(0)  # yields to the loop without waiting
    await asyncio.sleep(0.01)
    return "answer"


async def failure() -> str:
    raise LookupError("mine")


async def slow_failure() -> str:
    await asyncio.sleep(0.01)
    raise LookupError("mine")


@pytest.mark.parametrize("work", [answer, slow_answer])
def test_the_result_of_the_work_is_returned(work: Any) -> None:
    assert run(work()) == "answer"


@pytest.mark.parametrize("work", [failure, slow_failure])
def test_the_error_of_the_work_is_raised(work: Any) -> None:
    with pytest.raises(LookupError, match="mine"):
        run(work())


def test_no_timer_is_made_for_work_that_ends_at_once(mocker: MockerFixture) -> None:
    timer = mocker.spy(asyncio, "timeout")
    run(answer())
    assert timer.call_count == 0
    run(slow_answer())
    assert timer.call_count == 1


def test_work_that_takes_too_long_is_cancelled_and_raises_timeout_error() -> None:
    seen: list[str] = []

    async def work() -> str:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return "late"

    with pytest.raises(TimeoutError):
        run(work(), 0.02)
    assert seen == ["cancelled"]


def test_work_may_take_a_moment_to_end_after_its_timeout() -> None:
    seen: list[str] = []

    async def work() -> str:
        try:
            await asyncio.sleep(5)
        finally:
            await asyncio.sleep(0.01)
            seen.append("tidied")
        return "late"

    with pytest.raises(TimeoutError):
        run(work(), 0.02)
    assert seen == ["tidied"]


@pytest.mark.parametrize("steps", [1, 2])
def test_a_cancellation_of_the_caller_reaches_the_work(steps: int) -> None:
    seen: list[str] = []

    async def work() -> str:
        for _ in range(steps - 1):
            await asyncio.sleep(0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return "never"

    async def main() -> None:
        task = asyncio.ensure_future(with_timeout(5, work()))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["cancelled"]


def test_a_lock_passes_to_the_next_waiter_if_a_wait_times_out() -> None:
    async def hold(lock: asyncio.Lock, seconds: float) -> str:
        async with lock:
            await asyncio.sleep(seconds)
        return "held"

    async def main() -> Sequence[str | BaseException]:
        lock = asyncio.Lock()
        return await asyncio.gather(
            hold(lock, 0.1),
            with_timeout(0.02, hold(lock, 0)),
            with_timeout(30.0, hold(lock, 0)),
            return_exceptions=True,
        )

    first, second, third = asyncio.run(main())
    assert (first, type(second), third) == ("held", TimeoutError, "held")
