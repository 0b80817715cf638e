"""``google.pubsub.v1.Publisher``: topics, and Publish with its faults."""

import asyncio
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from tests.emulators.errors import Refused
from tests.emulators.pubsub import limits
from tests.emulators.pubsub.backlog import Message
from tests.emulators.pubsub.broker import Shelf
from tests.emulators.pubsub.connections import cut
from tests.emulators.pubsub.faults import Fault
from tests.emulators.pubsub.paging import page
from tests.emulators.pubsub.rpc import Bound, Context, service
from tests.emulators.pubsub.settings import check_runs_nothing, new_topic, updated
from tests.emulators.pubsub.state import State

_TOPIC = types.Topic.pb()
_TOPICS = types.ListTopicsResponse.pb()
_SUBSCRIPTIONS = types.ListTopicSubscriptionsResponse.pb()
_SNAPSHOTS = types.ListTopicSnapshotsResponse.pb()
_DETACHED = types.DetachSubscriptionResponse.pb()
_PUBLISHED = types.PublishResponse.pb()


class Publisher:
    """The methods of the service. ``port``: the server's port, which identifies a connection to be cut."""

    def __init__(self, state: State, port: int) -> None:
        self._state = state
        self._port = port

    def service(self) -> grpc.GenericRpcHandler:
        """Return the service as a gRPC handler."""
        methods = {
            "CreateTopic": Bound(self._create_topic, _TOPIC, _TOPIC),
            "GetTopic": Bound(self._get_topic, types.GetTopicRequest.pb(), _TOPIC),
            "ListTopics": Bound(self._list_topics, types.ListTopicsRequest.pb(), _TOPICS),
            "UpdateTopic": Bound(self._update_topic, types.UpdateTopicRequest.pb(), _TOPIC),
            "ListTopicSubscriptions": Bound(
                self._list_subscriptions, types.ListTopicSubscriptionsRequest.pb(), _SUBSCRIPTIONS
            ),
            "ListTopicSnapshots": Bound(self._list_snapshots, types.ListTopicSnapshotsRequest.pb(), _SNAPSHOTS),
            "DetachSubscription": Bound(self._detach, types.DetachSubscriptionRequest.pb(), _DETACHED),
            "DeleteTopic": Bound(self._delete_topic, types.DeleteTopicRequest.pb(), empty_pb2.Empty),
            "Publish": Bound(self._publish, types.PublishRequest.pb(), _PUBLISHED),
        }
        return service("google.pubsub.v1.Publisher", methods)

    async def _create_topic(self, request: Any, _: Context) -> Any:
        topic = new_topic(request)
        self._state.broker.create_topic(topic)
        return topic

    async def _get_topic(self, request: Any, _: Context) -> Any:
        limits.check_topic_name(request.topic)
        return self._state.broker.topics.get(request.topic).settings

    async def _list_topics(self, request: Any, _: Context) -> Any:
        limits.check_project_name(request.project)
        topics, token = page(self._state.broker.topics.of(request.project), request.page_size, request.page_token)
        return _TOPICS(topics=topics, next_page_token=token)

    async def _update_topic(self, request: Any, _: Context) -> Any:
        limits.check_topic_name(request.topic.name)
        before = self._state.broker.topics.get(request.topic.name).settings
        topic = new_topic(updated(before, request.topic, list(request.update_mask.paths)))
        self._state.broker.update_topic(topic)
        return topic

    async def _list_subscriptions(self, request: Any, _: Context) -> Any:
        names = self._names_on(request.topic, self._state.broker.subscriptions)
        subscriptions, token = page(names, request.page_size, request.page_token)
        return _SUBSCRIPTIONS(subscriptions=subscriptions, next_page_token=token)

    async def _list_snapshots(self, request: Any, _: Context) -> Any:
        names = self._names_on(request.topic, self._state.broker.snapshots)
        snapshots, token = page(names, request.page_size, request.page_token)
        return _SNAPSHOTS(snapshots=snapshots, next_page_token=token)

    def _names_on(self, topic: str, shelf: Shelf[Any]) -> list[str]:
        limits.check_topic_name(topic)
        self._state.broker.topics.get(topic)
        return [settings.name for settings in shelf.settings_on(topic)]

    async def _detach(self, request: Any, _: Context) -> Any:
        limits.check_subscription_name(request.subscription)
        self._state.broker.detach(request.subscription)
        self._state.bell.ring()
        return _DETACHED()

    async def _delete_topic(self, request: Any, _: Context) -> Any:
        limits.check_topic_name(request.topic)
        self._state.broker.delete_topic(request.topic)
        return empty_pb2.Empty()

    async def _publish(self, request: Any, context: Context) -> Any:
        self._state.publish_calls[request.topic] += 1
        fault = self._state.faults.take(request.topic)
        ids = self._store(request) if fault.stores == "first" else []
        await _delay(fault.delay_s)
        if fault.stores == "last":
            ids = self._store(request)
        return _PUBLISHED(message_ids=self._answer(fault, ids, context))

    def _store(self, request: Any) -> list[str]:
        _check_publish(request)
        check_runs_nothing(self._state.broker.topics.get(request.topic).settings)
        messages = [
            Message(message.data, dict(message.attributes), message.ordering_key) for message in request.messages
        ]
        return [message.message_id for message in self._state.store(request.topic, messages)]

    def _answer(self, fault: Fault, ids: list[str], context: Context) -> list[str]:
        if fault.answer == "cut":
            cut(self._port, context.peer())
        if fault.answer in {"status", "cut"}:
            raise Refused(grpc.StatusCode[fault.code], fault.message or f"made to fail with {fault.code}")
        return {"ids": ids, "no ids": [], "two ids": ["1", "2"]}[fault.answer]


def _check_publish(request: Any) -> None:
    limits.check_topic_name(request.topic)
    limits.check_publish_request(request.ByteSize(), (message.ordering_key for message in request.messages))
    for message in request.messages:
        limits.check_message(message.data, message.attributes, message.ordering_key)


async def _delay(delay_s: float | None) -> None:
    """Wait for this time; None: wait without end."""
    if delay_s is None:
        await asyncio.Event().wait()
    elif delay_s:
        await asyncio.sleep(delay_s)
