"""``dtpubsub.offline.Control``: sets the faults and reads the counts of an embedded Pub/Sub in another process.

It is a gRPC service on the same port; its requests and answers are JSON. ``control_service`` is the server,
``Control`` the client.
"""

import json
from collections.abc import Callable
from typing import Any, Self

import grpc

from tests.emulators.errors import OfflineError
from tests.emulators.pubsub.faults import Fault
from tests.emulators.pubsub.state import State

SERVICE = "dtpubsub.offline.Control"
_TIMEOUT_S = 20.0


def control_service(state: State) -> grpc.GenericRpcHandler:
    """Return the service as a gRPC handler."""

    def set_fault(requested: Any) -> dict[str, int]:
        state.faults.set(Fault(**requested))
        return {}

    def clear_faults(_: Any) -> dict[str, int]:
        state.faults.clear()
        return {}

    def publish_calls(_: Any) -> dict[str, int]:
        return dict(state.publish_calls)

    def unacknowledged(requested: Any) -> list[int]:
        messages = state.broker.subscriptions.get(requested["subscription"]).backlog.unacknowledged()
        return [len(messages), min((message.publish_time_ns for message in messages), default=0)]

    handlers: dict[str, Callable[[Any], Any]] = {
        "SetFault": set_fault,
        "ClearFaults": clear_faults,
        "PublishCalls": publish_calls,
        "Unacknowledged": unacknowledged,
    }
    methods = {name: _handler(function) for name, function in handlers.items()}
    return grpc.method_handlers_generic_handler(SERVICE, methods)


class Control:
    """Controls the embedded Pub/Sub at ``host`` (``127.0.0.1:port``), in this or in another process."""

    def __init__(self, host: str) -> None:
        self._channel = grpc.insecure_channel(host)

    def set_fault(self, fault: Fault) -> None:
        """Set a fault from the next Publish call on. It replaces the one for the same topic, or the one for all."""
        self._call("SetFault", fault.to_json())

    def clear_faults(self) -> None:
        """Remove all faults, for calls that come from now on."""
        self._call("ClearFaults", {})

    def publish_calls(self, topic: str | None = None) -> int:
        """Return the number of Publish calls, also refused ones: on one topic (full name), or on all."""
        calls: dict[str, int] = self._call("PublishCalls", {})
        return sum(calls.values()) if topic is None else calls.get(topic, 0)

    def unacknowledged(self, subscription: str) -> tuple[int, int] | None:
        """Return a subscription's number of unacknowledged messages, and the oldest one's publish time (ns since 1970).

        Return None if the Pub/Sub at this host is not the embedded one.
        """
        call = self._channel.unary_unary(f"/{SERVICE}/Unacknowledged", json_bytes, json.loads)
        try:
            messages, oldest_ns = call({"subscription": subscription}, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise OfflineError(f"the embedded Pub/Sub refused Unacknowledged: {error}") from error
        return messages, oldest_ns

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, requested: Any) -> Any:
        call = self._channel.unary_unary(f"/{SERVICE}/{method}", json_bytes, json.loads)
        try:
            return call(requested, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            raise OfflineError(f"the embedded Pub/Sub refused {method}: {error}") from error


def json_bytes(value: Any) -> bytes:
    """Return a JSON value as bytes."""
    return json.dumps(value).encode()


def _handler(function: Callable[[Any], Any]) -> Any:
    async def answer(requested: Any, _: Any) -> Any:
        return function(requested)

    return grpc.unary_unary_rpc_method_handler(answer, json.loads, json_bytes)
