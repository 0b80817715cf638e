"""Binds coroutines to gRPC methods, and turns a ``Refused`` into a gRPC status.

Google's client libraries have message types but no servicer classes, so generic handlers bind the methods.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from tests.emulators.errors import Refused

Context = grpc.aio.ServicerContext[Any, Any]
Method = Callable[[Any, Context], Awaitable[Any]]


@dataclass(frozen=True)
class Bound:
    """A method with its request and response types, which are generated protobuf classes."""

    method: Method
    request: Any
    response: Any
    streams: bool = False

    def handler(self) -> Any:
        """Return the method as a gRPC handler."""
        make = grpc.stream_stream_rpc_method_handler if self.streams else grpc.unary_unary_rpc_method_handler
        return make(_answering(self.method), self.request.FromString, self.response.SerializeToString)


def service(name: str, methods: Mapping[str, Bound]) -> grpc.GenericRpcHandler:
    """Return the gRPC service with this full name and these methods by name."""
    handlers = {method: bound.handler() for method, bound in methods.items()}
    return grpc.method_handlers_generic_handler(name, handlers)


def _answering(method: Method) -> Method:
    async def answer(request: Any, context: Context) -> Any:
        try:
            return await method(request, context)
        except Refused as refused:
            await context.abort(refused.code, refused.message, _details(refused))

    return answer


def _details(refused: Refused) -> tuple[tuple[str, bytes], ...]:
    """Return the trailing metadata from which Google's clients read the reason of an error."""
    if not refused.reason:
        return ()
    packed = any_pb2.Any()
    packed.Pack(
        error_details_pb2.ErrorInfo(reason=refused.reason, domain="pubsub.googleapis.com", metadata=refused.metadata)
    )
    status = status_pb2.Status(code=refused.code.value[0], message=refused.message, details=[packed])
    return (("grpc-status-details-bin", status.SerializeToString()),)
