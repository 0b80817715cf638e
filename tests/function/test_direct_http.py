"""direct_http: POST requests reach the receiver without the framework, and each answer is one write."""

import asyncio
import gc
import re
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from function.direct_http import DirectHttp, Turn
from function.http import Reply, Request

HEAD = b"POST /any/path HTTP/1.1\r\nHost: x\r\n"
WHOLE = HEAD + b"Content-Length: 5\r\n\r\nhello"
HELLO = b"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps every write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the bytes."""
        self.writes.append(bytes(data))

    def close(self) -> None:
        """Note that the connection ends."""
        self.is_closed = True

    def is_closing(self) -> bool:
        """Return whether the connection has ended."""
        return self.is_closed

    def pause_reading(self) -> None:
        """Nothing more comes by itself."""

    def resume_reading(self) -> None:
        """Nothing more comes by itself."""


class Desk:
    """A receiver that reads the body and answers after a while."""

    def __init__(self, reply: Reply | None = None, *, answers_after_s: float = 0.0) -> None:
        self._reply = reply or Reply(200, b"ok")
        self._answers_after_s = answers_after_s
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.at_turns_end: Callable[[], None] | None = None

    async def receive(self, request: Request) -> Reply:
        """Return the reply."""
        self.requests.append(request)
        self.bodies.append(await request.read(100))
        if self._answers_after_s:
            await asyncio.sleep(self._answers_after_s)
        if self.at_turns_end:
            assert request.soon
            request.soon(self.at_turns_end)
        return self._reply


class Talk:
    """A connection to a receiver, and the requests that the framework's application got instead."""

    def __init__(self, desk: Desk, turn: Turn, state: ServerState) -> None:
        self.for_framework: list[str] = []
        config = Config(self._application, interface="asgi3", log_config=None)
        config.load()
        state.default_headers = [(b"server", b"x")]
        receiver: Any = desk
        self.protocol = DirectHttp(receiver, turn, config=config, server_state=state, app_state={})
        self.wire = Wire()
        self.protocol.connection_made(self.wire)

    async def _application(self, scope: dict[str, Any], _: object, send: Any) -> None:
        self.for_framework.append(scope["method"])
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def comes(self, *parts: bytes) -> list[bytes]:
        """Receive bytes, and return what was written."""
        for part in parts:
            self.protocol.data_received(part)
            await asyncio.sleep(0.01)
        return self.wire.writes


def one(desk: Desk) -> Talk:
    """Return the only connection of a server."""
    return Talk(desk, Turn(), ServerState())


def talk(desk: Desk, *parts: bytes) -> Talk:
    """Receive parts on a new connection, and return it."""

    async def main() -> Talk:
        made = one(desk)
        await made.comes(*parts)
        return made

    return asyncio.run(main())


def test_a_post_to_any_path_is_answered_in_one_write_and_the_connection_is_kept() -> None:
    desk = Desk()
    made = talk(desk, WHOLE, WHOLE)
    assert made.wire.writes == [HELLO + b"\r\nok"] * 2
    assert desk.bodies == [b"hello"] * 2
    assert not made.for_framework
    assert not made.wire.is_closed


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_a_request_with_another_method_is_answered_by_the_framework(method: str) -> None:
    desk = Desk()
    made = talk(desk, method.encode() + b" /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    assert made.for_framework == [method]
    assert not desk.requests


def test_the_headers_of_a_reply_are_sent_in_lower_case() -> None:
    made = talk(Desk(Reply(503, b"{}", headers={"Retry-After": "5"})), WHOLE)
    assert made.wire.writes[0].splitlines()[0] == b"HTTP/1.1 503 Service Unavailable"
    assert b"\r\nretry-after: 5\r\n\r\n{}" in made.wire.writes[0]


ENDS = {
    "the client's wish": (Reply(200, b"ok"), HEAD + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello"),
    "HTTP/1.0": (Reply(200, b"ok"), WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0")),
    "an early reply": (Reply(401, b"ok", is_early=True), WHOLE),
}


@pytest.mark.parametrize("why", ENDS)
def test_the_connection_ends_with_an_answer_that_says_so_once(why: str) -> None:
    reply, request = ENDS[why]
    made = talk(Desk(reply), request)
    assert made.wire.writes[0].count(b"connection: close\r\n") == 1
    assert made.wire.is_closed


def test_what_is_called_at_the_end_of_a_turn_comes_before_the_answers_of_the_turn() -> None:
    async def main() -> None:
        desk = Desk(answers_after_s=0.01)
        turn, state = Turn(), ServerState()
        connections = [Talk(desk, turn, state) for _ in range(3)]
        written_before: list[int] = []
        desk.at_turns_end = lambda: written_before.append(sum(len(made.wire.writes) for made in connections))
        for made in connections:
            made.protocol.data_received(WHOLE)
        await asyncio.sleep(0.1)
        assert written_before[0] == 0
        assert [len(made.wire.writes) for made in connections] == [1, 1, 1]

    asyncio.run(main())


def test_a_request_gets_an_execution_id_unless_it_has_one() -> None:
    desk = Desk()
    talk(desk, WHOLE, WHOLE, HEAD + b"Function-Execution-Id: abc\r\nContent-Length: 0\r\n\r\n")
    first, second, given = (request.header("function-execution-id") for request in desk.requests)
    assert re.fullmatch("[0-9a-zA-Z]{12}", first or "")
    assert first != second
    assert given == "abc"


def test_requests_in_a_pipeline_are_answered_in_their_order() -> None:
    desk = Desk(answers_after_s=0.001)
    made = talk(desk, WHOLE + WHOLE.replace(b"hello", b"later"), b"")
    assert desk.bodies == [b"hello", b"later"]
    assert len(made.wire.writes) == 2


def test_a_client_that_has_left_gets_nothing() -> None:
    async def main() -> None:
        made = one(Desk(answers_after_s=0.01))
        await made.comes(WHOLE)
        made.protocol.connection_lost(None)
        await asyncio.sleep(0.03)
        assert made.wire.writes == []

    asyncio.run(main())


def test_an_answer_waits_for_a_client_that_does_not_read() -> None:
    async def main() -> None:
        made = one(Desk())
        made.protocol.pause_writing()
        assert await made.comes(WHOLE) == []
        made.protocol.resume_writing()
        await asyncio.sleep(0.01)
        assert len(made.wire.writes) == 1

    asyncio.run(main())


def test_a_request_that_the_server_cancels_at_its_end_closes_the_connection() -> None:
    async def main() -> None:
        made = one(Desk(answers_after_s=10))
        await made.comes(WHOLE)
        (task,) = made.protocol.tasks
        task.cancel()
        await asyncio.wait([task])
        assert made.wire.is_closed
        assert made.wire.writes == []

    asyncio.run(main())


def test_a_closed_connection_leaves_no_reference_cycle() -> None:
    async def main() -> None:
        desk = Desk()
        made = one(desk)
        await made.comes(WHOLE)
        desk.requests.clear()
        protocol = weakref.ref(made.protocol)
        made.protocol.connection_lost(None)
        del made.protocol
        await asyncio.sleep(0)
        assert protocol() is None

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
