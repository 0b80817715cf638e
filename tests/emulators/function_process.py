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


@contextlib.contextmanager
def serving(
    settings: Mapping[str, str], *, target: str = "ingest", port: int = 0, output: IO[bytes] | None = None
) -> Iterator[str]:
    """Start the function with these settings, yield its URL, and end it with the context.

    ``output`` gets the function's output. Raises ``NotStarted``.
    """
    port = port or processes.free_port()
    if not processes.is_free(port):
        raise NotStarted(f"port {port} is in use: choose another one (make serve PORT=8081)")
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        log = output or stack.enter_context(tempfile.TemporaryFile())
        command = [
            sys.executable,
            "-m",
            "functions_framework",
            f"--target={target}",
            f"--source={SOURCE / 'main.py'}",
            "--host=127.0.0.1",
            f"--port={port}",
        ]
        inherited = {name: value for name, value in os.environ.items() if name.upper() in _INHERITED}
        environ = {**inherited, "HOME": home, "USERPROFILE": home, **settings}
        process = processes.start(command, output=log, environ=environ)
        try:
            _wait_until_ready(port, process, log)
            yield f"http://127.0.0.1:{port}/"
        finally:
            processes.end(process)


def _wait_until_ready(port: int, process: processes.Process, log: IO[bytes]) -> None:
    give_up_at = time.monotonic() + START_S
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > give_up_at:
            log.seek(0)
            raise NotStarted(f"the function did not start:\n{log.read().decode(errors='replace').strip()}")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 405
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
