"""Listens on the port that the user chose, passes each request on to the function, and reports it with its answer.

So the function can be replaced behind the port, and a request is shown although the function's log leaves it out. The
answers are the function's own, byte for byte. Only a function that cannot be reached is answered here, with 503.
"""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from uuid import uuid4

import uvicorn

from tests.emulators.errors import NotStarted
from tests.emulators.workbench.exchange import Exchange

ADDRESS = "127.0.0.1"
ANSWER_S = 30.0
"""Seconds that the function has to answer; its own limit is 7.5."""

BODY_S = 3.0
"""Seconds that a request has to bring its body. Then the function gets what there is, and answers 408."""

LARGEST_BODY_BYTES = 10_000_000
"""More of a body is not read, because the function answers 413 to less."""

EXECUTION_ID = b"function-execution-id"
"""functions-framework writes the value of this header into the log; the header is not part of the message."""

_OF_THE_CONNECTION = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade", b"expect"),
    *(b"transfer-encoding", b"content-length"),
}
"""Headers that a proxy does not pass on: https://www.rfc-editor.org/rfc/rfc9110#name-message-forwarding"""

Headers = list[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: str
    headers: Headers
    body: bytes
    length: int
    """The announced length of the body, which is longer than ``body`` if a part of it did not come."""
    execution_id: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Headers
    body: bytes


class Door:
    """An ASGI application. ``function_port``: where the function listens now. ``report`` gets each exchange."""

    def __init__(self, report: Callable[[Exchange], object]) -> None:
        self.function_port = 0
        self._report = report
        self._pool = ThreadPoolExecutor(32)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = await _request(scope, receive)
        at, began_at = datetime.now().astimezone(), time.monotonic()
        answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._passed_on, request)
        latency_s = time.monotonic() - began_at
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.body})
        execution_id = request.execution_id
        self._report(
            Exchange(at, request.method, request.body, answer.status, _object(answer.body), latency_s, execution_id)
        )

    @contextlib.contextmanager
    def open(self, listener: socket.socket) -> Iterator[None]:
        """Answer requests in a thread until the context ends."""
        config = uvicorn.Config(
            self,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="door", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _passed_on(self, request: _Request) -> _Answer:
        try:
            return _ask(self.function_port, request)
        except (OSError, HTTPException, ValueError):
            return _Answer(503, [(b"content-type", b"application/json")], b'{"error":"not_running"}')


def listen(port: int) -> socket.socket:
    """Return a socket that listens on this port of the loopback address. Raises ``NotStarted`` if it is in use."""
    try:
        return socket.create_server((ADDRESS, port))
    except OSError as error:
        raise NotStarted(f"port {port} is in use: choose another one (make serve PORT=8081)") from error


async def _request(scope: Mapping[str, Any], receive: Receive) -> _Request:
    headers: Headers = [*scope["headers"]]
    body, is_whole = await _body(receive)
    named = dict(headers)
    announced = named.get(b"content-length", b"")
    length = len(body) if is_whole else int(announced) if announced.isdigit() else len(body) + 1
    query = scope["query_string"].decode("latin-1")
    return _Request(
        scope["method"],
        scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""),
        [(name, value) for name, value in headers if name not in _OF_THE_CONNECTION],
        body,
        length,
        named.get(EXECUTION_ID, b"").decode("latin-1") or uuid4().hex,
    )


async def _body(receive: Receive) -> tuple[bytes, bool]:
    """Return the body, or its beginning, and whether it is complete or longer than any that the function accepts."""
    body = bytearray()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_S):
            while (event := await receive())["type"] == "http.request":
                body += event.get("body", b"")
                if not event.get("more_body") or len(body) > LARGEST_BODY_BYTES:
                    return bytes(body), True
    return bytes(body), False


def _ask(port: int, request: _Request) -> _Answer:
    """Send a request to the function, and return the answer, which can come before the function has read the body."""
    with contextlib.closing(HTTPConnection(ADDRESS, port, timeout=ANSWER_S)) as connection:
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        own = [(EXECUTION_ID, request.execution_id.encode("latin-1")), (b"content-length", b"%d" % request.length)]
        for name, value in [*(header for header in request.headers if header[0] != EXECUTION_ID), *own]:
            connection.putheader(name.decode("latin-1"), value)
        with contextlib.suppress(ConnectionError):
            connection.endheaders(request.body)
        response = connection.getresponse()
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.getheaders()]
        kept = [header for header in headers if header[0] not in _OF_THE_CONNECTION - {b"content-length"}]
        return _Answer(response.status, kept, response.read())


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
