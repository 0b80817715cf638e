"""``dtpubsub.offline.Control``: faults and counts of an embedded Pub/Sub that runs in another process.

A gRPC service on the same port, whose requests and answers are JSON objects. The server's end is ``control_service``,
the client's end ``Control``.
"""

import json
from collections.abc import Callable
from typing import Any, Self

import grpc

from deploy.offline.errors import OfflineError
from deploy.offline.pubsub.faults import Fault
from deploy.offline.pubsub.state import State

SERVICE = "dtpubsub.offline.Control"
_TIMEOUT_S = 20.0


def control_service(state: State) -> grpc.GenericRpcHandler:
    """As gRPC wants it."""

    def set_fault(asked: Any) -> dict[str, int]:
        state.faults.set(Fault(**asked))
        return {}

    def clear_faults(_: Any) -> dict[str, int]:
        state.faults.clear()
        return {}

    def publish_calls(_: Any) -> dict[str, int]:
        return dict(state.publish_calls)

    def unacknowledged(asked: Any) -> list[int]:
        messages = state.broker.subscriptions.get(asked["subscription"]).backlog.unacknowledged()
        return [len(messages), min((each.publish_time_ns for each in messages), default=0)]

    handlers: dict[str, Callable[[Any], Any]] = {
        "SetFault": set_fault,
        "ClearFaults": clear_faults,
        "PublishCalls": publish_calls,
        "Unacknowledged": unacknowledged,
    }
    return grpc.method_handlers_generic_handler(SERVICE, {name: _handler(each) for name, each in handlers.items()})


class Control:
    """The faults and counts of the embedded Pub/Sub at ``host`` (``127.0.0.1:port``), in whatever process it is."""

    def __init__(self, host: str) -> None:
        self._channel = grpc.insecure_channel(host)

    def set_fault(self, fault: Fault) -> None:
        """In force from the next Publish on, in place of the one for the same topic (or the one for all)."""
        self._call("SetFault", fault.to_json())

    def clear_faults(self) -> None:
        """All is well again, for calls that come from now on."""
        self._call("ClearFaults", {})

    def publish_calls(self, topic: str | None = None) -> int:
        """How many Publish calls came, refused ones too: on one topic (full name), or on all."""
        calls: dict[str, int] = self._call("PublishCalls", {})
        return sum(calls.values()) if topic is None else calls.get(topic, 0)

    def unacknowledged(self, subscription: str) -> tuple[int, int] | None:
        """Return how many messages a subscription has, and when the oldest was published, in ns since 1970.

        The answer is None if the Pub/Sub at this host is not the embedded one.
        """
        call = self._channel.unary_unary(f"/{SERVICE}/Unacknowledged", json_bytes, json.loads)
        try:
            messages, oldest_ns = call({"subscription": subscription}, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise OfflineError(f"the embedded Pub/Sub did not do Unacknowledged: {error}") from error
        return messages, oldest_ns

    def close(self) -> None:
        """Done with it."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, asked: Any) -> Any:
        call = self._channel.unary_unary(f"/{SERVICE}/{method}", json_bytes, json.loads)
        try:
            return call(asked, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            raise OfflineError(f"the embedded Pub/Sub did not do {method}: {error}") from error


def json_bytes(value: Any) -> bytes:
    """A JSON value on the wire."""
    return json.dumps(value).encode()


def _handler(function: Callable[[Any], Any]) -> Any:
    async def answer(asked: Any, _: Any) -> Any:
        return function(asked)

    return grpc.unary_unary_rpc_method_handler(answer, json.loads, json_bytes)
