"""``python -m tests.emulators.pubsub``: the embedded Pub/Sub as its own process."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.emulators.errors import OfflineError
from tests.emulators.pubsub.server import ADDRESS, Server


async def serve(port: int, record: Path | None, topics: Sequence[str], subscriptions: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT. ``subscriptions`` are ``NAME=TOPIC``; all names are full names."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):  # on Windows an event loop has no signal handlers of its own
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))
    server = Server(record)
    for topic in topics:
        server.create_topic(topic)
    for subscription in subscriptions:
        name, _, topic = subscription.partition("=")
        server.create_subscription(name, topic)
    await server.start(port)
    print(json.dumps({"host": f"{ADDRESS}:{server.port}"}), flush=True)
    await ended.wait()
    await server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulators.pubsub", description="An embedded Pub/Sub.")
    parser.add_argument("--port", type=int, default=0, help="port of the loopback address; 0 (default): a free port")
    parser.add_argument("--record", type=Path, help="append every acknowledged message to this file")
    parser.add_argument("--topic", action="append", default=[], help="create this topic: projects/P/topics/T")
    parser.add_argument(
        "--subscription", action="append", default=[], help="create this subscription: NAME=TOPIC, both full names"
    )
    given = parser.parse_args(arguments)
    try:
        asyncio.run(serve(given.port, given.record, given.topic, given.subscription))
    except OfflineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
