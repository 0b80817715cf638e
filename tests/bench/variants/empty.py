"""The upper limit: an asynchronous function of the framework that does nothing."""

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response


@functions_framework.aio.http
async def empty(_: Request) -> Response:
    """Answer."""
    return Response(b"{}", media_type="application/json")
