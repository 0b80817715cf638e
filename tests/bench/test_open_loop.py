"""The sender measures from the time when an event was due, so a server that stalls cannot hide the stall."""

import argparse
import asyncio
import contextlib
import os
from typing import Any

from tests.bench.open_loop import send

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers every request; ``stalls`` maps the number of a request to the seconds for which it answers nothing."""

    def __init__(self, stalls: dict[int, float]) -> None:
        self.requests = 0
        self._stalls = stalls
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._connections: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, one after the other."""
        self._connections.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError), contextlib.closing(writer):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                await self._answer(writer)

    async def end(self) -> None:
        """Close all connections, and wait until they are closed."""
        for writer in self._connections:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._connections), return_exceptions=True)

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        if stall_s := self._stalls.get(self.requests):
            self._goes_on.clear()
            asyncio.get_running_loop().call_later(stall_s, self._goes_on.set)
        await self._goes_on.wait()
        writer.write(ANSWER)


def seen(*, stalls: dict[int, float], rate: float, count: int) -> dict[str, Any]:
    async def measure() -> dict[str, Any]:
        server = Server(stalls)
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        given = argparse.Namespace(port=port, pid=os.getpid(), rate=rate, count=count, run="test")
        try:
            return await send(given)
        finally:
            listening.close()
            await server.end()

    return asyncio.run(measure())


def test_every_event_is_sent_and_answered_at_about_the_rate() -> None:
    found = seen(stalls={}, rate=400, count=200)
    assert found["statuses"] == {200: 200, 0: 0}
    assert len(found["response_s"]) == len(found["late_s"]) == 200
    assert 200 < found["per_s"] < 600
    assert found["answer_bytes"] == len(ANSWER)


def test_a_stall_shows_in_every_event_that_was_due_meanwhile() -> None:
    found = seen(stalls={50: 0.5}, rate=200, count=200)
    delayed = [response_s for response_s in found["response_s"] if response_s > 0.1]
    assert (
        len(delayed) > 40
    )  # of the hundred that were due in half a second; a closed loop sees one for each connection
    assert max(delayed) > 0.45


def test_waiting_for_a_free_connection_counts_as_response_time() -> None:
    found = seen(stalls={1: 0.9}, rate=64, count=70)  # over 32 connections
    assert max(found["late_s"]) > 0.1
    assert sum(response_s > 0.1 for response_s in found["response_s"]) > 40  # those that were sent late, too
