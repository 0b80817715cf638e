"""A TCP proxy between the function and its broker that shows the faults of a network.

with Proxy(broker.host) as proxy:
    os.environ["PUBSUB_EMULATOR_HOST"] = proxy.host
    proxy.show("black hole")
"""

import asyncio
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from typing import Any, Literal, Self

Fault = Literal["none", "refuse", "reset", "half-open", "black hole"]
"""``refuse``: the port is closed; ``reset``: RST on accept; ``half-open``: accepted, but no byte passes. These end all
connections. ``black hole``: connections stay, new ones are accepted, and nothing passes until the fault ends."""

_RST_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """A context manager; ``host`` (``127.0.0.1:port``) leads to ``target``.

    ``delay_s`` delays each chunk, ``greeting_s`` each new connection.
    """

    def __init__(self, target: str) -> None:
        self.delay_s = self.greeting_s = 0.0
        self._target = target
        self._fault: Fault = "none"
        self._passing = asyncio.Event()
        self._writers: set[StreamWriter] = set()
        self._stranded: set[StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._listener: asyncio.Server | None = None
        self._port = 0

    @property
    def host(self) -> str:
        """The address to connect to."""
        return f"127.0.0.1:{self._port}"

    @property
    def connections(self) -> int:
        """The number of connections."""
        return len(self._writers)

    def show(self, fault: Fault) -> None:
        """Show this fault from now on; ``none`` ends it."""
        asyncio.run_coroutine_threadsafe(self._show(fault), self._loop).result(10)

    def cut(self) -> None:
        """End all connections by RST."""
        self._loop.call_soon_threadsafe(self._on_each, _abort)

    def strand(self) -> None:
        """Let the existing connections carry nothing any more, without ending them; new connections work."""
        self._loop.call_soon_threadsafe(self._on_each, self._stranded.add)

    def __enter__(self) -> Self:
        self._thread.start()
        self.show("none")
        return self

    def __exit__(self, *_: object) -> None:
        self.show("refuse")
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _show(self, fault: Fault) -> None:
        self._fault = fault
        (self._passing.clear if fault == "black hole" else self._passing.set)()
        if fault in {"refuse", "reset", "half-open"}:
            self._on_each(_abort)
        if fault == "refuse" and self._listener:
            self._listener.close()
            self._listener = None
        elif fault != "refuse" and self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._listener.sockets[0].getsockname()[1]

    def _on_each(self, act: Callable[[StreamWriter], Any]) -> None:
        for writer in self._writers:
            act(writer)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._fault == "half-open":
                await reader.read(-1)
            elif self._fault != "reset":
                await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            """One side has closed, or the proxy ends."""
        finally:
            _abort(writer)
            self._writers.discard(writer)

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        await asyncio.sleep(self.greeting_s)
        far_reader, far_writer = await asyncio.open_connection(*self._target.split(":"))
        pumps = [self._pump(reader, far_writer, near=writer), self._pump(far_reader, writer, near=writer)]
        tasks = [asyncio.create_task(pump) for pump in pumps]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            _abort(far_writer)
            _abort(writer)
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, reader: StreamReader, writer: StreamWriter, near: StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            await self._passing.wait()
            await asyncio.sleep(self.delay_s)
            if near not in self._stranded:
                writer.write(chunk)
                await writer.drain()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _abort(writer: StreamWriter) -> None:
    """Close a connection by RST."""
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        writer.transport.abort()
