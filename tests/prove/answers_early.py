"""The control: a function that answers 200 first and publishes afterwards. It loses events, and has to be caught.

A measurement that cannot see this one fail proves nothing about the real one.
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
    """Answer 200, whatever becomes of the event."""
    body = await request.body()

    async def receive() -> Message:
        """Give the body again: after its answer a server has nothing of a request any more."""
        return {"type": "http.request", "body": body}

    publishing = asyncio.create_task(answer_asgi(_receiver, Request(request.scope, receive)))
    _unfinished.add(publishing)
    publishing.add_done_callback(_unfinished.discard)
    return Response()
