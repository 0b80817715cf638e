"""The web server of the live page: it listens on the loopback address, with one thread for each request."""

import contextlib
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from deploy.live.web.access import HEADERS, Access, is_from_another_site
from deploy.live.web.routes import NOT_ALLOWED, Answer, Refused, answer, entered
from deploy.live.web.shown import Shown
from deploy.live.web.stream import Stream

ADDRESS = "127.0.0.1"
MAX_STREAMS = 64
"""Pages that are served at the same time. A browser itself opens at most six connections to one host."""

READ_S = 10.0
"""Seconds that a browser has to send a request."""

HINT_S = 30.0
"""Seconds between two lines on the terminal with the address that works now."""


class LivePage(ThreadingHTTPServer):
    """The server of one page. ``open`` starts it. Raises ``OSError`` if the port is in use; 0 is a free port."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    allow_reuse_address = os.name != "nt"  # on Windows it lets another program listen on the same port

    def __init__(self, shown: Shown, port: int = 0) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.shown = shown
        self.access = Access(self.server_port, shown.host_names)
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._open_streams = 0
        self._hinted_at = float("-inf")

    def server_bind(self) -> None:
        """Listen. Unlike http.server, do not ask for the name of the address, which can take seconds without DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    @property
    def address(self) -> str:
        """What the user opens: the address with the token, which works once."""
        return f"http://{ADDRESS}:{self.server_port}/?token={self.access.token}"

    @property
    def open_streams(self) -> int:
        """How many pages are connected now."""
        with self._lock:
            return self._open_streams

    @contextlib.contextmanager
    def open(self) -> Iterator["LivePage"]:
        """Answer requests in threads until the context ends."""
        thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="live page", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.ending.set()
            self.shutdown()
            thread.join()
            self.server_close()

    @contextlib.contextmanager
    def stream(self) -> Iterator[None]:
        """Count a stream. Raises ``Refused`` if there are too many."""
        with self._lock:
            if self._open_streams >= MAX_STREAMS:
                raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are open: close some.")
            self._open_streams += 1
        try:
            yield
        finally:
            with self._lock:
                self._open_streams -= 1

    def hint(self) -> None:
        """Write the address that works now to the terminal, because a browser without permission asked for the page."""
        with self._lock:
            is_due = time.monotonic() - self._hinted_at >= HINT_S
            self._hinted_at = time.monotonic() if is_due else self._hinted_at
        if is_due:
            self.shown.say(f"a browser without permission asked for the page; this address works once: {self.address}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a browser that has gone, and report any other error as Python does."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def listening(shown: Shown, port: int) -> LivePage:
    """Return a server on this port, or on a free one if the port is in use."""
    try:
        return LivePage(shown, port)
    except OSError:
        return LivePage(shown)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, and closes the connection."""

    server: LivePage
    protocol_version = "HTTP/1.1"
    timeout = READ_S

    def do_GET(self) -> None:
        """Answer a GET; http.server refuses any other method."""
        try:
            self._check()
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, max_num_fields=8))
            if parts.path == "/" and "token" in query:
                self._answer(self._entered(query["token"]))
                return
            self._check_session()
            if parts.path == "/events":
                self._stream(self.headers.get("Last-Event-ID") or query.get("last", ""))
            else:
                self._answer(answer(self.server.shown, parts.path, query))
        except Refused as refused:
            self._answer(refused.answer)
        except ValueError:  # an address that cannot be parsed
            self._answer(Answer(HTTPStatus.BAD_REQUEST, b"This is not a valid address.\n"))

    def _check(self) -> None:
        if not self.server.access.is_ours(self.headers.get_all("Host", [])):
            raise Refused(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This page answers only to names of its own machine. "
                "If a proxy or a tunnel of yours shows it under another name, pass that name with --host-name.",
            )
        site, mode = (self.headers.get(f"Sec-Fetch-{name}", "") for name in ("Site", "Mode"))
        if is_from_another_site(site, mode):
            raise Refused(HTTPStatus.FORBIDDEN, "Another site may not ask for this.")

    def _entered(self, token: str) -> Answer:
        cookie = self.server.access.exchange(token)
        if cookie:
            return entered(cookie)
        self._check_session()  # the address was opened again
        return entered("")

    def _check_session(self) -> None:
        if not self.server.access.has_session(self.headers.get("Cookie", "")):
            self.server.hint()
            raise Refused(HTTPStatus.FORBIDDEN, NOT_ALLOWED)

    def _stream(self, last_id: str) -> None:
        shown = self.server.shown
        with self.server.stream():
            self.connection.settimeout(shown.write_s)
            self._head(HTTPStatus.OK, {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
            pause = self.server.ending.wait
            stream = Stream(shown, self._is_over, time.monotonic, pause)
            for frame in stream.frames(last_id):
                self.wfile.write(frame)

    def _is_over(self) -> bool:
        """Return whether the server ends, or the browser has closed the connection."""
        if self.server.ending.is_set():
            return True
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1024, socket.MSG_PEEK)

    def _answer(self, given: Answer) -> None:
        """Send an answer."""
        headers = {"Content-Type": f"{given.content_type}; charset=utf-8", "Content-Length": str(len(given.body))}
        self._head(given.status, {**headers, **given.headers})
        self.wfile.write(given.body)

    def _head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.close_connection = True
        self.send_response_only(status)
        for name, value in {**HEADERS, **headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, *_: str | None) -> None:
        """Answer a request that http.server itself refuses, with the headers of every answer."""
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        allowed = {"Allow": "GET"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        self._answer(Answer(status, f"{status.phrase}\n".encode(), headers=allowed))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of http.server
        """Write no log: an address can have the token."""
