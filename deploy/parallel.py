"""Several things beside one another; whoever leaves early, by Ctrl-C or a failure, waits for none that only sleeps."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

AT_ONCE = min(8, 2 * (os.cpu_count() or 1))
"""gcloud commands beside one another: each takes half a second, most of it a processor's."""

LOOKS_UP_S = 0.2
"""Seconds after which the main thread goes on: not before that is a signal heeded that another thread was given."""

LEAVES_S = 1.4
"""Seconds for which what runs is waited for on leaving early: a signal is obeyed within two."""

_NAME = "beside"
T = TypeVar("T")
_of_thread = threading.local()


@contextmanager
def beside_one_another() -> Iterator[ThreadPoolExecutor]:
    """Give threads. On leaving early what sleeps is woken, gcloud is ended, and what has not begun never begins."""
    left_early = threading.Event()
    pool = ThreadPoolExecutor(AT_ONCE, _NAME, initializer=_begins, initargs=(left_early,))
    stayed = False
    try:
        yield pool
        stayed = True
    finally:
        if not stayed:
            left_early.set()
        pool.shutdown(wait=stayed, cancel_futures=not stayed)
        if not stayed:
            _wait_a_moment()


@contextmanager
def begun(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Begin something beside what follows. The function that is given waits for its answer, and raises what it raised.

    Its thread ends with it, so that nothing waits for a thread that has nothing to do.
    """
    with beside_one_another() as pool:
        working = pool.submit(work)
        pool.shutdown(wait=False)
        yield lambda: answer(working)


def are_left() -> bool:
    """Whether threads still run that nothing waits for: nothing wakes a read from a network."""
    return bool(_threads())


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(_NAME)]


def _wait_a_moment() -> None:
    give_up_at = time.monotonic() + LEAVES_S
    for thread in _threads():
        thread.join(max(give_up_at - time.monotonic(), 0))


def answer(of: Future[T]) -> T:
    """Wait for one of the things, and for a signal meanwhile; raises what it raised.

    Raises:
        CancelledError: this is a thread of ``beside_one_another`` for which nothing waits any more.

    """
    while not of.done():
        wait([of], timeout=LOOKS_UP_S)
        go_on()
    return of.result()


def sleep(seconds: float) -> None:
    """Sleep, in a thread of ``beside_one_another`` no longer than somebody waits for it.

    Raises:
        CancelledError: nobody does any more.

    """
    left_early: threading.Event | None = getattr(_of_thread, "left_early", None)
    if left_early is None:
        time.sleep(seconds)
    elif left_early.wait(seconds):
        raise CancelledError


def go_on() -> None:
    """Go on, unless this is a thread of ``beside_one_another`` for which nothing waits any more.

    Raises:
        CancelledError: it is.

    """
    left_early: threading.Event | None = getattr(_of_thread, "left_early", None)
    if left_early is not None and left_early.is_set():
        raise CancelledError


def _begins(left_early: threading.Event) -> None:
    _of_thread.left_early = left_early
