"""Switches the faults of a sandbox from another process, by a port of the loopback address.

The port and a token are in a file in the sandbox's folder, which only its user may read. (A socket in the folder would
need a path of at most 107 bytes.) One request a connection: a line of JSON with the token and the fault's ``name``, or
without a name to ask which faults are on. The answer is a line of JSON: the faults that are ``on``, or an ``error``
with its ``fix``.
"""

import contextlib
import hmac
import json
import secrets
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

PORT_FILE = "control.json"
VARIABLE = "DT_PUBSUB_SANDBOX"
"""The variable with the folder of the sandbox."""

TIMEOUT_S = 20.0
LINE_BYTES = 65_536


@contextlib.contextmanager
def controlled(practising: Practising, folder: Path) -> Iterator[None]:
    """Answer requests at a port that a file in this folder names."""
    token = secrets.token_hex(16)

    class Handler(socketserver.StreamRequestHandler):
        timeout = TIMEOUT_S

        def handle(self) -> None:
            answer = _answer(practising, token, self.rfile.readline(LINE_BYTES))
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Ignore a caller who has gone."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="control", daemon=True)
        thread.start()
        try:
            (folder / PORT_FILE).write_text(json.dumps({"port": server.server_address[1], "token": token}), "utf-8")
            yield
        finally:
            server.shutdown()
            thread.join()


def _answer(practising: Practising, token: str, line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if not hmac.compare_digest(request["token"], token):
            return {"error": "this is another sandbox", "fix": "make fault"}
        name = request.get("name")
        return {"on": practising.names() if name is None else practising.switch(name)}
    except SandboxRefused as refused:
        return {"error": refused.what, "fix": refused.fix}
    except (ValueError, TypeError, KeyError) as error:
        return {"error": f"not a request: {error}", "fix": "make fault"}


def switch(folder: Path, name: str | None) -> list[str]:
    """Switch a fault of the sandbox with this folder, and return the faults that are on. Raises ``SandboxRefused``."""
    try:
        found = json.loads((folder / PORT_FILE).read_text("utf-8"))
        with socket.create_connection(("127.0.0.1", found["port"]), timeout=TIMEOUT_S) as connection:
            connection.sendall(json.dumps({"token": found["token"], "name": name}).encode() + b"\n")
            with connection.makefile("rb") as reader:
                answer = json.loads(reader.readline())
    except (OSError, ValueError) as error:
        raise SandboxRefused(f"the sandbox {folder} is not running", "make sandbox") from error
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
        switch(folder, None)
    except SandboxRefused:
        return False
    return True
