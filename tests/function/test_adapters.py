"""adapters: the receiver's request and the framework's response, without a server and without Pub/Sub."""

import asyncio
import gc
import io
import socket
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from werkzeug.test import create_environ

from function import adapters
from function.adapters import CHUNK_BYTES, DRAIN_S, SHUTDOWN_S, WsgiAdapter, answer_asgi
from function.errors import BodyIncomplete, BodyTooLarge, RequestError
from function.http import Reply, Request
from tests.function.fakes import run_skipping, slept_s
from tests.pace import in_time

LIMIT = 100
GONE: dict[str, Any] = {"type": "http.disconnect"}


class Desk:
    """A receiver that reads the body, or does not, and answers 200 ``ok``, or 400 with the error's text."""

    def __init__(self, *, reads: bool = True, limit: int = LIMIT, reply: Reply | None = None) -> None:
        self._reads = reads
        self._limit = limit
        self._reply = reply or Reply(200, b"ok")
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.errors: list[RequestError] = []
        self.patience_s = 5.0

    async def receive(self, request: Request) -> Reply:
        """Return the reply to a request."""
        self.requests.append(request)
        if not self._reads:
            return self._reply
        try:
            async with asyncio.timeout(self.patience_s):
                self.bodies.append(await request.read(self._limit))
        except RequestError as error:
            self.errors.append(error)
            return Reply(400, str(error).encode())
        except TimeoutError:
            return Reply(408, b"late")
        return self._reply


class Client:
    """An ASGI server's messages of a client that sends parts, then nothing, and leaves after a while."""

    def __init__(self, *parts: dict[str, Any], leaves_after_s: float = 1000.0) -> None:
        self._parts = list(parts)
        self._leaves_after_s = leaves_after_s
        self.received = 0

    async def __call__(self) -> dict[str, Any]:
        """Return the next part."""
        self.received += 1
        if self._parts:
            return self._parts.pop(0)
        await asyncio.sleep(self._leaves_after_s)
        return GONE


def part(content: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


def whole(content: bytes) -> dict[str, Any]:
    return {"type": "http.request", "body": content}


def asgi(desk: Any, client: Callable[[], Awaitable[Any]], *headers: tuple[str, str]) -> tuple[StarletteResponse, float]:
    """Return the ASGI adapter's response, and the seconds for which it waited for the client."""
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "method": "PATCH", "path": "/", "query_string": b"", "headers": fields}

    async def main() -> tuple[StarletteResponse, float]:
        began_at = slept_s()
        return await answer_asgi(desk, StarletteRequest(scope, client)), slept_s() - began_at

    return run_skipping(main())


def content_of(response: StarletteResponse) -> tuple[int, bytes]:
    return response.status_code, bytes(response.body)


def is_kept(response: StarletteResponse) -> bool:
    return response.headers.get("connection") != "close"


def test_the_receiver_gets_the_method_and_each_headers_values_in_order_without_trailing_blanks() -> None:
    desk = Desk()
    asgi(desk, Client(whole(b"")), ("x", "1 \t"), ("y", "\xe9X"), ("x", " 2"), ("z", "\xa0 "))
    (request,) = desk.requests
    assert request.method == "PATCH"
    assert request.headers == {"x": ["1", " 2"], "y": ["\xe9X"], "z": ["\xa0"]}
    assert [request.header(name) for name in ("x", "absent")] == ["1", None]


def test_the_response_has_the_replys_status_body_type_length_and_headers() -> None:
    response, _ = asgi(Desk(reply=Reply(503, b"{}", headers={"Retry-After": "5"})), Client(whole(b"")))
    assert content_of(response) == (503, b"{}")
    assert dict(response.headers) == {"content-type": "application/json", "content-length": "2", "retry-after": "5"}


PARTS = {
    "at once": [whole(b"abc")],
    "in parts": [part(b"a"), part(b"b"), part(b"c", more=False)],
    "with an empty end": [part(b"abc"), {"type": "http.request"}],
    "with an empty beginning": [part(b""), {"type": "http.request", "more_body": True}, whole(b"abc")],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_a_body_is_read_to_its_end_and_no_further(parts: Sequence[dict[str, Any]]) -> None:
    desk, client = Desk(), Client(*parts, whole(b"the next request"))
    response, _ = asgi(desk, client)
    assert desk.bodies == [b"abc"]
    assert type(desk.bodies[0]) is bytes
    assert client.received == len(parts)
    assert is_kept(response)


@pytest.mark.parametrize("size", [0, LIMIT])
def test_a_body_up_to_the_limit_is_read(size: int) -> None:
    for parts in ([whole(b"x" * size)], [part(b"x" * (size // 2)), whole(b"x" * (size - size // 2))]):
        desk = Desk()
        asgi(desk, Client(*parts), ("content-length", str(size)))
        assert desk.bodies == [b"x" * size]


def test_a_body_that_grows_over_the_limit_is_refused_at_the_part_that_exceeds_it() -> None:
    for parts in ([whole(b"x" * (LIMIT + 1))], [part(b"x" * LIMIT), part(b"x")]):
        desk, client = Desk(), Client(*parts, part(b"x"))
        response, _ = asgi(desk, client, ("expect", "100-continue"))
        assert content_of(response) == (400, b"more than 100 bytes")
        assert isinstance(desk.errors[0], BodyTooLarge)
        assert client.received == len(parts)


def test_the_body_of_a_client_that_leaves_is_incomplete() -> None:
    desk = Desk()
    response, _ = asgi(desk, Client(part(b"a"), GONE))
    assert content_of(response) == (400, b"the client left")
    assert isinstance(desk.errors[0], BodyIncomplete)


@pytest.mark.parametrize("announced", ["101", "0000000101", "9" * 5000])
def test_a_body_that_is_announced_over_the_limit_is_not_read(announced: str) -> None:
    desk, client = Desk(), Client(whole(b"x"))
    response, _ = asgi(desk, client, ("content-length", announced), ("expect", "100-continue"))
    assert content_of(response) == (400, f"{announced.lstrip('0')[:20]} bytes announced, 100 allowed".encode())
    assert isinstance(desk.errors[0], BodyTooLarge)
    assert client.received == 0


@pytest.mark.parametrize("announced", ["100", "0000000000000100", "0", "", "x" * 9, "-999", "X999"])
def test_a_body_that_announces_no_more_than_the_limit_is_read(announced: str) -> None:
    desk = Desk()
    asgi(desk, Client(whole(b"x")), ("content-length", announced))
    assert desk.bodies == [b"x"]


def test_an_early_reply_ends_the_connection_and_waits_for_nothing() -> None:
    client = Client(whole(b"x"))
    response, waited_s = asgi(Desk(reads=False, reply=Reply(413, b"{}", is_early=True)), client)
    assert not is_kept(response)
    assert (client.received, waited_s) == (0, 0)
    assert not is_kept(asgi(Desk(reply=Reply(413, b"{}", is_early=True)), Client(whole(b"x")))[0])


SMALL: dict[str, tuple[list[dict[str, Any]], bool]] = {
    "none": ([whole(b"")], True),
    "whole": ([whole(b"x")], True),
    "whole in parts": ([part(b"x"), {"type": "http.request", "more_body": True}, part(b"x", more=False)], True),
    "64 KiB and its end": ([part(b"x" * CHUNK_BYTES), whole(b"")], True),
    "two halves of 64 KiB": ([part(b"x" * (CHUNK_BYTES // 2)), part(b"x" * (CHUNK_BYTES // 2)), whole(b"x")], True),
    "more than 64 KiB": ([part(b"x" * CHUNK_BYTES), part(b"x"), whole(b"")], False),
    "a client that leaves": ([part(b"x"), GONE, whole(b"")], False),
}


@pytest.mark.parametrize(("parts", "kept"), SMALL.values(), ids=SMALL)
@pytest.mark.parametrize("headers", [(), (("content-length", "99999"),)], ids=["in chunks", "announced"])
def test_a_small_unread_body_is_drained_so_that_the_connection_is_kept(
    parts: list[dict[str, Any]],
    kept: bool,  # noqa: FBT001
    headers: tuple[tuple[str, str], ...],
) -> None:
    client = Client(*parts)
    response, waited_s = asgi(Desk(reads=False), client, *headers)
    assert is_kept(response) == kept
    assert content_of(response) == (200, b"ok")
    assert waited_s == 0
    assert client.received == len(parts) - (0 if kept else 1)


@pytest.mark.parametrize("header", [("content-length", "100000"), ("expect", "100-continue")], ids=["large", "expect"])
def test_a_large_body_and_a_body_with_expect_are_not_drained(header: tuple[str, str]) -> None:
    client = Client(whole(b"x"))
    assert not is_kept(asgi(Desk(reads=False), client, header)[0])
    assert client.received == 0


def test_an_unread_body_is_awaited_for_a_tenth_of_a_second_in_total() -> None:
    class Dripping(Client):
        async def __call__(self) -> dict[str, Any]:
            await asyncio.sleep(0.03)
            return part(b"")

    for client in (Client(part(b"x")), Dripping()):
        response, waited_s = asgi(Desk(reads=False), client)
        assert not is_kept(response)
        assert waited_s == pytest.approx(DRAIN_S)
        assert DRAIN_S == 0.1


class Stream(io.BytesIO):
    """A body that records how many bytes were requested."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.asked: list[int] = []
        self.threads: list[str] = []

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes."""
        self.asked.append(-1 if size is None else size)
        self.threads.append(threading.current_thread().name)
        return super().read(size)


def wsgi(desk: Any, stream: io.BytesIO, adapter: WsgiAdapter | None = None, /, **environ: Any) -> flask.Response:
    """Return the WSGI adapter's response."""
    made = create_environ(method="PATCH")
    made.pop("CONTENT_LENGTH", None)
    made |= {**environ, "wsgi.input": stream}
    return (adapter or WsgiAdapter(desk)).answer(flask.Request(made))


def test_the_receiver_behind_wsgi_gets_the_method_and_the_headers() -> None:
    desk = Desk()
    wsgi(desk, Stream(b""), HTTP_X_DT_SIGNATURE="Abc, d", CONTENT_LENGTH="0")
    (request,) = desk.requests
    assert request.method == "PATCH"
    assert request.headers["x-dt-signature"] == ["Abc, d"]
    assert request.headers["content-length"] == ["0"]


def test_the_wsgi_response_is_streamed_and_has_the_replys_status_type_length_and_headers() -> None:
    response = wsgi(
        Desk(reads=False, reply=Reply(503, b"{}", is_early=True, headers={"Retry-After": "5"})), Stream(b"")
    )
    assert response.is_streamed, "functions-framework would read the rest of the body before"
    assert (response.status_code, response.data) == (503, b"{}")
    assert dict(response.headers) == {"Content-Type": "application/json", "Content-Length": "2", "Retry-After": "5"}


def test_a_wsgi_body_is_read_in_parts_to_its_announced_end_by_a_thread_of_its_own() -> None:
    content = b"x" * CHUNK_BYTES + b"y" * 10
    desk, stream = Desk(limit=10**6), Stream(content + b"the next request")
    wsgi(desk, stream, CONTENT_LENGTH=str(len(content)))
    assert desk.bodies == [content]
    assert stream.asked == [CHUNK_BYTES, 10]
    assert {name.partition("_")[0] for name in stream.threads} == {"body"}


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_a_wsgi_body_up_to_the_limit_is_read(size: int) -> None:
    for environ in ({"CONTENT_LENGTH": str(size)}, {"wsgi.input_terminated": True}):
        desk = Desk()
        wsgi(desk, Stream(b"x" * size), **environ)
        assert desk.bodies == [b"x" * size]


def test_a_wsgi_body_over_the_limit_is_refused_and_read_no_further() -> None:
    desk, stream = Desk(), Stream(b"x" * 9999)
    assert wsgi(desk, stream, CONTENT_LENGTH="101").data == b"101 bytes announced, 100 allowed"
    assert stream.asked == []
    assert wsgi(desk, stream, **{"wsgi.input_terminated": True}).data == b"more than 100 bytes"
    assert stream.tell() == LIMIT + 1
    assert [type(error) for error in desk.errors] == [BodyTooLarge, BodyTooLarge]


def test_an_announced_length_counts_even_if_the_server_ends_the_body() -> None:
    desk, stream = Desk(), Stream(b"abcdef")
    wsgi(desk, stream, **{"wsgi.input_terminated": True, "CONTENT_LENGTH": "3"})
    assert desk.bodies == [b"abc"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_stream_without_a_known_end_is_not_read(chunked: bool) -> None:  # noqa: FBT001
    desk, stream = Desk(), Stream(b"5\r\nhello\r\n")
    response = wsgi(desk, stream, **({"HTTP_TRANSFER_ENCODING": "chunked"} if chunked else {}))
    assert response.data == (b"this WSGI server does not read a body in chunks" if chunked else b"ok")
    assert desk.bodies == ([] if chunked else [b""])
    assert stream.asked == []


def test_a_chunked_body_is_read_if_the_server_ends_it() -> None:
    desk = Desk()
    wsgi(desk, Stream(b"hello"), **{"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True})
    assert desk.bodies == [b"hello"]


def test_the_body_of_a_wsgi_client_that_leaves_is_incomplete() -> None:
    desk = Desk()
    assert wsgi(desk, Stream(b"ab"), CONTENT_LENGTH="3").data == b"the client left"
    assert isinstance(desk.errors[0], BodyIncomplete)


def test_any_exception_of_a_wsgi_server_during_a_read_means_an_incomplete_body() -> None:
    class Broken(Stream):
        def read(self, size: int | None = -1) -> bytes:
            raise KeyError(size)

    desk = Desk()
    assert wsgi(desk, Broken(b""), CONTENT_LENGTH="3").data == b"the client left, or sent an invalid body"
    assert isinstance(desk.errors[0], BodyIncomplete)
    assert isinstance(desk.errors[0].__cause__, KeyError)


class Connection(Stream):
    """A socket whose client stalls until a shutdown, which the reading thread notices some time later."""

    def __init__(self, *, notices_after_s: float = 0.05, fails: bool = False) -> None:
        super().__init__(b"")
        self._notices_after_s = notices_after_s
        self._fails = fails
        self._shut = threading.Event()
        self.shut_with: list[int] = []
        self.is_left = False

    def read(self, size: int | None = -1) -> bytes:
        """Stall until the shutdown."""
        self._shut.wait(60)
        time.sleep(self._notices_after_s)
        self.is_left = True
        return super().read(size)

    def shutdown(self, how: int) -> None:
        """Shut down both directions. Raise OSError if the client has left before."""
        self.shut_with.append(how)
        self._shut.set()
        if self._fails:
            raise OSError("not connected")


def stalled(connection: Connection, **environ: Any) -> float:
    """Answer a client that stalls, and return the seconds that closing the response took."""
    desk = Desk()
    desk.patience_s = 0.02
    response = wsgi(desk, connection, CONTENT_LENGTH="5", **environ)
    assert (response.status_code, response.data) == (408, b"late")
    began_at = time.monotonic()
    response.close()
    return time.monotonic() - began_at


@pytest.mark.parametrize("server", ["gunicorn", "werkzeug"])
@pytest.mark.parametrize("fails", [False, True], ids=["connected", "left"])
def test_a_stalled_connection_is_shut_down_and_its_reading_thread_awaited(server: str, fails: bool) -> None:  # noqa: FBT001
    connection = Connection(fails=fails)
    stalled(connection, **{f"{server}.socket": connection})
    assert connection.shut_with == [socket.SHUT_RDWR]
    assert connection.is_left, "two may not read from one connection"


def test_the_wait_for_a_reading_thread_that_does_not_end_has_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "SHUTDOWN_S", SHUTDOWN_S / 10)
    connection = Connection(notices_after_s=3.0)
    took_s = stalled(connection, **{"gunicorn.socket": connection})
    assert SHUTDOWN_S == 0.5
    assert not connection.is_left
    in_time(took_s, 2)


def test_no_connection_is_shut_down_if_the_server_gives_no_access_to_its_socket() -> None:
    connection = Connection()
    stalled(connection)
    assert connection.shut_with == []
    connection.shutdown(socket.SHUT_RDWR)


def test_a_connection_whose_body_has_been_read_is_not_shut_down() -> None:
    connection = Connection()
    connection.shutdown(socket.SHUT_RDWR)
    wsgi(Desk(), connection, CONTENT_LENGTH="0", **{"gunicorn.socket": connection}).close()
    wsgi(Desk(), connection, CONTENT_LENGTH="1", **{"gunicorn.socket": connection}).close()
    assert connection.shut_with == [socket.SHUT_RDWR]


def test_many_stalled_clients_delay_no_other_client() -> None:
    desk: Any = Desk()
    desk.patience_s = 60.0
    receiver: Any = desk
    adapter, connections = WsgiAdapter(receiver), [Connection(notices_after_s=0.0) for _ in range(50)]
    with ThreadPoolExecutor(50) as clients:
        waiting = [clients.submit(wsgi, desk, connection, adapter, CONTENT_LENGTH="5") for connection in connections]
        while len(desk.requests) < 50:
            time.sleep(0.005)
        assert wsgi(desk, Stream(b"hello"), adapter, CONTENT_LENGTH="5").status_code == 200
        assert not any(answer.done() for answer in waiting)
        for connection in connections:
            connection.shutdown(socket.SHUT_RDWR)


def test_a_request_that_was_answered_leaves_no_reference_cycle() -> None:
    """Such cycles would wait in memory for the garbage collector, with the request's headers and body."""
    left: list[weakref.ref[Any]] = []

    class Forgetful(Desk):
        async def receive(self, request: Request) -> Reply:
            reply = await super().receive(request)
            left.extend(weakref.ref(received.read) for received in self.requests)
            self.requests.clear()
            return reply

    async def answer() -> None:
        scope = {"type": "http", "method": "POST", "headers": [(b"content-length", b"5")]}
        await answer_asgi(Forgetful(), StarletteRequest(scope, Client(whole(b"hello"))))  # type: ignore[arg-type]

    gc.disable()
    try:
        asyncio.run(answer())
        assert [reference() for reference in left] == [None]
    finally:
        gc.enable()
