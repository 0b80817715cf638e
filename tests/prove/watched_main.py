"""``main.py`` for measurements: the same two entry points, with a receiver for each path, and a count of tasks.

``RECEIVERS`` is a JSON object: path -> settings that differ from the environment's. ``GET /tasks`` returns the number
of asyncio tasks.
"""

import asyncio
import json
import os

import flask
import functions_framework
import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from function.adapters import WsgiAdapter, answer_asgi
from function.wiring import build_receiver

_receivers = {
    path: build_receiver({**os.environ, **settings})
    for path, settings in json.loads(os.environ.get("RECEIVERS", '{"/": {}}')).items()
}
_wsgi_adapters = {path: WsgiAdapter(receiver) for path, receiver in _receivers.items()}


@functions_framework.aio.http
async def ingest(request: Request) -> Response:
    """Let the receiver of the path answer, on an ASGI server."""
    if request.url.path == "/tasks":
        return Response(str(len(asyncio.all_tasks())))
    return await answer_asgi(_receivers[request.url.path], request)


@functions_framework.http
def ingest_wsgi(request: flask.Request) -> flask.Response:
    """Let the receiver of the path answer, on a WSGI server."""
    if request.path == "/tasks":
        loops = [adapter._loop._loop for adapter in _wsgi_adapters.values()]  # noqa: SLF001  # there is no public way
        return flask.Response(str(sum(len(asyncio.all_tasks(loop)) for loop in loops if loop)))
    return _wsgi_adapters[request.path].answer(request)
