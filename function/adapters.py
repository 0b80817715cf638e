"""The web frameworks' requests and replies <-> ours. No rule lives here.

Both doors refuse to read what need not be read: an early reply leaves at once, and a body is read no further than its
limit and its announced length. The ASGI door says that the connection ends if some of the body has not come. A WSGI
application may not (PEP 3333: ``Connection`` is the server's own); gunicorn looks for the rest of the body for 5 s.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

import flask
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse

from function.errors import BodyIncomplete, BodyTooLarge
from function.http import Reply, Request
from function.receiver import Receiver
from function.threads import BackgroundLoop

CHUNK_BYTES = 65_536

LONGEST_DIGITS = 5
"""Digits of the announced length of a small body."""

ENCODING = "latin-1"
"""Of headers: each byte is a letter (RFC 9110 §5.5)."""

PASS_OVER_S = 0.1
"""Seconds that a small body which is not wanted may take, so that its connection can be kept."""

HANG_UP_S = 0.5
"""Seconds that a thread may take to notice that its connection has been shut."""


async def answer_asgi(receiver: Receiver, request: StarletteRequest) -> StarletteResponse:
    """Let the receiver answer a request of an ASGI server."""
    headers: dict[str, list[str]] = {}
    for name, value in request.scope["headers"]:
        headers.setdefault(name.decode(ENCODING), []).append(value.decode(ENCODING).rstrip(" \t"))

    is_whole = False

    async def read(limit: int) -> bytes:
        nonlocal is_whole
        _refuse_announced(asked.header("content-length"), limit)
        body = bytearray()
        while not is_whole:
            part = await request.receive()
            if part["type"] == "http.disconnect":
                raise BodyIncomplete("the client left")
            is_whole, content = not part.get("more_body"), part.get("body", b"")
            if len(body) + len(content) > limit:
                raise BodyTooLarge(f"more than {limit} bytes")
            if is_whole and not body:  # the usual case: nothing to copy
                return bytes(content)
            body += content
        return bytes(body)

    asked = Request(request.method, headers, read)
    reply = await receiver.receive(asked)
    fields = _headers(reply)
    if reply.is_early or not (is_whole or await _passed_over(request, headers)):
        fields["Connection"] = "close"
    return StarletteResponse(reply.body, reply.status, fields)


async def _passed_over(request: StarletteRequest, headers: Mapping[str, Sequence[str]]) -> bool:
    """Read a small body that is not wanted, if it comes at once: then the connection can go on.

    Clients send a head and its body one right after the other, and may be late with the second.
    """
    if "expect" in headers or any(len(digits) > LONGEST_DIGITS for digits in headers.get("content-length", ())):
        return False
    left = CHUNK_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PASS_OVER_S):
            while left >= 0:
                part = await request.receive()
                if part["type"] == "http.disconnect":
                    return False
                if not part.get("more_body"):
                    return True
                left -= len(part.get("body", b""))
    return False


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
            _refuse_announced(request.environ.get("CONTENT_LENGTH"), limit)
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
    ends = bool(request.environ.get("wsgi.input_terminated"))
    if announced is None and not ends and "HTTP_TRANSFER_ENCODING" in request.environ:
        raise BodyIncomplete("this WSGI server does not read a body in chunks")
    most = announced if announced is not None else limit + 1 if ends else 0

    def read() -> bytes:
        body = bytearray()
        try:
            while len(body) < most and (chunk := stream.read(min(CHUNK_BYTES, most - len(body)))):
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
    return {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
