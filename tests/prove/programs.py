"""The function as a process that can be ended, killed and started again on its port, beside a broker with a record."""

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

from deploy.offline import processes
from deploy.offline.pubsub.control import Control
from deploy.offline.pubsub.faults import Fault
from deploy.offline.pubsub.record import Recorded, read_record
from tests.prove.broker import Broker
from tests.prove.scenarios import REJECTED_TOPIC, TOPIC
from tests.serving import ROOT

START_S = 90.0
GRACE_S = 10.0
"""Seconds that Cloud Run leaves a function between SIGTERM and SIGKILL."""

SECRET = "the-secret-of-a-measurement-0123456789"


@dataclass(frozen=True)
class Variant:
    """What is measured: a target of a source file. ``settles_s``: how long after its answer an event may arrive."""

    name: str
    target: str
    source: Path = ROOT / "main.py"
    settles_s: float = 0.0


class FunctionProgram:
    """A function behind functions-framework with all its processes, on one port of the loopback address.

    ``drains_s``: how long it took from each SIGTERM to its end. ``left_behind``: how often its port was still held by
    something of it afterwards, or it had to be killed.
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
        """Return when it answers."""
        with self._log.open("ab") as output:
            self._process = processes.start(self._command, output=output, environ=self._environ)
        gives_up_at = time.monotonic() + START_S
        while not await asyncio.to_thread(self._answers):
            if self._process.poll() is not None or time.monotonic() > gives_up_at:
                raise AssertionError(f"the function did not start: {self._log.read_text('utf-8', 'replace')}")
            await asyncio.sleep(0.02)

    async def end(self, by: signal.Signals) -> None:
        """End it as Cloud Run does: SIGTERM for its master, which has time to drain; SIGKILL for all of it at once."""
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
        """Leave nothing of it."""
        if hasattr(self, "_process"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    async def _has_left(self) -> bool:
        """Whether its port is free, at once or within the moment that the kernel needs to clear up."""
        gives_up_at = time.monotonic() + 1.0
        while not processes.is_free(self.port):
            if time.monotonic() > gives_up_at:
                return False
            await asyncio.sleep(0.02)
        return True

    def _answers(self) -> bool:
        """Whether it answers, be it an error; a port that is listened on is not enough."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=START_S) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return bool(connection.recv(1))
        except OSError:
            return False


class Bench:
    """A function, and a broker that keeps a record of what it acknowledged."""

    def __init__(self, variant: Variant, settings: Mapping[str, str], folder: Path) -> None:
        self._record = folder / "acknowledged.jsonl"
        self._broker = Broker(self._record, [TOPIC, REJECTED_TOPIC])
        self.function = FunctionProgram(variant, {**topics(self._broker.host), **settings}, folder)

    async def start(self) -> None:
        """Return when both answer."""
        await self.start_broker()
        await self.function.start()

    async def start_broker(self) -> None:
        """Start it, or start it again: with the same port and record, and without the faults it was told."""
        await asyncio.to_thread(self._broker.start)

    async def kill_broker(self) -> None:
        """End it as a crash would."""
        await asyncio.to_thread(self._broker.kill)

    async def treat(self, fault: Fault) -> None:
        """Let the broker treat Publish calls so, from now on."""

        def call() -> None:
            with Control(self._broker.host) as control:
                control.set_fault(fault)

        await asyncio.to_thread(call)

    def recorded(self) -> list[Recorded]:
        """Give what the broker has acknowledged so far."""
        return read_record(self._record)

    def close(self) -> None:
        """Leave nothing of either."""
        self.function.close()
        self._broker.kill()


@contextlib.contextmanager
def bench(variant: Variant, settings: Mapping[str, str]) -> Iterator[Bench]:
    """A bench that leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bench(variant, settings, Path(folder))
        try:
            yield made
        finally:
            made.close()


def topics(host: str) -> dict[str, str]:
    """Give the settings that say where events go."""
    return {"PUBSUB_EMULATOR_HOST": host, "PUBSUB_TOPIC": TOPIC, "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC}
