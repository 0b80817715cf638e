"""Switches the faults of a sandbox from another process, by a socket in the sandbox's folder.

One request a connection: a line of JSON with the fault's ``name``, or without one to ask which faults are on. The
answer is a line of JSON: the faults that are ``on``, or an ``error`` with its ``fix``.
"""

import contextlib
import json
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.emulators.errors import SandboxRefused
from tests.emulators.sandbox.practice import Practising

PREFIX = "dt-pubsub-sandbox-"
"""How the names of the folders of sandboxes begin, in the folder for temporary files."""

SOCKET = "control"
VARIABLE = "DT_PUBSUB_SANDBOX"
"""The variable with the folder of the sandbox."""

TIMEOUT_S = 20.0
LINE_BYTES = 65_536


@contextlib.contextmanager
def controlled(practising: Practising, folder: Path) -> Iterator[None]:
    """Answer requests at the socket in this folder."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(json.dumps(_answer(practising, self.rfile.readline(LINE_BYTES))).encode() + b"\n")

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Ignore a caller who has gone."""

    with Server(str(folder / SOCKET), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="control", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _answer(practising: Practising, line: bytes) -> dict[str, Any]:
    try:
        name = json.loads(line).get("name")
        return {"on": practising.names() if name is None else practising.switch(name)}
    except SandboxRefused as refused:
        return {"error": refused.what, "fix": refused.fix}
    except (ValueError, AttributeError) as error:
        return {"error": f"not a request: {error}", "fix": "make fault"}


def switch(folder: Path, name: str | None) -> list[str]:
    """Switch a fault of the sandbox with this folder, and return the faults that are on. Raises ``SandboxRefused``."""
    with _connected(folder) as connection:
        connection.sendall(json.dumps({} if name is None else {"name": name}).encode() + b"\n")
        with connection.makefile("rb") as reader:
            answer = json.loads(reader.readline() or b'{"error": "the sandbox has ended", "fix": "make sandbox"}')
    if "error" in answer:
        raise SandboxRefused(answer["error"], answer["fix"])
    return list(answer["on"])


def find(environ: Mapping[str, str], temporary: Path | None = None) -> Path:
    """Return the folder of the sandbox: the one that a variable names, else the only one that runs.

    ``temporary``: the folder for temporary files, if it is not the usual one. Raises ``SandboxRefused`` if no sandbox
    runs, or several.
    """
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE])
    among = temporary or Path(tempfile.gettempdir())
    folders = [folder for folder in sorted(among.glob(f"{PREFIX}*")) if _runs(folder)]
    if not folders:
        raise SandboxRefused("no sandbox is running", "make sandbox")
    if len(folders) > 1:
        listed = " ".join(map(str, folders))
        raise SandboxRefused(f"{len(folders)} sandboxes are running: {listed}", f"export {VARIABLE}={folders[0]}")
    return folders[0]


def _runs(folder: Path) -> bool:
    try:
        _connected(folder).close()
    except SandboxRefused:
        return False
    return True


def _connected(folder: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT_S)
    try:
        connection.connect(str(folder / SOCKET))
    except OSError as error:
        connection.close()
        raise SandboxRefused(f"the sandbox {folder} is not running", "make sandbox") from error
    return connection
