"""Pub/Sub as in production: over TLS, and only with a valid access token.

It forwards Publish calls to another Pub/Sub, such as the embedded one.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import grpc
from grpc import StatusCode, aio

from tests.emulators.pubsub.limits import MAX_REQUEST_BYTES
from tests.prove.metadata_server import Grant

METHOD = "/google.pubsub.v1.Publisher/Publish"
SCOPES = {"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/pubsub"}
"""One of these scopes is enough: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish."""


class TlsPubSub:
    """A context manager. ``key_file``: private key and certificate; ``grants``: valid tokens with their scopes.

    ``tokens``: the token of each forwarded call; ``revoked``: tokens that are no longer valid.
    """

    def __init__(self, target: str, key_file: Path, grants: Mapping[str, Grant], port: int = 0) -> None:
        self.tokens: list[str] = []
        self.revoked: set[str] = set()
        self.port = port
        self._target = target
        self._pem = key_file.read_bytes()
        self._grants = grants
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="tls")

    @property
    def host(self) -> str:
        """``127.0.0.1:port``."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAX_REQUEST_BYTES)])
        credentials = grpc.ssl_server_credentials([(self._pem, self._pem)])
        self.port = server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        async with aio.insecure_channel(self._target) as channel:
            handler: Any = grpc.unary_unary_rpc_method_handler(self._forwarded(channel.unary_unary(METHOD)))
            server.add_generic_rpc_handlers((_Methods({METHOD: handler}),))
            await server.start()
            self._ready.set_result(None)
            await self._ended.wait()
            await server.stop(None)

    def _forwarded(self, publish: Any) -> Any:
        async def forwarded(request: bytes, context: Any) -> bytes:
            token = dict(context.invocation_metadata()).get("authorization", "").removeprefix("Bearer ")
            await self._check(token, context)
            try:
                answer: bytes = await publish(request, timeout=context.time_remaining())
            except aio.AioRpcError as error:
                await context.abort(error.code(), error.details())
            return answer

        return forwarded

    async def _check(self, token: str, context: Any) -> None:
        grant = self._grants.get(token)
        if grant is None or token in self.revoked or grant.expires_at <= time.time():
            await context.abort(StatusCode.UNAUTHENTICATED, "Request had invalid authentication credentials.")
        elif not grant.scopes & SCOPES:
            await context.abort(StatusCode.PERMISSION_DENIED, "Request had insufficient authentication scopes.")
        self.tokens.append(token)


class _Methods(grpc.GenericRpcHandler):
    def __init__(self, handlers: Mapping[str, Any]) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)
