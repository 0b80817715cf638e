"""``main.py`` for measurements: the same two doors, with a receiver for each path, and a look at what is running.

``RECEIVERS`` is a JSON object, path -> settings that differ from the environment's. ``GET /tasks`` is answered with the
number of asyncio tasks.
"""

import asyncio
import json
import os

import flask
import functions_framework
import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from function.adapters import WsgiDoor, answer_asgi
from function.wiring import build_receiver

_receivers = {
    path: build_receiver({**os.environ, **settings})
    for path, settings in json.loads(os.environ.get("RECEIVERS", '{"/": {}}')).items()
}
_wsgi_doors = {path: WsgiDoor(receiver) for path, receiver in _receivers.items()}


@functions_framework.aio.http
async def ingest(request: Request) -> Response:
    """Let the path's receiver answer on an ASGI server."""
    if request.url.path == "/tasks":
        return Response(str(len(asyncio.all_tasks())))
    return await answer_asgi(_receivers[request.url.path], request)


@functions_framework.http
def ingest_wsgi(request: flask.Request) -> flask.Response:
    """Let the path's receiver answer on a WSGI server."""
    if request.path == "/tasks":
        loops = [door._loop._loop for door in _wsgi_doors.values()]  # noqa: SLF001  # nothing else tells
        return flask.Response(str(sum(len(asyncio.all_tasks(loop)) for loop in loops if loop)))
    return _wsgi_doors[request.path].answer(request)
