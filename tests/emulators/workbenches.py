"""Workbenches that the tests start: ``make serve`` as a command, in the clone or in a copy of it."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.blackbox.serving import eventually
from tests.emulators.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0


class Bench:
    """A running workbench, and what it has printed so far."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, folder: Path) -> None:
        self.process, self.port, self.folder = process, port, folder
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def url(self) -> str:
        """Where requests go."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def state(self) -> Path:
        """The folder by which ``send`` and ``sign`` find it."""
        return self.folder / f".workbench-{self.port}"

    def printed(self, pattern: str, after: int = 0) -> list[str]:
        """Return the lines that match a pattern, of those after the first ``after`` ones, as soon as there is one."""
        found = eventually(lambda: [line for line in self.lines[after:] if re.search(pattern, line)], START_S)
        assert found, f"{pattern!r} was never printed, but:\n" + "\n".join(self.lines)
        return found

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run ``send`` or ``sign`` for this workbench."""
        return run(arguments[0], "--port", str(self.port), *arguments[1:], folder=self.folder)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(60)
        self._reader.join()
        return status

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


@contextlib.contextmanager
def started(command: Sequence[str], port: int, folder: Path = ROOT, **environ: str) -> Iterator[Bench]:
    """Start a workbench by this command, which has to be on this port, and end it with the context."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as process:
        bench = Bench(process, port, folder)
        try:
            yield bench
        finally:
            if process.poll() is None:
                bench.end(signal.SIGTERM)


@contextlib.contextmanager
def running(*arguments: str, folder: Path = ROOT, **environ: str) -> Iterator[Bench]:
    """Start a workbench on a free port, and yield it when it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "tests.emulators", "serve", "--port", str(port), *arguments]
    with started(command, port, folder, **environ) as bench:
        bench.printed("^time ")
        yield bench


def run(*arguments: str, folder: Path = ROOT, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of ``python -m tests.emulators``."""
    return subprocess.run(
        [sys.executable, "-m", "tests.emulators", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def rows(lines: Sequence[str]) -> list[list[str]]:
    """Return the cells of the printed rows of requests."""
    return [re.split(r" {2,}", line.strip()) for line in lines if re.match(r"\d\d:\d\d:\d\d  \S+  +\S+  ", line)]


def copy_of_the_project(folder: Path) -> Path:
    """Copy what a workbench needs, so that a test can change it."""
    for name in ("function", "deploy", "tests/emulators"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "test_*.py"))
    for name in ("main.py", "Makefile", "requirements.txt", "tests/__init__.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder
