"""An HTTP proxy that ends TLS for every emulated host, and refuses and logs requests to any other host.

Programs find it by ``https_proxy`` and trust its certificates by their CA settings, so that they use the real URLs and
need no changes. Every connection has a thread.
"""

import base64
import contextlib
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.emulators.clouds.authority import Authority
from tests.emulators.clouds.exchange import Answer, NotJson, Request, Unanswered
from tests.emulators.clouds.faults import Faults
from tests.emulators.clouds.requests_log import Entry, RequestsLog

MAX_BODY = 64 * 2**20

Cloud = Callable[[Request], Answer]


class Proxy:
    """The proxy, as a context manager. ``url``: the value for ``https_proxy``."""

    def __init__(self, authority: Authority, log: RequestsLog, faults: Faults) -> None:
        self.authority = authority
        self.log = log
        self.ended = threading.Event()
        self._clouds: dict[str, Cloud] = {}
        self._faults = faults
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="proxy")
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def plays(self, host: str) -> bool:
        """Whether this host is emulated."""
        return host.endswith(tuple(self._clouds))

    def url_for(self, caller: str) -> str:
        """Return the value for ``https_proxy`` by which the log tells this caller's requests apart."""
        return f"http://{caller}:-@127.0.0.1:{self.port}"

    def answer(self, request: Request, caller: str = "") -> Answer:
        """Answer a request, and log it. Raises ``Unanswered``."""
        try:
            answer = self._answer(request)
        except Unanswered:
            self._log(request, 0, caller, is_played=True)
            raise
        self._log(request, answer.status, caller, is_played=answer.is_played)
        return answer

    def lead(self, ending: str, cloud: Cloud) -> None:
        """Answer requests to hosts with this ending by this function."""
        self._clouds[ending] = cloud

    def refuse(self, method: str, host: str, path: str) -> None:
        """Log a request to a host that is not emulated."""
        self.log.add(Entry(method, host, path, 0, 403, is_played=False))

    def _answer(self, request: Request) -> Answer:
        fault = self._faults.take(request)
        if fault:
            self.ended.wait(fault.delay_s)
        if fault and fault.answer:
            return fault.answer
        cloud = next(cloud for ending, cloud in self._clouds.items() if request.host.endswith(ending))
        try:
            answer = cloud(request)
        except NotJson as error:
            message = f"Invalid JSON payload received. {error}"
            answer = Answer.of({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}, 400)
        if fault and fault.is_dropped:
            raise Unanswered
        return answer

    def _log(self, request: Request, status: int, caller: str, *, is_played: bool) -> None:
        size = len(request.body)
        self.log.add(Entry(request.method, request.host, request.path, size, status, is_played, caller))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close their connection; print any other error, because it is a bug of the stand-in."""
        if not isinstance(sys.exception(), OSError):  # TLS errors and timeouts are OSErrors as well
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: CONNECT, then TLS, then requests to the host of the CONNECT."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True  # otherwise every answer waits for the acknowledgement of a TLS ticket
    server: _Server
    host = ""
    caller = ""

    def do_CONNECT(self) -> None:
        proxy = self.server.proxy
        host, _, port = self.path.rpartition(":")
        if port != "443" or not proxy.plays(host):
            proxy.refuse("CONNECT", host, f":{port}")
            self.send_error(403, f"{host} is not played here")
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = proxy.authority.server_context(host).wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = self.connection.makefile("wb", -1)  # buffered, so that head and body are sent together
        self.host = host
        self.caller = _caller(self.headers.get("Proxy-Authorization", ""))
        self.close_connection = False

    def do_any(self) -> None:
        if not self.host:
            self.server.proxy.refuse(self.command, self.headers.get("Host", ""), urlsplit(self.path).path)
            self.send_error(403, "only https is played here")
            return
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > MAX_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            request = Request.from_target(self.command, self.host, self.path, headers, body)
            self._reply(self.server.proxy.answer(request, self.caller))
        except Unanswered:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815  # the base class's names

    def _reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def finish(self) -> None:
        """Close the connection, even if the client has closed it."""
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002
        """Write no log."""


def _caller(authorization: str) -> str:
    """Return the user's name of basic authentication, or "". Any password is right."""
    try:
        return base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[0]
    except ValueError:
        return ""
