"""The control: a function that answers 200 first and publishes afterwards. It loses events, which must be found.

A measurement that does not find these losses proves nothing about the real function.
"""

import asyncio
import os

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from function.adapters import answer_asgi
from function.wiring import build_receiver

_receiver = build_receiver(os.environ)
_unfinished: set["asyncio.Task[Response]"] = set()


@functions_framework.aio.http
async def ingest(request: Request) -> Response:
    """Answer 200 before the event is published."""
    body = await request.body()

    async def receive() -> Message:
        """Return the body that was read before: after its answer a server no longer has the request."""
        return {"type": "http.request", "body": body}

    publishing = asyncio.create_task(answer_asgi(_receiver, Request(request.scope, receive)))
    _unfinished.add(publishing)
    publishing.add_done_callback(_unfinished.discard)
    return Response()
