"""Standard output for log lines: every line is written whole, and no request waits for the reader.

A pipe holds 64 KiB, so a reader that stalls would block every answer. If the pipe has room, a line is written at once,
before its answer, because Cloud Run gives the process no CPU between requests. If it has no room, the line waits in a
queue, which a thread writes. If the queue is full, lines are dropped and counted, and a later line says how many.
"""

import atexit
import contextlib
import os
import select
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

QUEUE_BYTES = 1_048_576
"""Maximum bytes of lines in the queue: about 2,500 lines."""

LAST_WRITES_S = 2.0
"""Seconds for which a process that exits waits for the queue. uvicorn ends its process at SIGTERM without exiting."""


class HasDescriptor(Protocol):
    """A stream of the operating system."""

    def fileno(self) -> int:
        """Return its file descriptor."""
        ...


class LineWriter:
    """Writes lines to a file descriptor, from any thread, and returns at once.

    ``dropped_line`` returns the line that says how many lines were dropped. ``is_direct``: a write to the descriptor
    never waits, but raises ``BlockingIOError`` if there is no room. Otherwise the thread writes every line.
    """

    def __init__(self, descriptor: int, *, dropped_line: Callable[[int], bytes], is_direct: bool) -> None:
        self._descriptor = descriptor
        self._dropped_line = dropped_line
        self._is_direct = is_direct
        self._changed = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None

    @classmethod
    def to(cls, stream: HasDescriptor | None, *, dropped_line: Callable[[int], bytes]) -> Self:
        """Return a writer for a stream, or for the null device if the process was started without this stream.

        The writer flushes its queue when the process ends.
        """
        descriptor, is_direct = _opened(os.open(os.devnull, os.O_WRONLY) if stream is None else stream.fileno())
        writer = cls(descriptor, dropped_line=dropped_line, is_direct=is_direct)
        atexit.register(writer.flush)
        return writer

    def write(self, lines: bytes) -> None:
        """Write one or more lines, line feeds included, or queue them, or drop them if the queue is full."""
        with self._changed:
            if self._is_direct and not self._queue and not self._dropped:
                lines = lines[self._written(lines) :]
            if not lines:  # the usual case
                return
            if self._queued_bytes + len(lines) > QUEUE_BYTES:
                self._dropped += _count(lines)
                return
            self._enqueue(lines)

    def flush(self, timeout_s: float = LAST_WRITES_S) -> None:
        """Wait until the queue is empty, but not longer than ``timeout_s`` seconds."""
        gives_up_at = time.monotonic() + timeout_s
        with self._changed:
            while self._queue and (left_s := gives_up_at - time.monotonic()) > 0:
                self._changed.wait(left_s)

    @property
    def is_idle(self) -> bool:
        """True if no line waits in the queue."""
        return not self._queue

    def _enqueue(self, lines: bytes) -> None:
        self._queue.append(lines)
        self._queued_bytes += len(lines)
        if self._thread is None or not self._thread.is_alive():  # a forked process has no such thread
            self._thread = threading.Thread(target=self._write_queue, daemon=True, name="log")
            self._thread.start()
        self._changed.notify_all()

    def _written(self, lines: bytes) -> int:
        """Write as much as there is room for, and return the number of bytes written.

        If the stream is broken, the lines count as dropped, and their whole length is returned.
        """
        try:
            return os.write(self._descriptor, lines)
        except BlockingIOError:
            return 0
        except OSError:
            self._dropped += _count(lines)
            return len(lines)

    def _write_queue(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                lines = self._queue[0]  # they stay in the queue until they are written, so that none overtakes them
            is_written = self._is_written(lines)
            with self._changed:
                self._dropped += 0 if is_written else _count(lines)
                dropped = self._dropped if is_written and len(self._queue) == 1 else 0
            if dropped and self._is_written(self._dropped_line(dropped)):
                with self._changed:
                    self._dropped -= dropped
            with self._changed:
                self._queued_bytes -= len(self._queue.popleft())
                self._changed.notify_all()

    def _is_written(self, lines: bytes) -> bool:
        """Write lines to their end, however long that takes. Return False if the stream is broken."""
        while lines:
            try:
                lines = lines[os.write(self._descriptor, lines) :]
            except BlockingIOError:
                _wait_until_writable(self._descriptor)
            except OSError:
                return False
        return True


def _count(lines: bytes) -> int:
    return lines.count(b"\n")


def _opened(descriptor: int) -> tuple[int, bool]:
    """Return a descriptor for lines, and whether a write to it never waits.

    A pipe is opened once more, because O_NONBLOCK on the same open file would also affect the others that share it,
    such as standard error. A write to a file never waits. A write to a terminal or a socket may wait.
    """
    mode = os.fstat(descriptor).st_mode
    if sys.platform != "win32" and stat.S_ISFIFO(mode) and Path("/proc/self/fd").exists():
        with contextlib.suppress(OSError):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK), True
    return descriptor, stat.S_ISREG(mode)


def _wait_until_writable(descriptor: int) -> None:
    if sys.platform != "win32":  # on Windows a write itself waits; select() takes no descriptor beyond 1023
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        poll.poll()
