"""The function as it runs in production: served by functions-framework in its own process, on a loopback port."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO

from tests.emulators import processes
from tests.emulators.errors import NotStarted

SOURCE = Path(__file__).resolve().parents[2]
START_S = 60.0
_INHERITED = {"PATH", "LANG", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP"}
"""Variables that the process inherits. On Windows, Python needs the last three to start and for temporary files."""


class FunctionProcess:
    """One process of the function. It is ended by ``end``, or with the thread that started it.

    ``log`` gets the output of the process. It has to be open for reading and appending. Raises ``OSError``.
    """

    def __init__(self, settings: Mapping[str, str], log: IO[bytes]) -> None:
        self.port = processes.free_port()
        self._log = log
        self._began_in_log = log.seek(0, os.SEEK_END)
        self._gives_up_at = time.monotonic() + START_S
        self._home = tempfile.TemporaryDirectory()
        command = [
            sys.executable,
            "-m",
            "functions_framework",
            "--target=ingest",
            f"--source={SOURCE / 'main.py'}",
            "--host=127.0.0.1",
            f"--port={self.port}",
        ]
        inherited = {name: value for name, value in os.environ.items() if name.upper() in _INHERITED}
        environ = {**inherited, "HOME": self._home.name, "USERPROFILE": self._home.name, **settings}
        self._process = processes.start(command, output=log, environ=environ)

    def is_ready(self) -> bool:
        """Return whether it answers requests. Raises ``NotStarted`` with its output if it has ended, or is late."""
        if _answers(self.port):
            return True
        if not self.runs() or time.monotonic() > self._gives_up_at:
            raise NotStarted(f"the function did not start:\n{self.output()}")
        return False

    def runs(self) -> bool:
        """Return whether the process has not ended."""
        return self._process.poll() is None

    def output(self) -> str:
        """Return what is in the log since this process started."""
        self._log.seek(self._began_in_log)
        return self._log.read().decode(errors="replace").strip()

    def ask_to_end(self) -> None:
        """Send SIGTERM: the process answers the requests that it has, and ends."""
        self._process.terminate()

    def end(self) -> None:
        """End the process, and remove its home folder."""
        processes.end(self._process)
        self._home.cleanup()


@contextlib.contextmanager
def serving(settings: Mapping[str, str]) -> Iterator[str]:
    """Start the function with these settings, yield its URL, and end it with the context. Raises ``NotStarted``."""
    with tempfile.TemporaryFile("a+b") as log:
        function = FunctionProcess(settings, log)
        try:
            while not function.is_ready():
                time.sleep(0.05)
            yield f"http://127.0.0.1:{function.port}/"
        finally:
            function.end()


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 405
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
