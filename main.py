"""The entry points that DT's Data Connector calls. The package ``function`` says what happens to an event."""

import contextlib
import gc
import os
import sys
from functools import partial

if sys.version_info < (3, 11):  # noqa: UP036  # an older Python must print this text
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

from function.adapters import WsgiAdapter, answer_asgi
from function.direct_http import DirectHttp, Turn
from function.errors import SettingsError
from function.uvicorn_limits import KEEP_ALIVE_S
from function.wiring import build_receiver

# functions-framework makes this variable gunicorn's limit for a silent worker. Cloud Run takes the processor away
# between requests. So after a pause every worker has been silent for longer than the limit, and gunicorn would kill it
# while it answers the first event. The timeouts of this function end each request long before.
os.environ.pop("CLOUD_RUN_TIMEOUT_SECONDS", None)

try:
    _receiver = build_receiver(os.environ)
except SettingsError as error:
    sys.exit(str(error))

_wsgi_adapter = WsgiAdapter(_receiver)
HTTP_PROTOCOLS["auto"] = partial(DirectHttp, _receiver, Turn())  # type: ignore[assignment]  # uvicorn calls it for each connection
with contextlib.suppress(ImportError):  # there is no gunicorn on Windows
    from gunicorn.config import Keepalive

    Keepalive.default = KEEP_ALIVE_S  # functions-framework has no option for it, and makes the server later
gc.freeze()  # exclude everything that is imported so far from garbage collection


@functions_framework.aio.http
async def ingest(request: Request) -> Response:
    """Receive one event on an ASGI server. This is the entry point that is deployed."""
    return await answer_asgi(_receiver, request)


@functions_framework.http
def ingest_wsgi(request: flask.Request) -> flask.Response:
    """Receive one event on a host that supports only WSGI."""
    return _wsgi_adapter.answer(request)
