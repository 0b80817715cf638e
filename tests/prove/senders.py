"""Senders like DT's cloud: they send every event until it is answered 2xx, with a new signature for each attempt.

Many senders take their events from one stream, each on a keep-alive connection of its own. Pauses between attempts
grow as DT's do, but only to about a second, so that a measurement ends soon.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

from tests.emulators.events import SAMPLES, encode, sample_event
from tests.emulators.signing import SECRET_HEADER, secret_claims, sign_with_secret

ATTEMPT_S = 10.0
"""Seconds after which DT ends an attempt."""

PAUSE_S = (0.1, 0.8)
"""Seconds between attempts, shortest and longest: doubled each time, and half of the pause is random."""

BROKEN_EVERY = 20
"""One of this many events is authentic, but not JSON, so it belongs to the rejected topic."""

NO_ANSWER = 0
"""Takes the place of a status if the connection was refused or cut, or no answer came in time."""


def events() -> Iterator[bytes]:
    """Return an endless stream of events, of each type in turn, no two of them equal."""
    run, types = uuid4().hex[:8], tuple(SAMPLES)
    for number in count():
        event = sample_event(types[number % len(types)], number=number % 10_000, at=datetime.now(UTC))
        event["event"]["eventId"] = f"{run}{number:012}"
        body = encode(event)
        yield body[:-1] if is_broken(number) else body


def is_broken(number: int) -> bool:
    """Return whether the event of this number is not JSON."""
    return number % BROKEN_EVERY == BROKEN_EVERY - 1


@dataclass
class Tally:
    """What the senders saw: the bodies in their order; when each was first answered 2xx; answers by status."""

    sent: list[bytes] = field(default_factory=list)
    delivered: dict[bytes, float] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0

    @property
    def unfinished(self) -> int:
        """The number of events that have not been answered 2xx."""
        return len(self.sent) - len(self.delivered)


class Senders:
    """Sends the events of a stream to a port of the loopback address; ``pause_s``: pause of a sender after an event."""

    def __init__(self, port: int, secret: str, stream: Iterator[bytes], *, pause_s: float) -> None:
        self.tally = Tally()
        self._port = port
        self._secret = secret
        self._stream = stream
        self._pause_s = pause_s

    async def run(self, senders: int) -> None:
        """Send until the stream has ended and all of it has been answered 2xx."""
        async with asyncio.TaskGroup() as group:
            for _ in range(senders):
                group.create_task(self._send_all())

    async def _send_all(self) -> None:
        await asyncio.sleep(random.uniform(0, self._pause_s))  # no secret depends on it
        async with _connection(self._port) as connection:
            for body in self._stream:
                self.tally.sent.append(body)
                await self._deliver(connection, body)
                await asyncio.sleep(self._pause_s)

    async def _deliver(self, connection: "Connection", body: bytes) -> None:
        longest_pause_s, at_most_s = PAUSE_S
        while not 200 <= await self._attempt(connection, body) < 300:
            await asyncio.sleep(random.uniform(longest_pause_s / 2, longest_pause_s))  # no secret depends on it
            longest_pause_s = min(2 * longest_pause_s, at_most_s)
        self.tally.delivered[body] = time.monotonic()

    async def _attempt(self, connection: "Connection", body: bytes) -> int:
        began_at = time.monotonic()
        status = await connection.post(sign_with_secret(secret_claims(body, now=time.time()), self._secret), body)
        self.tally.answers[status] += 1
        self.tally.slowest_s = max(self.tally.slowest_s, time.monotonic() - began_at)
        return status


class Connection:
    """One keep-alive connection of HTTP/1.1; opened when it is needed, and again after it has broken."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, token: str, body: bytes) -> int:
        """Post a body with its token; return the status of the answer, or ``NO_ANSWER``."""
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\n{SECRET_HEADER}: {token}\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            async with asyncio.timeout(ATTEMPT_S):
                return await self._exchange(head.encode() + body)
        except (OSError, EOFError, TimeoutError):
            await self.close()
            return NO_ANSWER

    async def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._streams:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, request: bytes) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "content-length" not in headers:
            raise ConnectionError("an answer that does not say where it ends")
        await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return int(first.split()[1])


@asynccontextmanager
async def _connection(port: int) -> AsyncIterator[Connection]:
    connection = Connection(port)
    try:
        yield connection
    finally:
        await connection.close()
