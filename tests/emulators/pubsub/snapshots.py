"""The methods of ``google.pubsub.v1.Subscriber`` about snapshots. Snapshots do not expire here."""

import time
from collections.abc import Mapping
from typing import Any

from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from tests.emulators.pubsub import limits
from tests.emulators.pubsub.paging import page
from tests.emulators.pubsub.rpc import Bound, Context
from tests.emulators.pubsub.settings import new_snapshot, updated
from tests.emulators.pubsub.state import State

_SNAPSHOT = types.Snapshot.pb()
_LISTED = types.ListSnapshotsResponse.pb()


class Snapshots:
    """Creates, returns, changes and deletes snapshots."""

    def __init__(self, state: State) -> None:
        self._state = state

    def methods(self) -> Mapping[str, Bound]:
        """Return the methods by their names in gRPC."""
        return {
            "CreateSnapshot": Bound(self._create, types.CreateSnapshotRequest.pb(), _SNAPSHOT),
            "GetSnapshot": Bound(self._get, types.GetSnapshotRequest.pb(), _SNAPSHOT),
            "ListSnapshots": Bound(self._list, types.ListSnapshotsRequest.pb(), _LISTED),
            "UpdateSnapshot": Bound(self._update, types.UpdateSnapshotRequest.pb(), _SNAPSHOT),
            "DeleteSnapshot": Bound(self._delete, types.DeleteSnapshotRequest.pb(), empty_pb2.Empty),
        }

    async def _create(self, request: Any, _: Context) -> Any:
        limits.check_subscription_name(request.subscription)
        return self._state.broker.create_snapshot(new_snapshot(request, int(time.time())), request.subscription)

    async def _get(self, request: Any, _: Context) -> Any:
        return self._settings(request.snapshot)

    async def _list(self, request: Any, _: Context) -> Any:
        limits.check_project_name(request.project)
        found = self._state.broker.snapshots.of(request.project)
        snapshots, token = page(found, request.page_size, request.page_token)
        return _LISTED(snapshots=snapshots, next_page_token=token)

    async def _update(self, request: Any, _: Context) -> Any:
        before = self._settings(request.snapshot.name)
        after = updated(before, request.snapshot, list(request.update_mask.paths))
        limits.check_labels(after.labels)
        before.CopyFrom(after)
        return after

    async def _delete(self, request: Any, _: Context) -> Any:
        limits.check_snapshot_name(request.snapshot)
        self._state.broker.snapshots.remove(request.snapshot)
        return empty_pb2.Empty()

    def _settings(self, name: str) -> Any:
        limits.check_snapshot_name(name)
        return self._state.broker.snapshots.get(name).settings
