"""All counts, by name: what is counted, in which program, with how many events."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.bench import measure
from tests.bench.brokers import ROOT, Broker, distant
from tests.bench.contestants import EMPTY_HERE, OURS, Variant
from tests.bench.counts import callgrind, strace
from tests.bench.counts.callgrind import Callgrind
from tests.bench.counts.names import ALLOCATIONS, MANY, ROOMS, YARDSTICK, instructions, steady_calls, system_calls
from tests.bench.counts.strace import Strace
from tests.bench.counts.waves import waves
from tests.bench.errors import BenchError
from tests.emulators.processes import free_port

WARM_UP = 64
"""Events after which CPython has adapted its code to the types that it meets, and caches are filled."""

EVENTS = {1: 76, MANY: 256}
"""Events of one count in valgrind, by connections: each of DT's 19 types as often."""

TRACED = 384
"""Events of one count in strace."""

ROUNDS = 3
"""Counts of system calls of which the smallest is taken, because whatever disturbs a count adds to it."""

ROOMS_EVENTS = 190

STABLE = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
"""Environment variables without which two runs of the same program would differ."""


@dataclass
class Counted:
    """The counts for one event by name, and the system calls by name at each number of connections."""

    counts: dict[str, float] = field(default_factory=dict)
    calls: dict[str, dict[str, float]] = field(default_factory=dict)


def missing_programs() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in (*callgrind.PROGRAMS, *strace.PROGRAMS) if shutil.which(name) is None]


def measured() -> Counted:
    """Count everything, two programs at a time."""
    parts = (_process, _yardstick, _rooms, _rooms_allocations, _system_calls)
    found = Counted()
    with ThreadPoolExecutor(max_workers=2) as threads:
        for part in threads.map(lambda part: part(), parts):
            found.counts |= part.counts
            found.calls |= part.calls
    return found


def _process() -> Counted:
    found = Counted()
    with distant("at once", 0.0) as broker, _valgrind() as tool, _serving(OURS, broker, tool.command) as server:
        for connections, events in EVENTS.items():
            found.counts[instructions(connections)] = _instructions(tool, server, connections, events)
    return found


def _yardstick() -> Counted:
    with _valgrind() as tool, _serving(EMPTY_HERE, None, tool.command) as server:
        return Counted({YARDSTICK: _instructions(tool, server, MANY, EVENTS[MANY])})


def _instructions(tool: Callgrind, server: "_Server", connections: int, events: int) -> float:
    """Return the instructions for one event. The first count is dropped, because callgrind begins to count with it."""
    with waves(server.port, lambda: server.pid, connections) as sender:
        sender.send(WARM_UP)
        tool.count(server.pid, lambda: sender.send(2 * connections))
        return tool.count(server.pid, lambda: sender.send(events)).instructions


def _rooms() -> Counted:
    with _valgrind() as tool, _rooms_program(tool) as (pid, send):
        send(WARM_UP)
        return Counted({ROOMS: tool.count(pid, lambda: send(ROOMS_EVENTS)).instructions})


def _rooms_allocations() -> Counted:
    with _valgrind() as tool, _rooms_program(tool, {"PYTHONMALLOC": "malloc"}) as (pid, send):
        send(WARM_UP)
        return Counted({ALLOCATIONS: tool.count(pid, lambda: send(ROOMS_EVENTS)).allocations})


def _system_calls() -> Counted:
    found = Counted()
    with tempfile.TemporaryDirectory() as folder, distant("at once", 0.0) as broker:
        tool = Strace(Path(folder) / "trace")
        with _serving(OURS, broker, tool.command) as server:
            for connections in EVENTS:
                name = system_calls(connections)
                found.calls[name] = _least_calls(tool, server, connections)
                found.counts[name] = sum(found.calls[name].values())
                found.counts[steady_calls(connections)] = found.counts[name] - found.calls[name].get("futex", 0)
    return found


def _least_calls(tool: Strace, server: "_Server", connections: int) -> dict[str, float]:
    with waves(server.port, server.traced, connections) as sender:
        sender.send(2 * WARM_UP)
        rounds = [tool.count(lambda: sender.send(TRACED)) for _ in range(ROUNDS)]
    return min(rounds, key=lambda calls: sum(calls.values()))


@dataclass(frozen=True)
class _Server:
    port: int
    pid: int

    def traced(self) -> int:
        """The id of the process that strace has started."""
        return measure.tree(self.pid)[1]


@contextlib.contextmanager
def _valgrind() -> Iterator[Callgrind]:
    with tempfile.TemporaryDirectory() as folder:
        yield Callgrind(Path(folder))


@contextlib.contextmanager
def _serving(variant: Variant, broker: Broker | None, tool: Any) -> Iterator[_Server]:
    """Serve a variant in a tool. Its log lines go to a pipe, as on Cloud Run, which a program reads."""
    port = free_port()
    program = ["-m", "tests.bench.counts.one_process", variant.target, str(variant.source), str(port)]
    with tempfile.TemporaryDirectory() as home, _reader() as log:
        environ = variant.environ(broker, "projects/bench/topics/counted", home) | STABLE
        with _running(tool([sys.executable, *program]), environ, stdout=log) as process:
            yield _Server(port, process.pid)


@contextlib.contextmanager
def _reader() -> Iterator[IO[bytes]]:
    """Start a program that reads and drops what is written to it."""
    command = [sys.executable, "-c", "import sys\nwhile sys.stdin.buffer.raw.read(65536): pass"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        yield process.stdin


@contextlib.contextmanager
def _rooms_program(tool: Callgrind, settings: Mapping[str, str] | None = None) -> Iterator[Any]:
    """Yield the program's process id, and the function that lets it send events and returns how many it has sent."""
    command = tool.command([sys.executable, "-m", "tests.bench.counts.rooms"])
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **STABLE, **(settings or {})}
    with _running(command, environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        output = process.stdout

        def send(count: int) -> int:
            print(count, file=process.stdin, flush=True)
            return int(_line(output))

        _line(output)
        yield process.pid, send


def _line(output: IO[str]) -> str:
    line = output.readline()
    if not line:
        raise BenchError("the program that is counted has ended")
    return line


@contextlib.contextmanager
def _running(command: Sequence[str], environ: Mapping[str, str], **streams: Any) -> "Iterator[subprocess.Popen[Any]]":
    process = subprocess.Popen(command, cwd=ROOT, env=environ, start_new_session=True, **streams)
    with process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
