"""uvicorn's HTTP protocol, which gives POST requests to the receiver and skips the framework.

functions-framework and Starlette take a third of the CPU time of an event for their middleware, for the route (every
path leads to the same function), and for two writes for each answer. Requests with other methods go through them, so
that ``/robots.txt`` and methods that the framework refuses are answered as before.
"""

import asyncio
import random
import string
from collections.abc import Callable
from functools import partial
from typing import Any

from function.adapters import answer, headers_of
from function.http import Reply
from function.receiver import Receiver
from function.uvicorn_limits import STATUS_LINE, ASGI3Application, BoundedHttp, RequestResponseCycle

EXECUTION_ID = "function-execution-id"
"""The header with a request's id. functions-framework adds it if it is absent, and it is a label of the log line."""

_LETTERS = string.digits + string.ascii_letters


class Turn:
    """What is called at the end of a turn of the event loop, in its order: log lines first, so that they share a write.

    Then come the answers, because Cloud Run may take the processor away after an answer. All connections share it.
    """

    has_calls = False

    def call_at_end(self, call: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        """Call this when everything that was ready in this turn has run."""
        if not self.has_calls:
            self.has_calls = True
            loop.call_soon(self._end)
        loop.call_soon(call)

    def _end(self) -> None:
        self.has_calls = False


class DirectHttp(BoundedHttp):
    """The protocol of one connection."""

    _task: asyncio.Task[None]

    def __init__(self, receiver: Receiver, turn: "Turn", **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._receiver = receiver
        self._turn = turn

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if cycle.scope["method"] != "POST":
            super()._start_asgi_task(cycle, app)
            return
        self._running = cycle
        self._task = self.loop.create_task(self._answer(cycle))
        self.tasks.add(self._task)

    async def _answer(self, cycle: RequestResponseCycle) -> None:
        task = self._task
        headers = headers_of(cycle.scope["headers"])
        headers.setdefault(EXECUTION_ID, ["".join(random.choices(_LETTERS, k=12))])  # noqa: S311  # no secret
        has_reply = False
        try:
            reply, fields = await answer(self._receiver, "POST", headers, cycle.receive, self._soon)
            if cycle.flow.write_paused:
                await cycle.flow.drain()
            self._soon(partial(self._send, cycle, reply, fields))
            has_reply = True
        finally:
            self.tasks.discard(task)
            if not has_reply:  # the server cancels what takes too long at its end
                self.transport.close()

    def _soon(self, call: Callable[[], None]) -> None:
        """Call this at the end of the turn, or at once if no other request is being answered."""
        if self._turn.has_calls or len(self.tasks) > 1:
            self._turn.call_at_end(call, self.loop)
        else:
            call()

    def _send(self, cycle: RequestResponseCycle, reply: Reply, fields: dict[str, str]) -> None:
        """Send the whole answer in one system call, and mark the request as answered, as uvicorn does."""
        answered, cycle.on_response = cycle.on_response, _nothing  # break the cycle of the connection and its request
        if cycle.disconnected:
            return
        if "Connection" in fields:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            fields["Connection"] = "close"
        lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in fields.items())
        begin = b"".join(b"%b: %b\r\n" % field for field in cycle.default_headers)
        self.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[reply.status], begin, lines.encode(), reply.body))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        answered()


def _nothing() -> None:
    """Do nothing."""
