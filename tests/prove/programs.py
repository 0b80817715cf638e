"""The function as a process that can be ended, killed and restarted on its port, and a broker with a record."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.blackbox.serving import ROOT
from tests.emulators import processes
from tests.emulators.pubsub.control import Control
from tests.emulators.pubsub.faults import Fault
from tests.emulators.pubsub.record import Recorded, read_record
from tests.prove.broker import Broker
from tests.prove.scenarios import REJECTED_TOPIC, TOPIC

START_S = 90.0
GRACE_S = 10.0
"""Seconds that Cloud Run waits between SIGTERM and SIGKILL."""

SECRET = "the-secret-of-a-measurement-0123456789"


@dataclass(frozen=True)
class Variant:
    """A measured function: a target of a source file. ``settles_s``: how long after its answer an event can arrive."""

    name: str
    target: str
    source: Path = ROOT / "main.py"
    settles_s: float = 0.0


class FunctionProgram:
    """A function behind functions-framework with all its processes, on one port of the loopback address.

    ``drains_s``: the times from SIGTERM to the end. ``left_behind``: how often a process of it still used the port
    afterwards, or had to be killed.
    """

    def __init__(self, variant: Variant, settings: Mapping[str, str], folder: Path) -> None:
        self.port = processes.free_port()
        self.drains_s: list[float] = []
        self.left_behind = 0
        self._command = [sys.executable, "-m", "functions_framework", "--host=127.0.0.1", f"--port={self.port}"]
        self._command += [f"--target={variant.target}", f"--source={variant.source}"]
        inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
        usual = {"HOME": str(folder), "PYTHONPATH": str(ROOT), "THREADS": "32", "DT_SIGNATURE_SECRET": SECRET}
        self._environ = {**inherited, **usual, **settings}
        self._log = folder / "function.log"
        self._process: processes.Process

    async def start(self) -> None:
        """Start it, and return when it answers."""
        with self._log.open("ab") as output:
            self._process = processes.start(self._command, output=output, environ=self._environ)
        gives_up_at = time.monotonic() + START_S
        while not await asyncio.to_thread(self._answers):
            if self._process.poll() is not None or time.monotonic() > gives_up_at:
                raise AssertionError(f"the function did not start: {self._log.read_text('utf-8', 'replace')}")
            await asyncio.sleep(0.02)

    async def end(self, by: signal.Signals) -> None:
        """End it as Cloud Run does: SIGTERM goes to its master, which can drain; SIGKILL goes to all processes."""
        began_at = time.monotonic()
        if by is signal.SIGTERM:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, GRACE_S)
                self.drains_s.append(time.monotonic() - began_at)
            self.left_behind += not await self._has_left()
        self.close()
        self.left_behind += not await self._has_left()

    def close(self) -> None:
        """End all its processes."""
        if hasattr(self, "_process"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    async def _has_left(self) -> bool:
        """Return whether its port is free, at once or after the moment that the kernel needs."""
        gives_up_at = time.monotonic() + 1.0
        while not processes.is_free(self.port):
            if time.monotonic() > gives_up_at:
                return False
            await asyncio.sleep(0.02)
        return True

    def _answers(self) -> bool:
        """Return whether it answers, even with an error; an open port is not enough."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=START_S) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return bool(connection.recv(1))
        except OSError:
            return False


class Bench:
    """A function, and a broker with a record of the messages that it acknowledged."""

    def __init__(self, variant: Variant, settings: Mapping[str, str], folder: Path) -> None:
        self._record = folder / "acknowledged.jsonl"
        self._broker = Broker(self._record, [TOPIC, REJECTED_TOPIC])
        self.function = FunctionProgram(variant, {**topics(self._broker.host), **settings}, folder)

    async def start(self) -> None:
        """Start both, and return when they answer."""
        await self.start_broker()
        await self.function.start()

    async def start_broker(self) -> None:
        """Start or restart the broker, with the same port and record, and without faults."""
        await asyncio.to_thread(self._broker.start)

    async def kill_broker(self) -> None:
        """Kill the broker, as in a crash."""
        await asyncio.to_thread(self._broker.kill)

    async def treat(self, fault: Fault) -> None:
        """Let the broker treat Publish calls in this way from now on."""

        def call() -> None:
            with Control(self._broker.host) as control:
                control.set_fault(fault)

        await asyncio.to_thread(call)

    def recorded(self) -> list[Recorded]:
        """Return the messages that the broker has acknowledged so far."""
        return read_record(self._record)

    def close(self) -> None:
        """End all processes of both."""
        self.function.close()
        self._broker.kill()


@contextlib.contextmanager
def bench(variant: Variant, settings: Mapping[str, str]) -> Iterator[Bench]:
    """Make a bench, and end all its processes afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bench(variant, settings, Path(folder))
        try:
            yield made
        finally:
            made.close()


def topics(host: str) -> dict[str, str]:
    """Return the settings of the topics and the broker."""
    return {"PUBSUB_EMULATOR_HOST": host, "PUBSUB_TOPIC": TOPIC, "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC}
