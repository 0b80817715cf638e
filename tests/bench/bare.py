"""``python -m tests.bench.bare``: one awaited Publish call after the other, on gRPC's own asyncio client.

It has no framework, no check and no client library, so it shows the least time of a publish from Python. It prints the
median in ms.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from google.pubsub_v1 import types
from grpc import aio

from tests.bench.figures import median
from tests.bench.requests import prepare

_REQUEST = types.PublishRequest.pb()
_RESPONSE = types.PublishResponse.pb()
_METHOD = "/google.pubsub.v1.Publisher/Publish"
WARM_UP = 0.25
"""The share of the calls at the beginning that is not measured."""


async def publish_for(seconds: float, host: str, topic: str) -> list[float]:
    """Publish for a time, and return the milliseconds of each call."""
    bodies = [request.wire.partition(b"\r\n\r\n")[2] for request in prepare(2000, run="bare", now=time.time())]
    took_ms: list[float] = []
    began_at = time.perf_counter()
    async with aio.insecure_channel(host) as channel:
        publish = channel.unary_unary(_METHOD, _REQUEST.SerializeToString, _RESPONSE.FromString)
        while time.perf_counter() - began_at < seconds:
            sent_at = time.perf_counter()
            answer = await publish(_REQUEST(topic=topic, messages=[{"data": bodies[len(took_ms) % len(bodies)]}]))
            took_ms.append((time.perf_counter() - sent_at) * 1e3)
            assert len(answer.message_ids) == 1
    return took_ms[int(len(took_ms) * WARM_UP) :]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bare", description="Publish, wait, publish.")
    parser.add_argument("--host", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args(arguments)
    print(median(asyncio.run(publish_for(given.seconds, given.host, given.topic))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
