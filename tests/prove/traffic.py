"""Send signed events at a steady rate, each with an id of its own, and record the answers."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from tests.blackbox.serving import Headers, head
from tests.blackbox.stage import Request, by_secret
from tests.emulators.events import encode, sample_event

GIVES_UP_S = 12.0
"""Seconds that a sender waits; DT waits 10 s."""

Sign = Callable[[bytes], Request]


@dataclass(frozen=True, slots=True)
class Sent:
    """One event: when it was sent and answered (seconds since the UTC epoch), and the answer.

    ``status`` 0: refused, or closed without an answer; ``reason``: the answer's error code, or the error's name.
    """

    event_id: str
    sent_at: float
    answered_at: float
    status: int
    reason: str

    @property
    def seconds(self) -> float:
        """Seconds that the sender waited."""
        return self.answered_at - self.sent_at


async def send(port: int, request: Request, event_id: str = "", path: str = "/") -> Sent:
    """Send one request on a connection of its own."""
    assert isinstance(request.body, bytes)
    headers: Headers = [*request.headers, ("Connection", "close")]
    raw = head(headers, length=len(request.body)).replace(b" / ", f" {path} ".encode(), 1) + request.body
    sent_at = time.time()
    try:
        async with asyncio.timeout(GIVES_UP_S):
            status, reason = await _exchange(port, raw)
    except (OSError, asyncio.IncompleteReadError) as error:
        status, reason = 0, type(error).__name__
    return Sent(event_id, sent_at, time.time(), status, reason)


async def _exchange(port: int, raw: bytes) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        answer = await reader.read(-1)
    finally:
        writer.close()
    if not answer:
        raise ConnectionResetError
    start, _, body = answer.partition(b"\r\n\r\n")
    return int(start.split()[1]), json.loads(body or b"{}").get("error", "")


def new_event() -> tuple[str, bytes]:
    """Return the id and the bytes of a new event that differs from all others."""
    event = sample_event("temperature", number=1, at=datetime.now(UTC))
    event["event"]["eventId"] = uuid4().hex
    return event["event"]["eventId"], encode(event)


def send_new(port: int, sign: Sign = by_secret) -> Sent:
    """Send one new event, and return its result."""
    event_id, body = new_event()
    return asyncio.run(send(port, sign(body), event_id))


class Traffic:
    """A stream of events; ``sent`` has the events that have been answered so far."""

    def __init__(self, port: int, rate: float, sign: Sign) -> None:
        self.sent: list[Sent] = []
        self._port = port
        self._rate = rate
        self._sign = sign
        self._ended = threading.Event()

    def end(self) -> None:
        """Stop sending."""
        self._ended.set()

    def statuses(self) -> dict[str, int]:
        """Return the number of answers by status and reason."""
        named = sorted(f"{event.status or ''} {event.reason}".strip() for event in self.sent)
        return {name: len(list(group)) for name, group in itertools.groupby(named)}

    async def run(self) -> None:
        """Send at the rate until the end, regardless of the answers; then wait for all answers."""
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                await asyncio.sleep(max(0.0, began_at + number / self._rate - time.monotonic()))
                if self._ended.is_set():
                    break
                group.create_task(self._one())

    async def _one(self) -> None:
        event_id, body = new_event()
        self.sent.append(await send(self._port, self._sign(body), event_id))


@contextmanager
def traffic(port: int, rate: float, sign: Sign = by_secret) -> Iterator[Traffic]:
    """Send this many events per second in the background; at the end of the context all have been answered."""
    running = Traffic(port, rate, sign)
    thread = threading.Thread(target=lambda: asyncio.run(running.run()), name="traffic")
    thread.start()
    try:
        yield running
    finally:
        running.end()
        thread.join()


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return the value that this share of all values does not exceed."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]
