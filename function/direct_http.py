"""uvicorn's HTTP protocol, which gives POST requests to the receiver and skips the framework.

functions-framework and Starlette take a third of the CPU time of an event for their middleware, for the route (every
path leads to the same function), and for two writes for each answer. Requests with other methods go through them, so
that ``/robots.txt`` and methods that the framework refuses are answered as before.
"""

import random
import string
from typing import Any

from function.adapters import answer, headers_of
from function.http import Reply
from function.receiver import Receiver
from function.uvicorn_limits import STATUS_LINE, ASGI3Application, BoundedHttp, RequestResponseCycle

EXECUTION_ID = "function-execution-id"
"""The header with a request's id. functions-framework adds it if it is absent, and it is a label of the log line."""

_LETTERS = string.digits + string.ascii_letters


class DirectHttp(BoundedHttp):
    """The protocol of one connection."""

    def __init__(self, receiver: Receiver, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._receiver = receiver

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if cycle.scope["method"] != "POST":
            super()._start_asgi_task(cycle, app)
            return
        self._running = cycle
        task = self.loop.create_task(self._answer(cycle))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _answer(self, cycle: RequestResponseCycle) -> None:
        """Answer a request in the next turn of the event loop, so that the log lines of this turn come before it."""
        headers = headers_of(cycle.scope["headers"])
        headers.setdefault(EXECUTION_ID, ["".join(random.choices(_LETTERS, k=12))])  # noqa: S311  # no secret
        try:
            reply, fields = await answer(self._receiver, "POST", headers, cycle.receive, self.loop.call_soon)
            if cycle.flow.write_paused:
                await cycle.flow.drain()
        except BaseException:  # the receiver raises nothing, so the server cancels what takes too long at its end
            self.transport.close()
            raise
        self.loop.call_soon(self._send, cycle, reply, fields)

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
