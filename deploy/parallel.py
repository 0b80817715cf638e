"""Worker threads. If the main thread leaves early, by Ctrl-C or a failure, it wakes the workers that sleep."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from types import FrameType
from typing import TypeVar

MAX_WORKERS = min(8, 2 * (os.cpu_count() or 1))
"""gcloud commands that run at the same time. Each takes half a second, most of it processor time."""

POLL_S = 0.2
"""Polling interval of the main thread, which alone can run Python's signal handlers."""

LEAVE_S = 1.0
"""Seconds that the main thread waits for running workers when it leaves early. It may have ended a gcloud of its own
before, for up to ``gcloud_process.END_S``; a signal is obeyed within two seconds in all."""

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that end a command; Windows has no SIGHUP."""

_THREAD_NAME = "deploy-worker"
T = TypeVar("T")
_local = threading.local()
_numbers = count()
_open = list["_Pool"]()
"""All pools whose work ends with the first signal."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """The workers of one block. ``name``: how the names of their threads begin. ``cancelled`` wakes them."""

    name: str
    cancelled: threading.Event
    executor: ThreadPoolExecutor

    def cancel(self) -> None:
        """Wake workers that sleep, have gcloud processes ended, and drop the work that has not begun."""
        self.cancelled.set()
        self.executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def worker_pool(
    workers: int = MAX_WORKERS, *, is_endless: bool = False, is_optional: bool = False
) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of worker threads.

    If the caller leaves by an exception, workers that sleep are woken, their gcloud processes are ended, and work that
    has not begun is cancelled. A signal does this to all open pools together, because no result is needed then.
    ``is_endless``: the work does not end by itself, so that this is done at any end; a signal may be handled inside of
    the block, so it does not cancel this pool before the end of the block. ``is_optional``: this is done at any end,
    and only after a signal does the end wait for the workers.
    """
    pool = _new_pool(workers)
    if not is_endless:
        _open.append(pool)
    is_complete = False
    try:
        yield pool.executor
        is_complete = not is_endless and not is_optional
    except KeyboardInterrupt:
        _end_all()
        raise
    finally:
        if not is_endless:
            _open.remove(pool)
        if is_complete:
            pool.executor.shutdown()
        elif not pool.cancelled.is_set():
            pool.cancel()
            _join([] if is_optional else _workers(pool.name))


def _new_pool(workers: int) -> _Pool:
    name, cancelled = f"{_THREAD_NAME}-{next(_numbers)}_", threading.Event()
    return _Pool(name, cancelled, ThreadPoolExecutor(workers, name, initializer=_init_worker, initargs=(cancelled,)))


def _end_all() -> None:
    """End the work of all open pools. The blocks around this one then find it done, so that no time is added up."""
    ending = [pool for pool in _open if not pool.cancelled.is_set()]
    for pool in ending:
        pool.cancel()
    if ending:
        _join([thread for pool in ending for thread in _workers(pool.name)])


@contextmanager
def begun(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Start work in a thread. The yielded function waits for the result, or raises the error of the work.

    The thread ends with the work, so that nothing waits for a thread that has nothing to do.
    """
    with worker_pool() as pool:
        working = pool.submit(work)
        pool.shutdown(wait=False)
        yield lambda: wait_for(working)


def are_left() -> bool:
    """Return whether workers still run after the main thread left early: nothing can wake a read from a network."""
    return bool(_workers())


def _workers(name: str = _THREAD_NAME) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


def _join(threads: Sequence[threading.Thread]) -> None:
    give_up_at = time.monotonic() + LEAVE_S
    for thread in threads:
        thread.join(max(give_up_at - time.monotonic(), 0))


def wait_for(future: Future[T], is_over: Callable[[], bool] = bool) -> T:
    """Return the result of a future, or raise its error. Signals are handled while this waits.

    ``is_over`` returns whether the time to wait has ended. If it has, and there is no result, this is an error.

    Raises:
        TimeoutError: there is no result in this time.
        CancelledError: this is a worker, and the main thread has left early.

    """
    while not future.done():
        if is_over():
            raise TimeoutError
        wait([future], timeout=POLL_S)
        raise_if_cancelled()
    return future.result()


def sleep(seconds: float) -> None:
    """Sleep. A worker is woken if the main thread leaves early.

    Raises:
        CancelledError: this is a worker, and the main thread has left early.

    """
    cancelled: threading.Event | None = getattr(_local, "cancelled", None)
    if cancelled is None:
        time.sleep(seconds)
    elif cancelled.wait(seconds):
        raise CancelledError


@contextmanager
def signals_wait() -> Iterator[None]:
    """Delay a signal that ends the command until the end of the block, so that the block is not interrupted.

    Python runs handlers in the main thread alone: in another there is nothing to wait for.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: handler for number in ENDING if callable(handler := signal.getsignal(number))}
    try:
        for number in handlers:
            signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        try:
            _restore(handlers)
        finally:  # a signal that came between two of them must not leave the others replaced
            _restore(handlers)
        for number in came:
            signal.raise_signal(number)


def _restore(handlers: Mapping[int, Callable[[int, FrameType | None], object]]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def raise_if_cancelled() -> None:
    """Stop a worker whose result is no longer wanted; do nothing in any other thread.

    Raises:
        CancelledError: this is a worker, and the main thread has left early.

    """
    cancelled: threading.Event | None = getattr(_local, "cancelled", None)
    if cancelled is not None and cancelled.is_set():
        raise CancelledError


def _init_worker(cancelled: threading.Event) -> None:
    _local.cancelled = cancelled
