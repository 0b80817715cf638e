"""An embedded Pub/Sub that speaks Google's gRPC API, strict about its limits, and able to record and to fail.

In a thread of this process, for tests and local runs:

    with EmbeddedPubSub() as pubsub:
        os.environ["PUBSUB_EMULATOR_HOST"] = pubsub.host

or as a process of its own, which says where it is in one line of JSON and ends with 0 on SIGTERM or SIGINT:

    python -m deploy.offline.pubsub --port 0 --record acked.jsonl --topic projects/p/topics/t

Source of the protocol: ``google/pubsub/v1/pubsub.proto`` as in ``google.pubsub_v1``.
"""

import argparse
import asyncio
import json
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Self, TypeVar

import grpc
from google.pubsub_v1 import types

from deploy.offline.control import control_service
from deploy.offline.errors import NotStarted, OfflineError
from deploy.offline.faults import Fault
from deploy.offline.publisher import Publisher
from deploy.offline.record import Record
from deploy.offline.settings import new_subscription, new_topic
from deploy.offline.state import State
from deploy.offline.subscriber import Subscriber

ADDRESS = "127.0.0.1"
START_S = 10.0
_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]

_Result = TypeVar("_Result")


class Server:
    """One embedded Pub/Sub on the running event loop."""

    def __init__(self, record: Path | None = None) -> None:
        self._record = Record(record) if record else None
        self._server = grpc.aio.server(options=_OPTIONS)
        self.state = State(self._record)
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen on this port of the loopback address, or on a free one if it is 0."""
        try:
            self.port = self._server.add_insecure_port(f"{ADDRESS}:{port}")
        except RuntimeError as error:
            raise NotStarted(f"port {port} of {ADDRESS} is not to be had") from error
        handlers = (
            Publisher(self.state, self.port).service(),
            Subscriber(self.state).service(),
            control_service(self.state),
        )
        self._server.add_generic_rpc_handlers(handlers)
        await self._server.start()

    async def stop(self) -> None:
        """End all calls and connections."""
        await self._server.stop(None)
        if self._record:
            self._record.close()

    def create_topic(self, name: str) -> None:
        """As CreateTopic with a full name and nothing else."""
        self.state.broker.create_topic(new_topic(types.Topic.pb()(name=name)))

    def create_subscription(self, name: str, topic: str, *, ordered: bool = False) -> None:
        """As CreateSubscription with full names."""
        asked = types.Subscription.pb()(name=name, topic=topic, enable_message_ordering=ordered)
        self.state.broker.create_subscription(new_subscription(asked))


class EmbeddedPubSub:
    """A ``Server`` on an event loop in a thread of its own; a context manager, or ``start`` and ``stop``."""

    kind = "embedded"

    def __init__(self, *, port: int = 0, record: Path | None = None) -> None:
        self._port = port
        self._record = record
        self._server: Server
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._thread: threading.Thread | None = None

    @property
    def host(self) -> str:
        """``127.0.0.1:port``, as ``PUBSUB_EMULATOR_HOST`` wants it."""
        return f"{ADDRESS}:{self._server.port}"

    def start(self) -> None:
        """Returns when calls are answered; raises ``NotStarted``."""
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), name="pubsub")
        self._thread.start()
        ready.result(START_S)

    def stop(self) -> None:
        """Ends all calls and the thread; a second time does nothing."""
        if self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    def create_topic(self, name: str) -> None:
        """A topic by its full name; raises ``Refused``."""
        self._on_loop(lambda: self._server.create_topic(name))

    def create_subscription(self, name: str, topic: str, *, ordered: bool = False) -> None:
        """A subscription by full names; raises ``Refused``."""
        self._on_loop(lambda: self._server.create_subscription(name, topic, ordered=ordered))

    def set_fault(self, fault: Fault) -> None:
        """In force from the next Publish on, in place of the one for the same topic (or the one for all)."""
        self._on_loop(lambda: self._server.state.faults.set(fault))

    def clear_faults(self) -> None:
        """All is well again, for calls that come from now on."""
        self._on_loop(self._server.state.faults.clear)

    def publish_calls(self, topic: str | None = None) -> int:
        """How many Publish calls came, refused ones too: on one topic (full name), or on all."""
        calls = self._on_loop(lambda: dict(self._server.state.publish_calls))
        return sum(calls.values()) if topic is None else calls.get(topic, 0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _run(self, ready: "Future[None]") -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        try:
            self._server = Server(self._record)
            await self._server.start(self._port)
        except OfflineError as error:
            ready.set_exception(error)
            return
        ready.set_result(None)
        await self._ended.wait()
        await self._server.stop()

    def _on_loop(self, function: Callable[[], _Result]) -> _Result:
        async def call() -> _Result:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(START_S)


async def serve(port: int, record: Path | None, topics: Sequence[str], subscriptions: Sequence[str]) -> None:
    """Until SIGTERM or SIGINT; ``subscriptions`` are ``NAME=TOPIC``, all names in full."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
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
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.offline.pubsub", description="An embedded Pub/Sub.")
    parser.add_argument("--port", type=int, default=0, help="of the loopback address; 0 (default): a free one")
    parser.add_argument("--record", type=Path, help="append every acknowledged message to this file")
    parser.add_argument("--topic", action="append", default=[], help="projects/P/topics/T, there from the start")
    parser.add_argument("--subscription", action="append", default=[], help="NAME=TOPIC, both in full")
    given = parser.parse_args(arguments)
    try:
        asyncio.run(serve(given.port, given.record, given.topic, given.subscription))
    except OfflineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
