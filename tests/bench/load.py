"""``python -m tests.bench.load``: the sender. Each connection sends its next request after an answer.

The sender is a process of its own, so that its CPU time is not the server's. It checks every answer: status 200 and,
unless ``--no-id``, a message id. It writes the right answers to ``--acknowledged``, each as a line ``message-id
sha256``, for comparison with the broker's messages, and prints the figures as JSON.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

from tests.bench import measure
from tests.bench.answers import described, is_whole, message_id
from tests.bench.figures import percentile
from tests.bench.requests import Prepared, prepare

with contextlib.suppress(ImportError):
    import uvloop

    uvloop.install()

DRAIN_S = 20.0
"""Seconds that the sender waits for the last answers."""


@dataclass
class Tally:
    """The result of a run: latencies and CPU times are those of the measured window, all others of the whole run."""

    latencies_s: list[float] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    lost: int = 0
    server_cpu_s: float = 0.0
    sender_cpu_s: float = 0.0
    memory_bytes: int = 0
    is_open: bool = True
    is_measured: bool = False
    lasted_s: float = 0.0
    waiting: int = 0
    ran_out: bool = False


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request, its answer, the next one."""

    def __init__(self, numbers: "list[int]", prepared: Sequence[Prepared], tally: Tally) -> None:
        self._numbers = numbers
        self._prepared = prepared
        self._tally = tally
        self._number = -1
        self._answer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio calls this when the connection is established."""
        self._transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's transports have the methods, but not the base class

    def send(self) -> None:
        """Send the next request, if there is one."""
        if not self._tally.is_open or not self._numbers:
            self._tally.ran_out |= self._tally.is_open
            self._tally.is_open = False
            return
        self._number = self._numbers.pop()
        self._tally.waiting += 1
        self._sent_at = time.perf_counter()
        self._transport.write(self._prepared[self._number].wire)

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer; asyncio calls this."""
        self._answer = self._answer + data if self._answer else data
        if not is_whole(self._answer):
            return
        tally = self._tally
        if tally.is_measured:
            tally.latencies_s.append(time.perf_counter() - self._sent_at)
        tally.answers.append((self._number, self._answer))
        tally.waiting -= 1
        self._answer, self._number = b"", -1
        self.send()

    def connection_lost(self, _: Exception | None) -> None:
        """Count the request that got no answer; asyncio calls this when the connection is closed."""
        if self._number >= 0:
            self._tally.lost += 1
            self._tally.waiting -= 1


async def run(given: argparse.Namespace, prepared: Sequence[Prepared]) -> Tally:
    """Send until the time or the requests are over, and wait for the last answers."""
    tally = Tally()
    numbers = list(range(len(prepared)))[::-1]
    loop = asyncio.get_running_loop()
    connections = []
    for _ in range(given.connections):
        _, connection = await loop.create_connection(
            lambda: Connection(numbers, prepared, tally), "127.0.0.1", given.port
        )
        connections.append(connection)
    for connection in connections:
        connection.send()
    await _passed(given.warm_up, tally)
    server_cpu_s, sender_cpu_s, began_at = measure.cpu_s(given.pid), time.process_time(), time.perf_counter()
    tally.is_measured = True
    await _passed(given.seconds, tally)
    tally.is_open = tally.is_measured = False
    tally.lasted_s = time.perf_counter() - began_at
    tally.sender_cpu_s = time.process_time() - sender_cpu_s
    tally.server_cpu_s = measure.cpu_s(given.pid) - server_cpu_s
    tally.memory_bytes = measure.memory_bytes(given.pid)
    ends_at = time.perf_counter() + DRAIN_S
    while tally.waiting and time.perf_counter() < ends_at:  # noqa: ASYNC110  # polling costs less than an event for each answer
        await asyncio.sleep(0.01)
    tally.lost += tally.waiting
    return tally


async def _passed(seconds: float, tally: Tally) -> None:
    """Wait for a time, or until there are no more requests to send."""
    ends_at = time.perf_counter() + seconds
    while tally.is_open and (left_s := ends_at - time.perf_counter()) > 0:  # noqa: ASYNC110  # as above
        await asyncio.sleep(min(left_s, 0.1))


@dataclass(frozen=True)
class Figures:
    """A run's figures; times of requests in milliseconds, of CPU in microseconds for each answer."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    requests_s: float
    cpu_us: float
    sender_cpu_us: float
    memory_mib: float
    right: int
    wrong: int
    wrong_answers: dict[str, int]
    ran_out: bool


def figures_of(tally: Tally, right: int, wrong_answers: Counter[str]) -> Figures:
    """Return the figures of a run."""
    count = len(tally.latencies_s) or float("nan")
    return Figures(
        answers=len(tally.latencies_s),
        seconds=tally.lasted_s,
        p50_ms=percentile(tally.latencies_s, 50) * 1e3,
        p99_ms=percentile(tally.latencies_s, 99) * 1e3,
        requests_s=len(tally.latencies_s) / max(tally.lasted_s, 1e-9),
        cpu_us=tally.server_cpu_s / count * 1e6,
        sender_cpu_us=tally.sender_cpu_s / count * 1e6,
        memory_mib=tally.memory_bytes / 2**20,
        right=right,
        wrong=tally.lost + wrong_answers.total(),
        wrong_answers=dict(wrong_answers.most_common(3)),
        ran_out=tally.ran_out,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 even if answers were wrong, because the figures count them."""
    given = _parser().parse_args(arguments)
    prepared = prepare(given.count, run=given.run, now=time.time())
    gc.disable()  # the sender makes no reference cycles, and a pause would look like the server's
    tally = asyncio.run(run(given, prepared))
    acknowledged, wrong_answers = [], Counter[str]()
    for number, answer in tally.answers:
        found = message_id(answer, has_id=not given.no_id)
        if found is None:
            wrong_answers[described(answer)] += 1
        else:
            acknowledged.append(f"{found} {prepared[number].sha256}\n")
    if given.acknowledged:
        given.acknowledged.write_text("".join(acknowledged), "ascii")
    json.dump(asdict(figures_of(tally, len(acknowledged), wrong_answers)), sys.stdout)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description="Send signed events.")
    parser.add_argument("--port", type=int, required=True, help="of the loopback address")
    parser.add_argument("--pid", type=int, required=True, help="of the server, whose CPU and memory are read")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--warm-up", type=float, default=0.5, help="seconds that are not measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds that are")
    parser.add_argument("--count", type=int, default=30_000, help="requests at most")
    parser.add_argument("--run", default="", help="begins the event ids")
    parser.add_argument("--no-id", action="store_true", help="a right answer needs no message id")
    parser.add_argument("--acknowledged", type=Path, help="where to write message ids and checksums")
    return parser


if __name__ == "__main__":
    sys.exit(main())
