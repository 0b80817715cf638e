"""threads: a call that hangs does not delay other calls, and blocking callers share one loop."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from function.threads import BackgroundLoop, in_daemon_thread
from tests.pace import in_time


def test_the_result_of_a_call_is_returned() -> None:
    assert asyncio.run(in_daemon_thread(lambda: threading.current_thread().daemon)) is True


@pytest.mark.parametrize("error", [OSError("disk"), ValueError("text"), KeyError("x")])
def test_the_error_of_a_call_is_raised_in_its_awaiter(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        asyncio.run(in_daemon_thread(fail))
    assert caught.value is error


def test_more_calls_may_hang_than_a_pool_has_threads() -> None:
    released = threading.Event()

    async def run() -> int:
        hanging = [asyncio.create_task(in_daemon_thread(released.wait)) for _ in range(60)]
        answer = await asyncio.wait_for(in_daemon_thread(lambda: 42), 5)
        released.set()
        await asyncio.gather(*hanging)
        return answer

    assert asyncio.run(run()) == 42


def test_a_result_whose_awaiter_has_given_up_is_dropped() -> None:
    released = threading.Event()
    complaints: list[dict[str, Any]] = []

    async def give_up() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await in_daemon_thread(released.wait)
        released.set()
        await asyncio.sleep(0.05)

    asyncio.run(give_up())
    assert complaints == []


def test_a_result_after_the_end_of_the_loop_is_dropped() -> None:
    released = threading.Event()
    threads: list[threading.Thread] = []

    def hang() -> None:
        threads.append(threading.current_thread())
        released.wait()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await in_daemon_thread(hang)

    asyncio.run(give_up())
    released.set()
    threads[0].join(5)
    assert not threads[0].is_alive()


class Stoppable(BackgroundLoop):
    """A loop that a test can end."""

    def stop(self) -> None:
        """Stop the loop and close it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            while self._loop.is_running():
                time.sleep(0.001)
            self._loop.close()


@pytest.fixture
def background() -> Iterator[Stoppable]:
    loop = Stoppable()
    yield loop
    loop.stop()


async def where() -> tuple[int, asyncio.AbstractEventLoop]:
    return threading.get_ident(), asyncio.get_running_loop()


def test_all_coroutines_run_on_one_loop_in_its_own_thread(background: Stoppable) -> None:
    first, second = background.run(where()), background.run(where())
    assert first == second
    assert first[0] != threading.get_ident()


def test_the_error_of_a_coroutine_is_raised_in_the_calling_thread(background: Stoppable) -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        background.run(fail())


def test_any_number_of_threads_may_wait_at_once_and_start_only_one_loop(background: Stoppable) -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    together = threading.Barrier(30)

    async def meet() -> None:
        await asyncio.sleep(0.05)
        loops.append(asyncio.get_running_loop())

    def wait() -> None:
        together.wait()
        background.run(meet())

    began = time.monotonic()
    threads = [threading.Thread(target=wait) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    in_time(time.monotonic() - began, 1)
    assert len(loops) == 30
    assert len(set(loops)) == 1


def test_no_thread_is_started_before_the_first_call() -> None:
    before = threading.active_count()
    BackgroundLoop()
    assert threading.active_count() == before


def test_the_loop_does_not_keep_the_process_from_ending(background: Stoppable) -> None:
    identity, _ = background.run(where())
    (thread,) = (thread for thread in threading.enumerate() if thread.ident == identity)
    assert (thread.name, thread.daemon) == ("relay", True)
