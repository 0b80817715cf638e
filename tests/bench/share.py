"""``python -m tests.bench.share``: the microseconds of this project's own modules for one event.

The modules run alone, without a web framework, gRPC or a network: their input is prepared, and their output is dropped.
The events are of all of DT's types in turn. The command prints JSON: microseconds by part.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from function.event import Envelope, parse_body, read_envelope, require_envelope
from function.http import Request
from function.log import Log, traceparent
from function.message import Message, event_message
from function.receiver import Receiver
from function.secret_source import SecretSource
from function.settings import Settings
from function.signature import Verified
from function.verifier import SecretScheme, Verifier
from tests.bench.figures import median
from tests.bench.requests import SECRET, prepare

SETTINGS = Settings.from_environ(
    {
        "PUBSUB_TOPIC": "projects/bench/topics/events",
        "PUBSUB_REJECTED_TOPIC": "projects/bench/topics/rejected",
        "DT_SIGNATURE_SECRET": SECRET,
    }
)
OWN_SHARE = ("verify", "decide", "message")
"""The parts of which a goal limits the sum."""

WHOLE = "whole receiver"
"""All parts, the log line and the reply included."""

BATCH = 190
"""Events in a measurement: ten of each type."""


class Nowhere:
    """A Pub/Sub that acknowledges at once, and a stream that drops what is written."""

    async def publish(self, _topic: str, _message: Message, *, timeout_s: float) -> str:  # noqa: ARG002  # the interface has it
        """Acknowledge the message."""
        return "17954149000000000"

    def write(self, data: bytes, /) -> int:
        """Drop the data."""
        return len(data)

    def flush(self) -> None:
        """Do nothing, because nothing is buffered."""


Work = Callable[[Request, bytes, Envelope], Awaitable[object]]


def works() -> dict[str, Work]:
    """Return the parts by name; a part is a function of one request, its body and its envelope."""
    log = Log(Nowhere(), level="INFO", google_project="bench", monotonic=time.monotonic)
    secrets = SecretSource(SETTINGS.secrets, None, monotonic=time.monotonic, warn=log.problem, remark=log.problem)
    verifier = Verifier([SecretScheme(secrets)], now=time.time, leeway_s=SETTINGS.clock_leeway_s)
    receiver = Receiver(SETTINGS, verifier, Nowhere(), log, now=time.time, monotonic=time.monotonic)

    async def verify(request: Request, body: bytes, _: Envelope) -> object:
        return verifier.proves(await verifier.authenticate(verifier.tokens(request.headers)), body)

    async def decide(_: Request, body: bytes, __: Envelope) -> object:
        envelope = read_envelope(parse_body(body))
        require_envelope(envelope)
        return envelope

    async def message(request: Request, body: bytes, envelope: Envelope) -> object:
        return event_message(Verified(body, 0, expired=False), envelope, traceparent(request), SETTINGS)

    async def whole(request: Request, _: bytes, __: Envelope) -> object:
        reply = await receiver.receive(request)
        assert reply.status == 200
        return reply

    return {"verify": verify, "decide": decide, "message": message, WHOLE: whole}


async def measure(batches: int) -> dict[str, float]:
    """Return the median microseconds of each part; the parts take turns, a batch at a time."""
    prepared = [given(request.wire) for request in prepare(BATCH, run="share", now=time.time())]
    took: dict[str, list[float]] = {name: [] for name in works()}
    gc.disable()
    for _ in range(batches):
        for name, work in works().items():
            began_at = time.perf_counter()
            for request, body, envelope in prepared:
                await work(request, body, envelope)
            took[name].append((time.perf_counter() - began_at) / BATCH * 1e6)
        gc.collect()
    return {name: median(values) for name, values in took.items()}


def given(wire: bytes) -> tuple[Request, bytes, Envelope]:
    """Return the request of these bytes, its body, and the envelope of the body."""
    head, _, body = wire.partition(b"\r\n\r\n")
    headers = {
        name.lower(): [value] for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    }

    async def read(_: int) -> bytes:
        return body

    return Request("POST", headers, read), body, read_envelope(parse_body(body))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.share", description="Microseconds of the function's own modules."
    )
    parser.add_argument("--batches", type=int, default=200)
    json.dump(asyncio.run(measure(parser.parse_args(arguments).batches)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
