"""``python -m tests.bench.counts.rooms``: send events through the modules of ``function/`` alone.

The input is prepared, and the output is dropped: there is no web framework, no gRPC, no socket. The modules from the
receiver to the batcher take part, with the log. The program prints ``ready``. For each number that it reads, it sends
so many events, all of DT's types in turn, and prints the number.
"""

import asyncio
import sys
import time
from collections.abc import Sequence

from function.batching import Batcher
from function.log import Log
from function.message import Message
from function.receiver import Receiver
from function.retrying import RetryingPublisher
from function.secret_source import SecretSource
from function.verifier import SecretScheme, Verifier
from tests.bench.requests import prepare
from tests.bench.share import SETTINGS, Nowhere, given

TYPES = 19


class AcknowledgesAtOnce:
    """A Pub/Sub without a network."""

    async def send(self, _topic: str, messages: Sequence[Message], *, timeout_s: float) -> Sequence[str]:  # noqa: ARG002  # the interface has it
        """Acknowledge the messages."""
        return ["17954149000000000"] * len(messages)


def receiver() -> Receiver:
    """Return the function's receiver, with the publisher that it has in production up to Google's client."""
    log = Log(Nowhere(), level="INFO", google_project="bench", monotonic=time.monotonic)
    secrets = SecretSource(SETTINGS.secrets, None, monotonic=time.monotonic, warn=log.problem, remark=log.problem)
    verifier = Verifier([SecretScheme(secrets)], now=time.time, leeway_s=SETTINGS.clock_leeway_s)
    publisher = RetryingPublisher(Batcher(AcknowledgesAtOnce()))
    return Receiver(SETTINGS, verifier, publisher, log, now=time.time, monotonic=time.monotonic)


async def serve() -> None:
    """Send as many events as each line of standard input says."""
    receive = receiver().receive
    requests = [given(request.wire)[0] for request in prepare(TYPES, run="rooms", now=time.time())]
    print("ready", flush=True)
    for line in sys.stdin:
        for number in range(int(line)):
            reply = await receive(requests[number % TYPES])
            assert reply.status == 200
        print(int(line), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
