"""uvicorn_limits: one connection of uvicorn, from the received bytes to the sent bytes, in this process."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from function import uvicorn_limits
from function.uvicorn_limits import CHUNK_BYTES, HEAD_BYTES, HEAD_S, SMALL_CHUNKS, BoundedHttp

HEAD = b"POST /path?a=b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps the sent bytes, and whether the connection has been closed."""

    def __init__(self, protocol: BoundedHttp) -> None:
        super().__init__()
        self._protocol = protocol
        self.sent = bytearray()
        self._is_closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the bytes."""
        if not self._is_closing:
            self.sent += data

    def close(self) -> None:
        """Close the connection after the sent bytes."""
        if not self._is_closing:
            self._is_closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def is_closing(self) -> bool:
        """Return whether the connection is closed."""
        return self._is_closing

    def pause_reading(self) -> None:
        """Nothing more comes by itself."""

    def resume_reading(self) -> None:
        """Nothing more comes by itself."""


class Talk:
    """A connection, and the requests that the application got. It answers some time after the complete body."""

    def __init__(self, *, answers_after_s: float = 0.0, keep_alive_s: float = 100) -> None:
        self.bodies: list[bytes] = []
        self.scopes: list[dict[str, Any]] = []
        self._answers_after_s = answers_after_s
        config = Config(self._application, interface="asgi3", log_config=None)
        config.timeout_keep_alive = keep_alive_s  # type: ignore[assignment]  # a test has no whole second to spare
        config.load()
        self.protocol = BoundedHttp(config, ServerState(), {}, asyncio.get_running_loop())
        self.wire = Wire(self.protocol)
        self.protocol.connection_made(self.wire)

    async def _application(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        self.scopes.append(scope)
        body = bytearray()
        more = True
        while more:
            part = await receive()
            if part["type"] == "http.disconnect":
                return
            body += part["body"]
            more = part["more_body"]
        await asyncio.sleep(self._answers_after_s)
        self.bodies.append(bytes(body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def comes(self, *parts: bytes) -> list[bytes]:
        """Receive bytes one part after the other, and return the status lines of the answers."""
        for part in parts:
            self.protocol.data_received(part)
            await asyncio.sleep(0)
        await asyncio.sleep(self._answers_after_s + 0.01)
        return self.statuses

    @property
    def statuses(self) -> list[bytes]:
        """Return the statuses of the answers."""
        return [line.split()[1] for line in bytes(self.wire.sent).splitlines() if line.startswith(b"HTTP/")]


def talk(*parts: bytes, answers_after_s: float = 0.0) -> Talk:
    """Receive parts on a new connection, and return it."""

    async def main() -> Talk:
        made = Talk(answers_after_s=answers_after_s)
        await made.comes(*parts)
        return made

    return asyncio.run(main())


GARBAGE = {
    "binary": b"\0\1\2\3",
    "text": b"hello\r\n\r\n",
    "half a request and garbage": b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "a request with invalid chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n",
    "a head without an end": HEAD + b"X-Long: " + b"x" * (HEAD_BYTES + 300_000),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("request_", [WHOLE, CHUNKED], ids=["announced", "in chunks"])
@pytest.mark.parametrize("answers_after_s", [0.0, 0.05])
def test_invalid_bytes_after_a_complete_request_do_not_answer_it_with_400(
    request_: bytes, garbage: bytes, answers_after_s: float
) -> None:
    for parts in ([request_ + garbage, b"x" * 20_000], [request_, garbage]):
        made = talk(*parts, answers_after_s=answers_after_s)
        assert made.bodies == [b"hello"]
        assert made.statuses[0] == b"200", "what was published is answered so"
        assert made.statuses[1:] in ([], [b"400"])
        assert made.wire.is_closing()


@pytest.mark.parametrize("rest", [b"", WHOLE[:20]], ids=["nothing more", "half a request more"])
def test_a_client_that_closes_its_half_of_the_connection_gets_its_answer(rest: bytes) -> None:
    async def main() -> None:
        made = Talk(answers_after_s=0.02)
        made.protocol.data_received(WHOLE + rest)
        assert made.protocol.eof_received(), "the connection stays"
        assert await made.comes() == [b"200"]
        assert made.wire.is_closing()

    asyncio.run(main())


@pytest.mark.parametrize("sent", [b"", HEAD, WHOLE[:-1]], ids=["nothing", "half a head", "half a body"])
def test_a_client_that_closes_its_half_of_the_connection_before_its_request_is_complete_has_left(sent: bytes) -> None:
    async def main() -> None:
        made = Talk()
        if sent:
            made.protocol.data_received(sent)
        assert not made.protocol.eof_received(), "the connection ends"
        assert await made.comes() == []

    asyncio.run(main())


def test_trailers_do_not_become_headers() -> None:
    made = talk(CHUNKED[:-2] + b"X-Dt-Signature: of-a-trailer\r\n\r\n")
    assert made.statuses == [b"200"]
    assert b"x-dt-signature" not in dict(made.scopes[0]["headers"])


def test_a_request_after_invalid_bytes_is_not_read() -> None:
    made = talk(WHOLE + b"\0\0\0" + WHOLE, WHOLE, answers_after_s=0.05)

    assert (made.bodies, made.statuses) == ([b"hello"], [b"200"])


@pytest.mark.parametrize("sent", [b"\0\1", HEAD + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n"])
def test_an_invalid_request_is_answered_400_and_does_not_reach_the_application(sent: bytes) -> None:
    made = talk(sent)

    assert (made.bodies, made.statuses) == ([], [b"400"])
    assert made.wire.is_closing()


UPGRADES = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
    "TLS": b"Connection: upgrade\r\nUpgrade: TLS/1.3\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "two lines": b"Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: x\r\n",
}


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
@pytest.mark.parametrize("rest", [WHOLE, CHUNKED], ids=["announced", "in chunks"])
def test_a_request_with_upgrade_is_read_as_if_it_had_none(upgrade: bytes, rest: bytes) -> None:
    sent = rest.replace(b"Host: x\r\n", b"Host: x\r\n" + upgrade)
    ways = ([sent], [sent[:-9], sent[-9:]], [sent[at : at + 1] for at in range(len(sent))], [sent + sent])
    for parts in ways:
        made = talk(*parts)
        count = 2 if parts == [sent + sent] else 1
        assert made.bodies == [b"hello"] * count
        assert made.statuses == [b"200"] * count
        names = dict(made.scopes[0]["headers"])
        assert names[b"content-type"] == b"application/json"
        assert b"upgrade" not in names
        assert (made.scopes[0]["path"], made.scopes[0]["query_string"]) == ("/path", b"a=b")


@pytest.mark.parametrize("connection", [b"close", b"close, upgrade"])
def test_a_request_with_connection_close_is_answered_whatever_follows_it(connection: bytes) -> None:
    last = WHOLE.replace(b"Host: x\r\n", b"Host: x\r\nUpgrade: h2c\r\nConnection: " + connection + b"\r\n")
    made = talk(last + WHOLE, answers_after_s=0.05)
    assert (made.bodies[:1], made.statuses) == ([b"hello"], [b"200"])
    assert made.wire.is_closing()


def test_a_client_that_leaves_after_invalid_bytes_has_left_the_request_that_is_being_answered() -> None:
    async def main() -> Talk:
        made = Talk(answers_after_s=0.1)
        made.protocol.data_received(WHOLE + WHOLE + b"\0")
        made.protocol.connection_lost(ConnectionResetError())
        return made

    cycle = asyncio.run(main()).protocol.cycle
    assert cycle.disconnected
    assert not cycle.more_body


def test_connect_is_refused() -> None:
    assert talk(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n").statuses == [b"400"]


@pytest.mark.parametrize("size", [HEAD_BYTES + 1, 200_000])
@pytest.mark.parametrize("part", [1_000, 1_000_000])
def test_a_head_over_the_limit_is_refused_however_it_is_split(size: int, part: int) -> None:
    sent = HEAD + b"X-Long: " + b"x" * size + b"\r\nContent-Length: 5\r\n\r\nhello"

    made = talk(*(sent[at : at + part] for at in range(0, len(sent), part)))

    assert (made.bodies, made.statuses) == ([], [b"400"])


def test_a_head_below_the_limit_is_read_with_a_body_of_any_size() -> None:
    body = b"y" * 300_000
    sent = HEAD + b"X-Long: " + b"x" * (HEAD_BYTES - 200) + b"\r\nContent-Length: 300000\r\n\r\n" + body

    assert talk(sent).bodies == [body]
    assert talk(sent[:15_000], sent[15_000:60_000], sent[60_000:]).bodies == [body]


def in_chunks(body: bytes, size: int) -> bytes:
    chunks = [b"%x\r\n%s\r\n" % (len(body[at : at + size]), body[at : at + size]) for at in range(0, len(body), size)]
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n"


def test_a_small_body_may_arrive_byte_by_byte() -> None:
    assert talk(in_chunks(b"z" * 1000, 1)).bodies == [b"z" * 1000]


def test_a_large_body_may_arrive_in_chunks_of_64_bytes() -> None:
    body = b"z" * 200_000

    assert talk(in_chunks(body, CHUNK_BYTES)).bodies == [body]


def test_a_large_body_in_tiny_chunks_is_refused_before_it_takes_long() -> None:
    made = talk(in_chunks(b"z" * 200_000, 1))

    assert (made.bodies, made.statuses) == ([], [b"400"])
    assert made.protocol.chunks <= SMALL_CHUNKS + 100, "the rest is not even looked at"


MOST_CHUNKS = 1039
"""Maximum one-byte chunks of a body: with the last, empty chunk they are 1024, and one more for each 64 bytes."""


def test_a_body_may_have_the_maximum_number_of_chunks_and_not_one_more() -> None:
    assert talk(in_chunks(b"z" * MOST_CHUNKS, 1) * 2).bodies == [b"z" * MOST_CHUNKS] * 2
    assert talk(in_chunks(b"z" * (MOST_CHUNKS + 1), 1)).statuses == [b"400"]


def test_a_body_with_exactly_64_bytes_for_each_chunk_beyond_the_small_ones_is_accepted() -> None:
    first = b"31\r\n" + b"z" * 49 + b"\r\n"
    sent = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + first + b"1\r\nz\r\n" * 1039 + b"0\r\n\r\n"

    assert talk(sent).bodies == [b"z" * 1088]  # the last chunk is number 1041, which is 17 more than 1024


def refusal(*parts: bytes) -> bytes:
    """Return the text of the answer 400."""
    made = talk(*parts)
    assert made.statuses == [b"400"]
    return bytes(made.wire.sent).rpartition(b"\r\n")[2]


def unended(size: int) -> bytes:
    """Return a head of this size that does not end."""
    return (HEAD + b"X-Long: ").ljust(size, b"x")


EMPTY = HEAD + b"Content-Length: 0\r\n\r\n"


@pytest.mark.parametrize("before", [(), (EMPTY,), (WHOLE,)], ids=["first", "behind an empty body", "behind a body"])
def test_a_head_may_have_the_maximum_number_of_bytes_and_not_one_more(before: tuple[bytes, ...]) -> None:
    assert talk(*before, unended(HEAD_BYTES)).statuses == [b"200"] * len(before)
    assert talk(*before, unended(HEAD_BYTES), b"x").statuses == [*[b"200"] * len(before), b"400"]


def test_a_head_that_arrives_with_its_body_may_have_the_maximum_number_of_bytes_and_not_one_more() -> None:
    def sent(more: int) -> bytes:
        plain = len(b"/path?a=bHostxContent-Typeapplication/jsonContent-Length40000X-Long")
        long = b"X-Long: " + b"x" * (HEAD_BYTES - plain + more)
        return HEAD + b"Content-Length: 40000\r\n" + long + b"\r\n\r\n" + b"y" * 40_000

    assert talk(sent(0)).statuses == [b"200"]
    assert talk(sent(1)).statuses == [b"400"]


def test_an_idle_connection_is_kept_longer_than_googles_load_balancers_keep_theirs() -> None:
    assert uvicorn_limits.KEEP_ALIVE_S == 620


def test_a_head_has_ten_seconds() -> None:
    assert HEAD_S == 10


def test_the_text_of_a_400_says_what_is_wrong() -> None:
    assert refusal(b"\0\1") == b"Invalid HTTP request received."
    assert refusal(unended(HEAD_BYTES), b"x") == b"Request head too long."


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeout of a head to a hundredth."""
    monkeypatch.setattr(uvicorn_limits, "HEAD_S", HEAD_S / 100)


@pytest.mark.parametrize("first", [HEAD, b"P", b"\r\n", b"\r\n\r\n\r\n"])
@pytest.mark.parametrize("before", [b"", WHOLE], ids=["first", "second"])
def test_an_incomplete_head_times_out_even_if_it_grows(quick: None, first: bytes, before: bytes) -> None:
    async def main() -> Talk:
        made = Talk()
        if before:
            await made.comes(before)
        await made.comes(first)
        for _ in range(40):
            if made.wire.is_closing():
                break
            await asyncio.sleep(0.02)
            made.protocol.data_received(b"x" if first == HEAD else b"\r\n" if first.startswith(b"\r") else b"")
        return made

    made = asyncio.run(main())

    assert made.wire.is_closing()
    assert made.statuses == ([b"200"] if before else []) + [b"400"]
    assert made.wire.sent.endswith(b"Request head took too long.")


def test_an_incomplete_head_times_out_while_the_request_before_it_is_being_answered(quick: None) -> None:
    made = talk(WHOLE + HEAD, answers_after_s=0.5)
    assert made.statuses == [b"200"]
    assert made.wire.is_closing()


def test_a_slow_body_does_not_count_as_a_slow_head(quick: None) -> None:
    async def main() -> Talk:
        made = Talk()
        await made.comes(WHOLE[:-1])
        await asyncio.sleep(0.3)
        await made.comes(WHOLE[-1:])
        await asyncio.sleep(0.3)
        await made.comes(WHOLE)
        return made

    made = asyncio.run(main())

    assert made.statuses == [b"200", b"200"]
    assert not made.wire.is_closing()


def test_a_connection_that_sends_nothing_is_closed_like_an_idle_one() -> None:
    async def main() -> tuple[float, float]:
        made = Talk()
        first = made.protocol.timeout_keep_alive_task
        await made.comes(WHOLE)
        second = made.protocol.timeout_keep_alive_task
        assert first is not None
        assert second is not None
        now = asyncio.get_running_loop().time()
        return first.when() - now, second.when() - now

    assert all(90 < seconds <= 100 for seconds in asyncio.run(main()))


@pytest.mark.parametrize("before", [(), (WHOLE,)], ids=["new", "used"])
def test_an_idle_connection_is_closed_after_the_keep_alive_time(before: tuple[bytes, ...]) -> None:
    async def main() -> Talk:
        made = Talk(keep_alive_s=0.05)
        await made.comes(*before)
        await asyncio.sleep(0.3)
        return made

    made = asyncio.run(main())
    assert made.wire.is_closing()
    assert made.statuses == [b"200"] * len(before)


def test_a_closed_connection_leaves_nothing_in_memory() -> None:
    async def main() -> int:
        made = Talk()
        await made.comes(HEAD)
        made.protocol.connection_lost(ConnectionResetError())
        assert not made.wire.is_closing(), "what is lost need not be closed"
        gc.collect()
        return sum(not handle.cancelled() for handle in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]  # noqa: SLF001

    assert asyncio.run(main()) == 0


def test_many_requests_with_upgrade_take_no_longer_than_plain_ones() -> None:
    plain = b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
    asking = plain.replace(b"Host: x\r\n", b"Host: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n")

    def took_s(sent: bytes) -> float:
        began_at = time.thread_time()
        talk(sent)
        return time.thread_time() - began_at

    assert min(took_s(asking) for _ in range(3)) < 5 * min(took_s(plain) for _ in range(3))
