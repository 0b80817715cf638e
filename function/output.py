"""Standard output for log lines: a line is written whole, and no request waits for the reader.

A pipe takes 64 KiB; a reader that stalls would else stop every answer. A line is written at once where there is room,
so that it leaves with its answer: Cloud Run gives the process no CPU between requests. Only if there is no room does
the line wait in a queue, which a thread writes. If the queue is full, lines are dropped and counted, and the next
line that can be written says how many.
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
"""Bytes of lines that may wait: some 2,500 lines."""

LAST_WRITES_S = 2.0
"""Seconds that the end of the process waits for the queue. Cloud Run gives 10 after SIGTERM."""


class HasDescriptor(Protocol):
    """A stream of the operating system."""

    def fileno(self) -> int:
        """Return its file descriptor."""
        ...


class LineWriter:
    """Writes lines to a file descriptor, from any thread, and returns at once.

    ``dropped_line`` makes the line that says how many lines were dropped. ``is_direct``: a write to the descriptor
    fails with ``BlockingIOError``, or is finished at once, but never waits. Without it every line is the thread's.
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
        """Write to a stream, or to nowhere if the process was started without it; the queue is emptied at the end."""
        descriptor, is_direct = _opened(os.open(os.devnull, os.O_WRONLY) if stream is None else stream.fileno())
        writer = cls(descriptor, dropped_line=dropped_line, is_direct=is_direct)
        atexit.register(writer.flush)
        return writer

    def write(self, line: bytes) -> None:
        """Write one line, line feed included, or let it wait, or drop it."""
        with self._changed:
            if self._is_direct and not self._queue and not self._dropped:
                line = line[self._written(line) :]
            if not line:  # the usual case
                return
            if self._queued_bytes + len(line) > QUEUE_BYTES:
                self._dropped += 1
                return
            self._enqueue(line)

    def flush(self, timeout_s: float = LAST_WRITES_S) -> None:
        """Wait until nothing waits any more, but not longer than ``timeout_s`` seconds."""
        gives_up_at = time.monotonic() + timeout_s
        with self._changed:
            while self._queue and (left_s := gives_up_at - time.monotonic()) > 0:
                self._changed.wait(left_s)

    @property
    def is_idle(self) -> bool:
        """Whether no line waits."""
        return not self._queue

    def _enqueue(self, line: bytes) -> None:
        self._queue.append(line)
        self._queued_bytes += len(line)
        if self._thread is None or not self._thread.is_alive():  # none in a process that was forked from ours
            self._thread = threading.Thread(target=self._write_queue, daemon=True, name="log")
            self._thread.start()
        self._changed.notify_all()

    def _written(self, line: bytes) -> int:
        """Write as much as there is room for, and return how many bytes that was; a broken stream loses the line."""
        try:
            return os.write(self._descriptor, line)
        except BlockingIOError:
            return 0
        except OSError:
            self._dropped += 1
            return len(line)

    def _write_queue(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                line = self._queue[0]  # it stays there until it is written, so that no other line is written meanwhile
            is_written = self._is_written(line)
            with self._changed:
                self._dropped += not is_written
                dropped = self._dropped if is_written and len(self._queue) == 1 else 0
            if dropped and self._is_written(self._dropped_line(dropped)):
                with self._changed:
                    self._dropped -= dropped
            with self._changed:
                self._queued_bytes -= len(self._queue.popleft())
                self._changed.notify_all()

    def _is_written(self, line: bytes) -> bool:
        """Write a line to its end, however long that takes; ``False`` if the stream is broken."""
        while line:
            try:
                line = line[os.write(self._descriptor, line) :]
            except BlockingIOError:
                select.select((), (self._descriptor,), ())
            except OSError:
                return False
        return True


def _opened(descriptor: int) -> tuple[int, bool]:
    """Return a descriptor to write lines to, and whether a write to it never waits.

    A pipe is opened once more, since "does not wait" would else hold for whoever shares it, such as standard error.
    A file never makes a write wait. What else there is (a terminal, a socket) may.
    """
    mode = os.fstat(descriptor).st_mode
    if sys.platform != "win32" and stat.S_ISFIFO(mode) and Path("/proc/self/fd").exists():
        with contextlib.suppress(OSError):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK), True
    return descriptor, stat.S_ISREG(mode)
