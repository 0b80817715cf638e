"""Runs command lines of this project, each in a fork of one process that has imported the modules before.

A fork begins as ``python -m`` does and saves its imports; it ends as every process does, with Python's own flush of
its streams. Support for tests, not a test.
"""

import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Self

ROOT = Path(__file__).parents[1]
_NUMBER = struct.Struct("!i")


class Fork:
    """A running command line."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._status: int | None = None
        self.pid = self._read()

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self.wait() if self._status is not None or select.select([self._control], [], [], 0)[0] else None

    def wait(self) -> int:
        """Return the exit status when it has ended; a signal that ended it counts as negative."""
        if self._status is None:
            self._status = self._read()
        return self._status

    def _read(self) -> int:
        packet = self._control.recv(_NUMBER.size, socket.MSG_WAITALL)
        assert packet, "the process that makes the forks has ended"
        number: int = _NUMBER.unpack(packet)[0]
        return number


class Forks:
    """A process with these modules imported. It runs one command line at a time.

    ``redirected``: the redirections of its own streams, in the shell's language. Every fork begins with these streams:
    Python looks at a stream only once, when the process starts. ``out``: its standard output, if that is no file.
    """

    def __init__(self, *modules: str, redirected: str = "", out: int = subprocess.DEVNULL, **environ: str) -> None:
        self._control, theirs = socket.socketpair()
        self._last: Fork | None = None
        program = [sys.executable, "-m", "tests.forks", str(theirs.fileno()), *modules]
        with theirs:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f'exec "$0" "$@" {redirected}', *program],
                cwd=ROOT,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, and the command line that still runs."""
        self._end_last()
        self._control.close()
        self._process.wait()

    def _end_last(self) -> None:
        """End the command line that still runs, because a test has failed."""
        if self._last and self._last.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self._last.pid, signal.SIGKILL)
            self._last.wait()

    def begin(self, words: Sequence[str], files: Mapping[int, Path], environ: Mapping[str, str] | None = None) -> Fork:
        """Begin ``python -m WORDS``. ``files``: for its streams, by their numbers; ``environ``: all its variables."""
        asked = {
            "words": list(words),
            "files": {number: str(path) for number, path in files.items()},
            "environ": dict(os.environ if environ is None else environ),
        }
        self._end_last()
        self._control.sendall(f"{json.dumps(asked)}\n".encode())
        self._last = Fork(self._control)
        return self._last


def serve(control: socket.socket) -> None:
    """Run what is asked for, one after the other, until the asking end closes the connection."""
    with control.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            child = os.fork()
            if not child:
                _run(**json.loads(line))
            control.sendall(_NUMBER.pack(child))
            control.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


def _run(words: list[str], files: Mapping[str, str], environ: Mapping[str, str]) -> NoReturn:
    """Be the process of a command line. Its module ends it."""
    os.environ.clear()
    os.environ.update(environ)
    for number, path in files.items():
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), int(number))
    module, *sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def main(number: str, *modules: str) -> None:
    """Import the modules, and serve by the socket that has this number."""
    for module in modules:
        importlib.import_module(module)
    os.set_inheritable(int(number), False)  # noqa: FBT003  # the only form
    sys.argv[1:] = []
    with socket.socket(fileno=int(number)) as control:
        serve(control)


if __name__ == "__main__":
    main(*sys.argv[1:])
