"""The methods of ``google.pubsub.v1.Subscriber`` about subscriptions themselves."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from tests.emulators.errors import invalid
from tests.emulators.pubsub import limits
from tests.emulators.pubsub.paging import page
from tests.emulators.pubsub.rpc import Bound, Context
from tests.emulators.pubsub.settings import new_subscription, updated
from tests.emulators.pubsub.state import State

_EMPTY = empty_pb2.Empty
_SUBSCRIPTION = types.Subscription.pb()
_LISTED = types.ListSubscriptionsResponse.pb()
_SOUGHT = types.SeekResponse.pb()


class Subscriptions:
    """Creates, returns, changes, seeks and deletes subscriptions."""

    def __init__(self, state: State) -> None:
        self._state = state

    def methods(self) -> Mapping[str, Bound]:
        """Return the methods by their names in gRPC."""
        return {
            "CreateSubscription": Bound(self._create, _SUBSCRIPTION, _SUBSCRIPTION),
            "GetSubscription": Bound(self._get, types.GetSubscriptionRequest.pb(), _SUBSCRIPTION),
            "ListSubscriptions": Bound(self._list, types.ListSubscriptionsRequest.pb(), _LISTED),
            "UpdateSubscription": Bound(self._update, types.UpdateSubscriptionRequest.pb(), _SUBSCRIPTION),
            "ModifyPushConfig": Bound(self._modify_push, types.ModifyPushConfigRequest.pb(), _EMPTY),
            "DeleteSubscription": Bound(self._delete, types.DeleteSubscriptionRequest.pb(), _EMPTY),
            "Seek": Bound(self._seek, types.SeekRequest.pb(), _SOUGHT),
        }

    async def _create(self, request: Any, _: Context) -> Any:
        subscription = new_subscription(request)
        self._state.broker.create_subscription(subscription)
        self._state.bell.ring()
        return subscription

    async def _get(self, request: Any, _: Context) -> Any:
        return self._settings(request.subscription)

    async def _list(self, request: Any, _: Context) -> Any:
        limits.check_project_name(request.project)
        found = self._state.broker.subscriptions.of(request.project)
        subscriptions, token = page(found, request.page_size, request.page_token)
        return _LISTED(subscriptions=subscriptions, next_page_token=token)

    async def _update(self, request: Any, _: Context) -> Any:
        requested = request.subscription
        return self._change(requested.name, requested, list(request.update_mask.paths))

    async def _modify_push(self, request: Any, _: Context) -> Any:
        requested = _SUBSCRIPTION(name=request.subscription, push_config=request.push_config)
        self._change(request.subscription, requested, ["push_config"])
        return _EMPTY()

    async def _delete(self, request: Any, _: Context) -> Any:
        limits.check_subscription_name(request.subscription)
        self._state.broker.subscriptions.remove(request.subscription)
        self._state.bell.ring()
        return _EMPTY()

    async def _seek(self, request: Any, _: Context) -> Any:
        self._settings(request.subscription)
        target = request.WhichOneof("target")
        if target == "snapshot":
            limits.check_snapshot_name(request.snapshot)
            self._state.broker.seek_to_snapshot(request.subscription, request.snapshot)
        elif target == "time":
            self._state.broker.seek_to_time(request.subscription, request.time.ToNanoseconds())
        else:
            raise invalid("No target was specified in the SeekRequest. Must specify either a time or a snapshot.")
        self._state.bell.ring()
        return _SOUGHT()

    def _settings(self, name: str) -> Any:
        limits.check_subscription_name(name)
        return self._state.broker.subscriptions.get(name).settings

    def _change(self, name: str, requested: Any, paths: list[str]) -> Any:
        before = self._settings(name)
        after = new_subscription(updated(before, requested, paths))
        after.detached = before.detached
        self._state.broker.update_subscription(after)
        self._state.bell.ring()
        return after
