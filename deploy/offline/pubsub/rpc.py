"""Coroutines bound to the names of gRPC methods; the doorway where a ``Refused`` becomes a status.

The client libraries ship message types but no servicer classes, so the methods are bound by generic handlers.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from deploy.offline.errors import Refused

Context = grpc.aio.ServicerContext[Any, Any]
Method = Callable[[Any, Context], Awaitable[Any]]


@dataclass(frozen=True)
class Bound:
    """A method with its wire types, which are generated protobuf classes."""

    method: Method
    request: Any
    response: Any
    streams: bool = False

    def handler(self) -> Any:
        """As gRPC wants it."""
        make = grpc.stream_stream_rpc_method_handler if self.streams else grpc.unary_unary_rpc_method_handler
        return make(_answering(self.method), self.request.FromString, self.response.SerializeToString)


def service(name: str, methods: Mapping[str, Bound]) -> grpc.GenericRpcHandler:
    """A gRPC service by its full name, with its methods by theirs."""
    handlers = {method: bound.handler() for method, bound in methods.items()}
    return grpc.method_handlers_generic_handler(name, handlers)


def _answering(method: Method) -> Method:
    async def answer(request: Any, context: Context) -> Any:
        try:
            return await method(request, context)
        except Refused as refused:
            await context.abort(refused.code, refused.message)

    return answer
