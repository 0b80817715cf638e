"""The doors: where DT's Data Connector rings. What happens to an event stands in ``function/``."""

import contextlib
import gc
import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  # it is an older Python that has to be told so
    sys.exit("Python 3.11 or newer is needed: this is " + sys.version.split()[0])

try:
    import flask
    import functions_framework
    import functions_framework.aio
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn.config import HTTP_PROTOCOLS
except ModuleNotFoundError as missing:
    install = "python -m pip install --no-deps --require-hashes -r requirements.txt"
    sys.exit(f"error: {missing.name} is not installed\n  fix: {install}")

from function.adapters import WsgiDoor, answer_asgi
from function.errors import SettingsError
from function.uvicorn_limits import KEEP_ALIVE_S
from function.wiring import build_receiver

# functions-framework makes this gunicorn's limit for a silent worker. Cloud Run takes the processor away between
# requests: after a pause every worker has been silent for longer, and would be killed while it answers the first event.
# Our own limits end each request long before.
os.environ.pop("CLOUD_RUN_TIMEOUT_SECONDS", None)

try:
    _receiver = build_receiver(os.environ)
except SettingsError as error:
    sys.exit(str(error))

_wsgi_door = WsgiDoor(_receiver)
HTTP_PROTOCOLS["auto"] = "function.uvicorn_limits:BoundedHttp"  # this one is asked for when uvicorn starts
with contextlib.suppress(ImportError):  # there is no gunicorn on Windows
    from gunicorn.config import Keepalive

    Keepalive.default = KEEP_ALIVE_S  # functions-framework has no option for it, and makes the server after this
gc.freeze()  # else the collector would look through all that has been loaded again and again


@functions_framework.aio.http
async def ingest(request: Request) -> Response:
    """Receive one event on an ASGI server. This is the door that is deployed."""
    return await answer_asgi(_receiver, request)


@functions_framework.http
def ingest_wsgi(request: flask.Request) -> flask.Response:
    """Receive one event on a host that only speaks WSGI."""
    return _wsgi_door.answer(request)
