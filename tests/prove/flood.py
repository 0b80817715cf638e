"""Section ``abuse``: a flood of unsigned requests beside a few signed ones.

The flood comes from a process of its own: ``python -m tests.prove.flood PORT RATE SECONDS`` sends RATE unsigned
requests per second, each on a connection of its own, and prints the number of answers by status, as JSON.
"""

import asyncio
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.blackbox.serving import ENTRY_POINTS, ROOT
from tests.blackbox.stage import SECRET, Stage, surroundings
from tests.prove.report import Row, Say
from tests.prove.traffic import percentile, traffic

RATE = 2000
SIGNED_RATE = 20
AT_MOST = 80
"""Concurrent requests of the flood: Cloud Run sends no more to an instance than its concurrency, which is 80."""
_UNSIGNED = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n" + b"x" * 500


def abuse(short: bool, say: Say) -> list[Row]:  # noqa: FBT001  # as every section
    """Measure how a flood affects signed events, one entry point after the other."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, surroundings(Path(folder)) as around:
        for entry_point in ENTRY_POINTS:
            home = Path(folder) / entry_point
            home.mkdir()
            with around.stage(entry_point, home, {"DT_SIGNATURE_SECRET": SECRET, "THREADS": "80"}) as stage:
                rows.append(_flooded(entry_point, stage, 3 if short else 10))
                say(f"{rows[-1].promise}: {rows[-1].measured}")
    return rows


def _flooded(entry_point: str, stage: Stage, seconds: float) -> Row:
    with traffic(stage.function.port, SIGNED_RATE) as sent:
        time.sleep(1)
        began_at, calls, before = time.time(), stage.calls(), len(sent.sent)
        with flood(stage.function.port, RATE, seconds) as answers:
            time.sleep(seconds)
    took_s = time.time() - began_at
    signed = sent.sent[before:]
    p99_s = percentile([event.seconds for event in signed], 0.99)
    delivered = sum(event.status == 200 for event in signed)
    more_calls = max(0, stage.calls() - calls - len(signed))
    lines = sum(line.get("reason") == "unsigned" for line in stage.function.lines())
    refused = answers.get("401", 0)
    return Row(
        f"{entry_point}: {RATE} unsigned/s beside {SIGNED_RATE} signed/s: all signed 200, p99 <= 1 s; 1 log line/s",
        f"{answers} = {refused / took_s:.0f}/s; signed {delivered} of {len(signed)}, p99 {p99_s * 1000:.0f} ms,"
        f" {more_calls} unexpected Publish calls, {lines} lines in {took_s:.0f} s",
        delivered == len(signed) and p99_s <= 1 and not more_calls and 0 < lines <= math.ceil(took_s) + 2,
    )


@contextmanager
def flood(port: int, rate: float, seconds: float) -> Iterator[dict[str, int]]:
    """Run the flood in a process of its own; at the end of the context the answers by status are known."""
    answers: dict[str, int] = {}
    command = [sys.executable, "-m", "tests.prove.flood", str(port), str(rate), str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield answers
            output, _ = process.communicate(timeout=seconds + 240)
            answers.update(json.loads(output))
        finally:
            process.kill()


class _Once(asyncio.Protocol):
    """Sends one unsigned request, and records its answer."""

    def __init__(self, answers: Counter[str], ended: asyncio.Semaphore) -> None:
        self._answers = answers
        self._ended = ended
        self._answer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request; asyncio calls this."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_UNSIGNED)

    def data_received(self, data: bytes) -> None:
        """Close the connection when the head of the answer has come; asyncio calls this."""
        self._answer += data
        if b"\r\n\r\n" in self._answer:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's
        """Count the answer; asyncio calls this."""
        self._answers[self._answer[9:12].decode() or "none"] += 1
        self._ended.release()


async def offer(port: int, rate: float, seconds: float) -> Counter[str]:
    """Send this many requests per second, as far as ``AT_MOST`` connections allow."""
    answers: Counter[str] = Counter()
    free = asyncio.Semaphore(AT_MOST)
    loop = asyncio.get_running_loop()
    began_at = time.monotonic()
    for number in range(int(rate * seconds)):
        late_s = began_at + number / rate - time.monotonic()
        if late_s > 0.002:
            await asyncio.sleep(late_s)
        if time.monotonic() - began_at > seconds:
            break
        await free.acquire()
        try:
            await loop.create_connection(lambda: _Once(answers, free), "127.0.0.1", port)
        except OSError:
            answers["none"] += 1
            free.release()
    for _ in range(AT_MOST):
        await asyncio.wait_for(free.acquire(), 15)
    return answers


if __name__ == "__main__":
    print(json.dumps(asyncio.run(offer(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))))
