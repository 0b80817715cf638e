"""A stand-in for Google's metadata server, which issues access tokens and can fail on request.

Source: https://cloud.google.com/run/docs/securing/service-identity#access_tokens. It is as strict as the real one about
the header ``Metadata-Flavor``, and a token is valid only for the requested scopes.
"""

import contextlib
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
HANG_S = 30.0


@dataclass(frozen=True)
class Grant:
    """The scopes of one token, which is valid until ``expires_at`` (seconds since the UTC epoch)."""

    scopes: frozenset[str]
    expires_at: float


@dataclass(frozen=True)
class Stumble:
    """A failing answer: after ``seconds`` this status, or the token if the status is 200."""

    status: int = 200
    seconds: float = 0.0


class MetadataServer:
    """A context manager on the loopback address.

    ``life_s``: the lifetime of the next tokens. ``grants``: the issued tokens. ``asked``: every requested path.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.life_s = 3599.0
        self.grants: dict[str, Grant] = {}
        self.asked: list[str] = []
        self._always: Stumble | None = None
        self._next: deque[Stumble] = deque()
        self._ended = threading.Event()
        self._server = _server(self, host, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="metadata")

    @property
    def host(self) -> str:
        """``127.0.0.1:port``, in the form of ``GCE_METADATA_HOST``."""
        return f"127.0.0.1:{self._server.server_port}"

    def stumble(self, *stumbles: Stumble) -> None:
        """Let the next requests fail in these ways."""
        self._next.extend(stumbles)

    def fail(self, stumble: Stumble | None) -> None:
        """Let every request fail in this way from now on; None ends the failure."""
        self._always = stumble

    def answer(self, path: str, flavor: str | None) -> tuple[int, bytes]:
        """Return status and body of the answer to one request."""
        self.asked.append(path)
        stumble = self._next.popleft() if self._next else self._always or Stumble()
        self._ended.wait(stumble.seconds)
        if stumble.status != 200:
            return stumble.status, b"Internal Server Error"
        if flavor != "Google" or urlsplit(path).path != PATH:
            return 404, b"not found"
        return 200, json.dumps(self._token(path)).encode()

    def _token(self, path: str) -> dict[str, object]:
        scopes = parse_qs(urlsplit(path).query).get("scopes", [""])[0].split(",")
        token = f"canary-of-token-{len(self.grants) + 1}"
        self.grants[token] = Grant(frozenset(scopes), time.time() + self.life_s)
        return {"access_token": token, "expires_in": int(self.life_s), "token_type": "Bearer"}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _server(metadata: MetadataServer, host: str, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = metadata.answer(self.path, self.headers["Metadata-Flavor"])
            with contextlib.suppress(OSError):  # the client did not wait for the answer
                self.send_response(status)
                self.send_header("Metadata-Flavor", "Google")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    return Server((host, port), Handler)
