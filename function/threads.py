"""Runs blocking calls beside the event loop, and an event loop beside blocking code."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


def daemon_thread(call: Callable[[], T]) -> "Future[T]":
    """Start a blocking call that may hang for ever, such as a read from a network mount. Return its future.

    A hung call cannot be stopped. On a daemon thread of its own it does not occupy a thread of a pool, and does not
    keep the process from ending.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # so that a waiter that gives up does not cancel it

    def run() -> None:
        try:
            outcome.set_result(call())
        except Exception as error:  # noqa: BLE001  # the waiting thread raises it again
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


async def in_daemon_thread(call: Callable[[], T]) -> T:
    """Return the result of a blocking call that runs on a daemon thread, without blocking the event loop."""
    return await asyncio.wrap_future(daemon_thread(call))


class BackgroundLoop:
    """An event loop on a daemon thread, for callers that are not asynchronous.

    The first call starts the thread, so that it belongs to the serving process and not to its parent.
    """

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return its result. Any number of threads may wait here at once."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running()).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, daemon=True, name="relay").start()
            return self._loop
