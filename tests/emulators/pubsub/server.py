"""The server of the embedded Pub/Sub: on a running event loop (``Server``), or in a thread (``EmbeddedPubSub``)."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Self, TypeVar

import grpc
from google.pubsub_v1 import types

from tests.emulators.errors import NotStarted, OfflineError
from tests.emulators.pubsub.control import control_service
from tests.emulators.pubsub.faults import Fault
from tests.emulators.pubsub.publisher import Publisher
from tests.emulators.pubsub.push import Pusher
from tests.emulators.pubsub.record import Record
from tests.emulators.pubsub.settings import new_subscription, new_topic
from tests.emulators.pubsub.state import State
from tests.emulators.pubsub.subscriber import Subscriber

ADDRESS = "127.0.0.1"
START_S = 30.0
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
        self._pusher = Pusher(self.state)
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen on this port of the loopback address, or on a free one if it is 0."""
        try:
            self.port = self._server.add_insecure_port(f"{ADDRESS}:{port}")
        except RuntimeError as error:
            raise NotStarted(f"port {port} of {ADDRESS} is in use or not allowed") from error
        handlers = (
            Publisher(self.state, self.port).service(),
            Subscriber(self.state).service(),
            control_service(self.state),
        )
        self._server.add_generic_rpc_handlers(handlers)
        await self._server.start()
        self._pusher.start()

    async def stop(self) -> None:
        """End all calls and connections."""
        await self._pusher.stop()
        await self._server.stop(None)
        if self._record:
            self._record.close()

    def create_topic(self, name: str) -> None:
        """Create a topic by its full name, with default settings."""
        self.state.broker.create_topic(new_topic(types.Topic.pb()(name=name)))

    def create_subscription(self, name: str, topic: str, *, ordered: bool = False) -> None:
        """Create a subscription by full names, with default settings but for the ordering."""
        settings = types.Subscription.pb()(name=name, topic=topic, enable_message_ordering=ordered)
        self.state.broker.create_subscription(new_subscription(settings))


class EmbeddedPubSub:
    """A ``Server`` on an event loop in its own thread. Use it as a context manager, or by ``start`` and ``stop``."""

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
        """The value of ``PUBSUB_EMULATOR_HOST``: ``127.0.0.1:port``."""
        return f"{ADDRESS}:{self._server.port}"

    def start(self) -> None:
        """Start, and return when calls are answered. Raises ``NotStarted``."""
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), name="pubsub")
        self._thread.start()
        ready.result(START_S)

    def stop(self) -> None:
        """End all calls and the thread. A second call does nothing."""
        if self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    def create_topic(self, name: str) -> None:
        """Create a topic by its full name. Raises ``Refused``."""
        self._on_loop(lambda: self._server.create_topic(name))

    def create_subscription(self, name: str, topic: str, *, ordered: bool = False) -> None:
        """Create a subscription by full names. Raises ``Refused``."""
        self._on_loop(lambda: self._server.create_subscription(name, topic, ordered=ordered))

    def set_fault(self, fault: Fault) -> None:
        """Set a fault from the next Publish call on. It replaces the one for the same topic, or the one for all."""
        self._on_loop(lambda: self._server.state.faults.set(fault))

    def clear_faults(self) -> None:
        """Remove all faults, for calls that come from now on."""
        self._on_loop(self._server.state.faults.clear)

    def publish_calls(self, topic: str | None = None) -> int:
        """Return the number of Publish calls, also refused ones: on one topic (full name), or on all."""
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
