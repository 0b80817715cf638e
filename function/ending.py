"""Calls a function when SIGTERM comes. uvicorn ends its process by a signal, which skips ``atexit``."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType


def at_sigterm(call: Callable[[], object]) -> None:
    """Call this in the running event loop as soon as SIGTERM comes; the server's own handler runs as well.

    It has no effect in another thread than the main one, as behind a WSGI server, which ends by ``sys.exit``; nor if
    the server handles no SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop, server = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    if not callable(server):
        return

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        server(number, frame)

    signal.signal(signal.SIGTERM, handle)
