"""The Pub/Sub that has the messages, emulator or embedded: called by gRPC, with the JSON of Google's REST API.

Every revision of a function reaches it through a gate: a port of its own, which knows the service account of the
revision, and allows it to publish only to the topics that IAM allows.
"""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import grpc
from google.protobuf import empty_pb2, json_format
from google.pubsub_v1 import types

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.problems import STATUSES, Problem, invalid
from tests.emulators.pubsub.control import Control

CALL_S = 30.0
MAX_PULLED = 1000
GATE_THREADS = 16
_UNKNOWN = re.compile(r'no field named "([^"]+)" at "([^"]+)"')
_PUBLISH = "/google.pubsub.v1.Publisher/Publish"
_CALLS: dict[str, tuple[str, Any, Any]] = {
    "CreateTopic": ("Publisher", types.Topic.pb(), types.Topic.pb()),
    "UpdateTopic": ("Publisher", types.UpdateTopicRequest.pb(), types.Topic.pb()),
    "DeleteTopic": ("Publisher", types.DeleteTopicRequest.pb(), empty_pb2.Empty),
    "Publish": ("Publisher", types.PublishRequest.pb(), types.PublishResponse.pb()),
    "CreateSubscription": ("Subscriber", types.Subscription.pb(), types.Subscription.pb()),
    "DeleteSubscription": ("Subscriber", types.DeleteSubscriptionRequest.pb(), empty_pb2.Empty),
    "Pull": ("Subscriber", types.PullRequest.pb(), types.PullResponse.pb()),
    "Acknowledge": ("Subscriber", types.AcknowledgeRequest.pb(), empty_pb2.Empty),
    "ModifyAckDeadline": ("Subscriber", types.ModifyAckDeadlineRequest.pb(), empty_pb2.Empty),
    "UpdateSubscription": ("Subscriber", types.UpdateSubscriptionRequest.pb(), types.Subscription.pb()),
    "DetachSubscription": ("Publisher", types.DetachSubscriptionRequest.pb(), types.DetachSubscriptionResponse.pb()),
    "CreateSnapshot": ("Subscriber", types.CreateSnapshotRequest.pb(), types.Snapshot.pb()),
    "GetSnapshot": ("Subscriber", types.GetSnapshotRequest.pb(), types.Snapshot.pb()),
    "ListSnapshots": ("Subscriber", types.ListSnapshotsRequest.pb(), types.ListSnapshotsResponse.pb()),
    "DeleteSnapshot": ("Subscriber", types.DeleteSnapshotRequest.pb(), empty_pb2.Empty),
    "Seek": ("Subscriber", types.SeekRequest.pb(), types.SeekResponse.pb()),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The number of unacknowledged messages, and when the oldest was published: seconds since 1970, or None."""

    messages: int
    oldest_at: float | None


class DataPlane:
    """The Pub/Sub at ``host`` (``127.0.0.1:port``)."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.channel = grpc.insecure_channel(host, options=[("grpc.enable_http_proxy", 0)])

    def call(self, method: str, body: Json) -> Json:
        """Call a method of Pub/Sub, and return its answer. Raises ``Problem`` with the status of the answer."""
        service, request_type, response_type = _CALLS[method]
        request = parsed(body, request_type)
        send = self.channel.unary_unary(
            f"/google.pubsub.v1.{service}/{method}",
            request_serializer=request_type.SerializeToString,
            response_deserializer=response_type.FromString,
        )
        try:
            answer = send(request, timeout=CALL_S)
        except grpc.RpcError as error:
            raise _problem(error) from error
        value: Json = json_format.MessageToDict(answer)
        return value

    def waiting(self, subscription: str) -> Waiting:
        """Return the unacknowledged messages of a subscription.

        Google's emulator cannot count them, so they are pulled and nacked.
        """
        with Control(self.host) as control:
            counted = control.unacknowledged(subscription)
        if counted is not None:
            messages, oldest_ns = counted
            return Waiting(messages, oldest_ns / 1e9 if messages else None)
        pull = {"subscription": subscription, "maxMessages": MAX_PULLED, "returnImmediately": True}
        received = self.call("Pull", pull).get("receivedMessages", [])
        if received:
            nack = {"subscription": subscription, "ackIds": [delivery["ackId"] for delivery in received]}
            self.call("ModifyAckDeadline", {**nack, "ackDeadlineSeconds": 0})
        times = [datetime.fromisoformat(delivery["message"]["publishTime"]).timestamp() for delivery in received]
        return Waiting(len(received), min(times, default=None))

    def create(self, kind: Literal["Topic", "Subscription"], body: Json) -> None:
        """Create a resource. One that an earlier run left in a running emulator is replaced."""
        try:
            self.call(f"Create{kind}", body)
        except Problem as problem:
            if problem.status != "ALREADY_EXISTS":
                raise
            self.call(f"Delete{kind}", {kind.lower(): body["name"]})
            self.call(f"Create{kind}", body)

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()


def parsed(body: Json, kind: Any) -> Any:
    """Return a protobuf message of this kind from JSON. Raises ``Problem`` in Google's words for unknown fields."""
    try:
        return json_format.ParseDict(body, kind())
    except json_format.ParseError as error:
        unknown = _UNKNOWN.search(str(error))
        if unknown:
            place = unknown[2].partition(".")[2]
            where = f" at '{place}'" if place else ""
            message = f'Unknown name "{unknown[1]}"{where}: Cannot find field.'
            raise invalid(f"Invalid JSON payload received. {message}") from error
        raise invalid(f"Invalid value in the JSON payload received. {error}") from error


def _problem(error: Any) -> Problem:
    code: str = error.code().name
    return Problem(code if code in STATUSES else "INTERNAL", error.details() or code)


class Gate:
    """A port that forwards Publish calls of one service account. ``may_publish`` is called for every request."""

    def __init__(self, plane: DataPlane, may_publish: Callable[[str], bool]) -> None:
        self._may_publish = may_publish
        self._forward: Any = plane.channel.unary_unary(_PUBLISH)
        self._server = grpc.server(ThreadPoolExecutor(GATE_THREADS), options=[("grpc.so_reuseport", 0)])
        handler: Any = grpc.unary_unary_rpc_method_handler(self._publish)
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", {"Publish": handler})]
        )
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _publish(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        topic = types.PublishRequest.pb().FromString(request).topic
        if not self._may_publish(topic):
            message = f"User not authorized to perform this action. (resource={topic.rpartition('/')[2]})"
            context.abort(grpc.StatusCode.PERMISSION_DENIED, message)
        try:
            answer: bytes = self._forward(request, timeout=context.time_remaining() or CALL_S)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details() or "")
        return answer

    def close(self) -> None:
        """Close the port."""
        self._server.stop(None)
