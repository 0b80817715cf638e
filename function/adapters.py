"""Adapters between the web frameworks' requests and replies and those of ``http``. They decide nothing.

Neither adapter reads more than it needs: an early reply leaves at once, and a body is read up to its limit or its
announced length. If a part of the body has not arrived, the ASGI adapter sends ``Connection: close``. A WSGI
application may not send it, because ``Connection`` belongs to the server (PEP 3333); gunicorn reads the rest of the
body for up to 5 s.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, TypeAlias

import flask
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse

from function.errors import BodyIncomplete, BodyTooLarge
from function.http import Reply, Request
from function.receiver import Receiver
from function.threads import BackgroundLoop

Receive: TypeAlias = Callable[[], Awaitable[Any]]
"""ASGI's callable that returns the next message of a request."""

CHUNK_BYTES = 65_536

LONGEST_DIGITS = 5
"""A body is small if the decimal digits of its announced length are at most this many."""

ENCODING = "latin-1"
"""Encoding of header fields: each byte is a character (RFC 9110 §5.5)."""

DRAIN_S = 0.1
"""Seconds to wait for the rest of a small, unread body, so that its connection can be kept."""

SHUTDOWN_S = 0.5
"""Seconds to wait until a reading thread has noticed that its connection was shut down."""


async def answer_asgi(receiver: Receiver, request: StarletteRequest) -> StarletteResponse:
    """Return the receiver's reply to a request that the framework has received from an ASGI server."""
    reply, fields = await answer(receiver, request.method, headers_of(request.scope["headers"]), request.receive)
    return StarletteResponse(reply.body, reply.status, fields)


def headers_of(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Return the headers by name, of fields whose names are in lower case."""
    headers: dict[str, list[str]] = {}
    for name, value in fields:
        headers.setdefault(name.decode(ENCODING), []).append(value.decode(ENCODING).rstrip(" \t"))
    return headers


async def answer(
    receiver: Receiver,
    method: str,
    headers: Mapping[str, Sequence[str]],
    receive: Receive,
    soon: Callable[[Callable[[], None]], object] | None = None,
) -> tuple[Reply, dict[str, str]]:
    """Return the receiver's reply and the header fields of the answer.

    ``receive`` is ASGI's, and ``soon`` is that of ``Request``.
    """
    is_whole = False

    async def read(limit: int) -> bytes:
        nonlocal is_whole
        _refuse_announced(headers.get("content-length", [""])[0], limit)
        body = bytearray()
        while not is_whole:
            part = await receive()
            if part["type"] == "http.disconnect":
                raise BodyIncomplete("the client left")
            is_whole, content = not part.get("more_body"), part.get("body", b"")
            if len(body) + len(content) > limit:
                raise BodyTooLarge(f"more than {limit} bytes")
            if is_whole and not body:  # the usual case: nothing to copy
                return bytes(content)
            body += content
        return bytes(body)

    reply = await receiver.receive(Request(method, headers, read, soon))
    fields = _headers(reply)
    if reply.is_early or not (is_whole or await _drained(receive, headers)):
        fields["Connection"] = "close"
    return reply, fields


async def _drained(receive: Receive, headers: Mapping[str, Sequence[str]]) -> bool:
    """Read and drop a small body that the receiver did not read. Return whether the body has ended.

    The connection can be kept only if the body has ended. Clients send the head and the body one after the other, so
    the body may arrive a moment after the reply is ready.
    """
    if "expect" in headers or any(len(digits) > LONGEST_DIGITS for digits in headers.get("content-length", ())):
        return False
    left = CHUNK_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while left >= 0:
                part = await receive()
                if part["type"] == "http.disconnect":
                    return False
                if not part.get("more_body"):
                    return True
                left -= len(part.get("body", b""))
    return False


class WsgiAdapter:
    """Answers requests of a WSGI server. The receiver's coroutine runs on an event loop in a thread of the adapter."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._loop = BackgroundLoop()
        self._readers = ThreadPoolExecutor(max_workers=1000, thread_name_prefix="body")

    def answer(self, request: flask.Request) -> flask.Response:
        """Return the receiver's reply. The calling thread waits for it."""
        reading: Future[bytes] | None = None

        async def read(limit: int) -> bytes:
            nonlocal reading
            _refuse_announced(request.environ.get("CONTENT_LENGTH"), limit)
            reading = self._readers.submit(_body_reader(request, limit))
            return await asyncio.wrap_future(reading)

        headers = {name.lower(): [value] for name, value in request.headers.items()}
        reply = self._loop.run(self._receiver.receive(Request(request.method, headers, read)))
        # the reply is streamed, because functions-framework reads the rest of the request's body before any other reply
        response = flask.Response(iter([reply.body]), reply.status, _headers(reply))
        if reading and not reading.done():
            response.call_on_close(partial(_shut_down, request, reading))
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
        except Exception as error:  # malformed chunked encoding: every WSGI server raises its own exception
            raise BodyIncomplete("the client left, or sent an invalid body") from error
        if len(body) > limit:
            raise BodyTooLarge(f"more than {limit} bytes")
        if announced is not None and len(body) < announced:
            raise BodyIncomplete("the client left")
        return bytes(body)

    return read


def _shut_down(request: flask.Request, reading: "Future[bytes]") -> None:
    """Shut a connection down whose body is still being read, if the server gives access to its socket.

    The server reads the rest of the body itself, and two threads must not read from one connection at once. So this
    function waits up to ``SHUTDOWN_S`` seconds until the reading thread has ended.
    """
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if connection:
        with contextlib.suppress(OSError):  # the client has left
            connection.shutdown(socket.SHUT_RDWR)
        wait([reading], timeout=SHUTDOWN_S)


def _refuse_announced(content_length: str | None, limit: int) -> None:
    digits = (content_length or "").lstrip("0")
    if digits.isdecimal() and (len(digits) > len(str(limit)) or int(digits) > limit):
        raise BodyTooLarge(f"{digits[:20]} bytes announced, {limit} allowed")


def _headers(reply: Reply) -> dict[str, str]:
    return {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
