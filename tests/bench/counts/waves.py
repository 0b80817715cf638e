"""The sender of the counts: every connection sends one request, and all answers are awaited before the next wave.

A server is stopped while a wave is sent, so that it finds all requests of the wave at once, however fast the machine
is. Otherwise chance would decide how many events share a Publish request, and so the counts.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

from tests.bench.answers import described, is_whole
from tests.bench.errors import BenchError
from tests.bench.requests import Prepared, prepare

START_S = 120.0
"""Longest start of a server in valgrind, in seconds."""

ANSWER_S = 60.0
"""Longest wait for a part of an answer, in seconds."""


class Waves:
    """Sends waves over these connections to the server ``pid``."""

    def __init__(self, connections: list[socket.socket], pid: int) -> None:
        self._connections = connections
        self._pid = pid

    def send(self, count: int) -> int:
        """Send at least so many events in whole waves, and return how many. Raises BenchError for a wrong answer."""
        size = len(self._connections)
        waves = -(-count // size)
        requests = iter(prepare(waves * size, run=uuid4().hex[:8], now=time.time()))
        for _ in range(waves):
            self._wave(requests)
        return waves * size

    def _wave(self, requests: Iterator[Prepared]) -> None:
        with self._stopped() if len(self._connections) > 1 else contextlib.nullcontext():
            for connection in self._connections:
                connection.sendall(next(requests).wire)
        for connection in self._connections:
            _read_answer(connection)

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        os.kill(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)


@contextlib.contextmanager
def waves(port: int, pid: Callable[[], int], connections: int) -> Iterator[Waves]:
    """Connect to a server, which may still be starting; raises BenchError if it does not start.

    ``pid`` returns the process id of the server when it has started.
    """
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(_connected(port)) for _ in range(connections)]
        yield Waves(opened, pid())


def _connected(port: int) -> socket.socket:
    gives_up_at = time.monotonic() + START_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)
        except ConnectionRefusedError:
            if time.monotonic() > gives_up_at:
                raise BenchError(f"nothing listens on port {port}") from None
            time.sleep(0.05)


def _read_answer(connection: socket.socket) -> None:
    answer = b""
    while not is_whole(answer):
        part = connection.recv(65_536)
        if not part:
            raise BenchError("the server has closed the connection")
        answer += part
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"a wrong answer: {described(answer)}")
