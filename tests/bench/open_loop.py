"""``python -m tests.bench.open_loop``: sends each event when it is due, even if earlier ones have no answer yet.

Events are due at random times (Poisson), and a response time counts from the time when its event was due. So a function
that stalls cannot hide the stall by keeping the sender from sending (coordinated omission), as it can from the closed
loop of ``load``. The sender is a process of its own, signs and encodes all requests before the first event is due, and
prints one JSON object.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import random
import selectors
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench import measure
from tests.bench.answers import is_whole
from tests.bench.requests import prepare

CONNECTIONS = (32, 256)
"""Least and most: more than an instance below its limit answers at a time, and no more than ``select`` can watch."""
REST_S = 0.5
"""How long a connection is idle between two events: well below the 5 s after which the server closes it."""
PATIENCE_S = 30.0


@dataclass
class Tally:
    """Seconds from due to answered, and from due to sent; the number of answers by status, 0 being no answer."""

    response_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    answer_bytes: int = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection; ``due_at``: when its unanswered event was due, None if it has none."""

    def __init__(self, sender: "Sender") -> None:
        self.due_at: float | None = None
        self._sender = sender
        self._answer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio calls this when the connection is established."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, due_at: float, request: bytes) -> None:
        """Send an event."""
        self.due_at = due_at
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer; asyncio calls this."""
        self._answer += data
        if self.due_at is not None and is_whole(self._answer):
            answer, due_at, self._answer, self.due_at = self._answer, self.due_at, b"", None
            self._sender.answered(self, due_at, answer)

    def connection_lost(self, _: Exception | None) -> None:
        """Tell the sender; asyncio calls this when the connection is closed."""
        self._sender.lost(self)


class Sender:
    """Sends events over a pool of connections; an event that is due while none is free waits, and its time counts."""

    def __init__(self, events: Sequence[bytes]) -> None:
        self.tally = Tally()
        self._events = deque(events)
        self._open = len(events)
        self._due: deque[float] = deque()
        self._free: deque[Connection] = deque()
        self._connections: list[Connection] = []
        self._ended = asyncio.Event()

    async def connect(self, port: int, connections: int) -> None:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
            self._connections.append(connection)
        self._free.extend(self._connections)

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()

    async def run(self, rate: float, chance: random.Random) -> None:
        """Send all events; return when all are answered, or after a limit."""
        due_at = time.perf_counter()
        for _ in range(len(self._events)):
            due_at += chance.expovariate(rate)
            wait_s = due_at - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._due.append(due_at)
            self._send()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._ended.wait()
        self.tally.statuses[0] += self._open

    def answered(self, connection: Connection, due_at: float, answer: bytes) -> None:
        """Record an answer, and put its connection at the end of the free ones."""
        self.tally.response_s.append(time.perf_counter() - due_at)
        self.tally.statuses[int(answer.split(b" ", 2)[1])] += 1
        self.tally.answer_bytes += len(answer)
        self._free.append(connection)
        self._open -= 1
        self._send()
        if not self._open:
            self._ended.set()

    def lost(self, connection: Connection) -> None:
        """Remove a closed connection from the free ones; an event that it was sending stays unanswered."""
        with contextlib.suppress(ValueError):
            self._free.remove(connection)

    def _send(self) -> None:
        while self._due and self._free:
            due_at = self._due.popleft()
            self.tally.late_s.append(time.perf_counter() - due_at)
            self._free.popleft().send(due_at, self._events.popleft())


async def send(given: argparse.Namespace) -> dict[str, object]:
    """Send the events, and return the figures as JSON values."""
    events = [request.wire for request in prepare(given.count, run=given.run, now=time.time())]
    sender = Sender(events)
    least, most = CONNECTIONS
    await sender.connect(given.port, min(most, max(least, int(given.rate * REST_S))))
    began_at, cpu_s = time.perf_counter(), measure.cpu_s(given.pid)
    await sender.run(given.rate, random.Random(given.run))
    took_s, cpu_s = time.perf_counter() - began_at, measure.cpu_s(given.pid) - cpu_s
    sender.close()
    seen, count = sender.tally, max(1, len(sender.tally.response_s))
    return {
        "per_s": count / took_s,
        "cpu_s": cpu_s / count,
        "statuses": seen.statuses,
        "response_s": seen.response_s,
        "late_s": seen.late_s,
        "answer_bytes": seen.answer_bytes / count,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.open_loop", description="Send events when due.")
    parser.add_argument("--port", type=int, required=True, help="of the loopback address")
    parser.add_argument("--pid", type=int, required=True, help="of the server, whose CPU is read")
    parser.add_argument("--rate", type=float, required=True, help="events a second")
    parser.add_argument("--count", type=int, required=True, help="events")
    parser.add_argument("--run", default="", help="begins the event ids, and seeds chance")
    given = parser.parse_args(arguments)
    gc.disable()
    # the usual selector rounds every wait up to a millisecond, select() does not
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        json.dump(runner.run(send(given)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
