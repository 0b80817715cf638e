"""A burst of more events than one instance can answer: what Cloud Run's queue refuses, the sender sends again.

The instance gets one request at a time, and the others wait for it in their order. DT ends an attempt after 10 s, which
is also how long Cloud Run lets a request wait (``cloud``), and tries again after a pause that grows. DT does not
document the pauses; these are the ones of the emulated DT in ``tests/emulators``.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.bench.answers import is_whole, message_id
from tests.bench.cloud import QUOTAS
from tests.bench.requests import Prepared, prepare

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
_ANSWER_BYTES = 65_536


@dataclass(frozen=True)
class Burst:
    """``per_s``: events a second for ``seconds``, at random times; ``patience_s``: when the sender ends, after that."""

    per_s: float
    seconds: float
    attempt_s: float = QUOTAS.attempt_s
    patience_s: float = 60.0

    @property
    def events(self) -> int:
        """How many events there are."""
        return max(1, round(self.per_s * self.seconds))


@dataclass
class Tally:
    """``acknowledged``: lines ``message-id sha256``; ``ended``: attempts without a right answer in time."""

    acknowledged: list[str] = field(default_factory=list)
    ended: int = 0
    longest_s: float = 0.0


class Instance:
    """A function that gets one request at a time, over one connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._is_free = asyncio.Lock()
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def answer(self, request: bytes) -> bytes:
        """Wait for the instance, and return its answer. If the caller stops waiting, the connection is closed."""
        async with self._is_free:
            reader, writer = self._open or await asyncio.open_connection("127.0.0.1", self._port)
            self._open, whole = None, b""
            with contextlib.ExitStack() as stack:
                stack.callback(writer.close)
                writer.write(request)
                while not is_whole(whole):
                    part = await reader.read(_ANSWER_BYTES)
                    if not part:
                        return b""
                    whole += part
                stack.pop_all()
            self._open = reader, writer
            return whole

    async def close(self) -> None:
        """Close the connection."""
        if self._open:
            self._open[1].close()
            await self._open[1].wait_closed()


def burst(port: int, wanted: Burst, messages: Callable[[], Sequence[str]]) -> dict[str, Any]:
    """Send a burst, and return what became of it; ``messages``: what the broker has, as ``message-id sha256``.

    ``lost``: events without a message at the end. ``twice``: further messages of the same events. ``refused``: attempts
    that ended without an answer. ``longest_s``: from when an event was due until it was answered.
    """
    prepared = prepare(wanted.events, run=f"burst{time.monotonic_ns():x}", now=time.time())
    began_at = time.perf_counter()
    tally = asyncio.run(_sent(port, wanted, prepared))
    lasted_s = time.perf_counter() - began_at
    arrived = messages()
    unfounded = Counter(tally.acknowledged) - Counter(arrived)
    bodies = Counter(line.split()[1] for line in arrived)
    found = [bodies[request.sha256] for request in prepared]
    return {
        **asdict(wanted),
        "events": len(prepared),
        "unanswered": len(prepared) - len(tally.acknowledged),
        "lost": found.count(0) + unfounded.total(),
        "twice": sum(found) - sum(map(bool, found)),
        "refused": tally.ended,
        "longest_s": tally.longest_s,
        "lasted_s": lasted_s,
    }


async def _sent(port: int, wanted: Burst, prepared: Sequence[Prepared]) -> Tally:
    tally, instance = Tally(), Instance(port)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wanted.seconds + wanted.patience_s), asyncio.TaskGroup() as group:
            for wait_s, request in zip(_waits(wanted), prepared, strict=False):
                await asyncio.sleep(wait_s)
                group.create_task(_delivered(instance, request, wanted.attempt_s, tally))
    await instance.close()
    return tally


def _waits(wanted: Burst) -> Iterator[float]:
    """Return the seconds before each event, which comes at a random time; a late event makes the next wait shorter."""
    due_at, chance = time.perf_counter(), random.Random(wanted.events)
    while True:
        due_at += chance.expovariate(wanted.per_s)
        yield max(0.0, due_at - time.perf_counter())


async def _delivered(instance: Instance, request: Prepared, attempt_s: float, tally: Tally) -> None:
    """Send an event until it is acknowledged."""
    due_at, pause_s, identity = time.perf_counter(), FIRST_PAUSE_S, None
    while identity is None:
        answer = b""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(attempt_s):
                answer = await instance.answer(request.wire)
        identity = message_id(answer, has_id=True)
        if identity is None:
            tally.ended += 1
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    tally.acknowledged.append(f"{identity} {request.sha256}")
    tally.longest_s = max(tally.longest_s, time.perf_counter() - due_at)
