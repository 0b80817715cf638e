"""The web frameworks' requests and replies <-> ours. No rule lives here.

Both doors refuse to read what need not be read: an early reply leaves at once and says that the connection ends, and a
body is read no further than its limit. (gunicorn says nothing of the kind, and looks for the rest of the body for 5 s.)
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

import flask
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse

from function.background import BackgroundLoop
from function.errors import BodyIncomplete, BodyTooLarge
from function.exchange import Reply, Request
from function.receiver import Receiver

CHUNK_BYTES = 65_536

HANG_UP_S = 0.5
"""Seconds that a thread may take to notice that its connection has been shut."""


async def answer_asgi(receiver: Receiver, request: StarletteRequest) -> StarletteResponse:
    """Let the receiver answer a request of an ASGI server."""
    headers: dict[str, list[str]] = {}
    for name, value in request.scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1").rstrip(" \t"))  # RFC 9110 §5.5

    async def read(limit: int) -> bytes:
        _refuse_announced(headers.get("content-length", [""])[0], limit)
        body = bytearray()
        is_whole = False
        while not is_whole:
            part = await request.receive()
            if part["type"] == "http.disconnect":
                raise BodyIncomplete("the client left")
            body += part.get("body", b"")
            if len(body) > limit:
                raise BodyTooLarge(f"more than {limit} bytes")
            is_whole = not part.get("more_body")
        return bytes(body)

    reply = await receiver.receive(Request(request.method, headers, read))
    return StarletteResponse(reply.body, reply.status, _headers(reply))


class WsgiDoor:
    """Answers requests of a WSGI server: the same coroutine, on an event loop of its own."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._loop = BackgroundLoop()
        self._readers = ThreadPoolExecutor(max_workers=1000, thread_name_prefix="body")

    def answer(self, request: flask.Request) -> flask.Response:
        """Let the receiver answer; the calling thread waits."""
        reading: Future[bytes] | None = None

        async def read(limit: int) -> bytes:
            nonlocal reading
            _refuse_announced(request.headers.get("Content-Length"), limit)
            reading = self._readers.submit(_body_reader(request, limit))
            return await asyncio.wrap_future(reading)

        headers = {name.lower(): [value] for name, value in request.headers.items()}
        reply = self._loop.run(self._receiver.receive(Request(request.method, headers, read)))
        # functions-framework reads the rest of the request's body before any reply that is not streamed
        response = flask.Response(iter([reply.body]), reply.status, _headers(reply))
        if reading and not reading.done():
            response.call_on_close(partial(_hang_up, request, reading))
        return response


def _body_reader(request: flask.Request, limit: int) -> Callable[[], bytes]:
    stream, announced = request.environ["wsgi.input"], request.content_length

    def read() -> bytes:
        body = bytearray()
        try:
            while len(body) <= limit and (chunk := stream.read(min(CHUNK_BYTES, limit + 1 - len(body)))):
                body += chunk
        except Exception as error:  # a chunk that is none: each server has errors of its own for it
            raise BodyIncomplete("the client left, or sent no sound body") from error
        if len(body) > limit:
            raise BodyTooLarge(f"more than {limit} bytes")
        if announced is not None and len(body) < announced:
            raise BodyIncomplete("the client left")
        return bytes(body)

    return read


def _hang_up(request: flask.Request, reading: "Future[bytes]") -> None:
    """End a connection whose body is still being read, where the server hands out its socket.

    The server will look for the rest of the body itself, and two may not read from one connection at once: so this
    waits until the reader has noticed.
    """
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if connection:
        with contextlib.suppress(OSError):  # the client has left
            connection.shutdown(socket.SHUT_RDWR)
        wait([reading], timeout=HANG_UP_S)


def _refuse_announced(content_length: str | None, limit: int) -> None:
    digits = (content_length or "").lstrip("0")
    if digits.isdecimal() and (len(digits) > len(str(limit)) or int(digits) > limit):
        raise BodyTooLarge(f"{digits[:20]} bytes announced, {limit} allowed")


def _headers(reply: Reply) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
    if reply.is_early:
        headers["Connection"] = "close"
    return headers
