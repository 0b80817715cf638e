"""Run one variant in a process of its own, on the server's core."""

import contextlib
import http.client
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import measure
from tests.bench.brokers import ROOT, Broker
from tests.bench.contestants import Environments, Variant
from tests.bench.errors import BenchError
from tests.bench.quota import Hold
from tests.bench.requests import Prepared, prepare
from tests.emulators.processes import free_port

START_S = 30.0
STOP_S = 5.0
_LOOK_S = 0.002


@dataclass(frozen=True)
class Server:
    """A running variant; ``start_s`` is the time from the start of the process to its first 2xx.

    ``output`` is the file with what it prints; it exists as long as the process.
    """

    variant: Variant
    port: int
    pid: int
    topic: str
    output: Path
    start_s: float


def unlimited(_pid: int) -> AbstractContextManager[object]:
    """Let a process use as much CPU as it can."""
    return contextlib.nullcontext()


@contextlib.contextmanager
def serving(
    variant: Variant, environments: Environments, broker: Broker | None, hold: Hold = unlimited
) -> Iterator[Server]:
    """Start a variant, wait until it has answered one event, and end it afterwards; raises BenchError.

    ``hold`` limits its CPU from the start.
    """
    port = free_port()
    command = variant.command(environments, port)
    if command is None:
        raise BenchError(f"{variant.name}: its environment is missing")
    topic = broker.topic() if broker else "projects/bench/topics/none"
    with tempfile.TemporaryDirectory() as home:
        output = Path(home) / "output"
        environ = variant.environ(broker, topic, home)
        with output.open("wb") as written, measure.on(measure.SERVER_CORE):
            began_at = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=written, stderr=written, start_new_session=True
            )
        try:
            with hold(process.pid), measure.on(measure.OTHER_CORES):
                _wait_for_2xx(process, port, output)
                yield Server(variant, port, process.pid, topic, output, time.perf_counter() - began_at)
        finally:
            _end(process)


def post(port: int, timeout_s: float, request: Prepared | None = None) -> tuple[int, bytes]:
    """Send one signed event, and return status and body of the answer; raises OSError, HTTPException."""
    request = request or prepare(1, run=f"one{time.monotonic_ns():x}", now=time.time())[0]
    head, _, body = request.wire.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def _wait_for_2xx(process: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    gives_up_at = time.perf_counter() + START_S
    status, answer = 0, b""
    while not 200 <= status < 300:
        if status or process.poll() is not None or time.perf_counter() > gives_up_at:
            written = output.read_text("utf-8", "replace")[-2000:]
            raise BenchError(f"no 2xx from {process.args!r}: {status} {answer!r}\n{written}")
        try:
            status, answer = post(port, START_S)
        except ConnectionError:
            time.sleep(_LOOK_S)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
