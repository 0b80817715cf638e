"""Delivers the messages of subscriptions that write to BigQuery: transform, row, table.

https://cloud.google.com/pubsub/docs/bigquery. A message that does not fit the table is tried again, and moved to the
dead-letter topic after its last attempt; with such a topic the attempts have no pauses, so here they are one. While the
table is missing, closed or of another schema, nothing is tried: messages wait, and none is moved.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google import transforms
from tests.emulators.clouds.google.bigquery import BigQuery
from tests.emulators.clouds.google.bigquery.problems import BigQueryProblem
from tests.emulators.clouds.google.data_plane import DataPlane
from tests.emulators.clouds.google.dead_letters import DeadLetters
from tests.emulators.clouds.google.exports import ACTIVE, place_of
from tests.emulators.clouds.google.filters import parse_filter
from tests.emulators.clouds.google.problems import Problem
from tests.emulators.clouds.google.rows import Unfit, row_of

EVERY_S = 0.2
"""Pause between two rounds."""

MAX_MESSAGES = 100
"""Messages of one subscription in one round."""


class Exporter:
    """The worker. ``subscriptions``: returns all subscriptions as they are now, with the states of their exports.

    It runs in a thread of its own from the first subscription on that needs it.
    """

    def __init__(
        self, subscriptions: Callable[[], Iterable[Json]], plane: DataPlane, bigquery: BigQuery, dead: DeadLetters
    ) -> None:
        self._subscriptions = subscriptions
        self._plane = plane
        self._bigquery = bigquery
        self._dead = dead
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to deliver, if it has not begun yet."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="exporter", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            self.round()

    def round(self) -> None:
        """Deliver what waits in all subscriptions, at most ``MAX_MESSAGES`` of each."""
        for subscription in self._subscriptions():
            with contextlib.suppress(Problem):  # the subscription or the table has gone meanwhile
                if subscription.get("bigqueryConfig"):
                    self._deliver(subscription)
                elif subscription.get("deadLetterPolicy"):
                    self._dead.settle(subscription)

    def _deliver(self, subscription: Json) -> None:
        if subscription.get("detached") or subscription["bigqueryConfig"]["state"] != ACTIVE:
            return
        name, matches = subscription["name"], parse_filter(subscription.get("filter", ""))
        pull = {"subscription": name, "maxMessages": MAX_MESSAGES, "returnImmediately": True}
        done: list[str] = []
        failed: list[str] = []
        for delivery in self._plane.call("Pull", pull).get("receivedMessages", []):
            message = delivery["message"]
            is_done = not matches(message.get("attributes", {})) or self._is_delivered(subscription, message)
            (done if is_done else failed).append(delivery["ackId"])
        if done:
            self._plane.call("Acknowledge", {"subscription": name, "ackIds": done})
        if failed:
            nack = {"subscription": name, "ackIds": failed, "ackDeadlineSeconds": 0}
            self._plane.call("ModifyAckDeadline", nack)

    def _is_delivered(self, subscription: Json, message: Json) -> bool:
        """Write a message, and return whether it is out of the way: written, filtered out, or a dead letter."""
        config = subscription["bigqueryConfig"]
        _, dataset, table = place_of(config)
        try:
            changed = _transformed(subscription, message)
            if changed is None:
                return True
            fields = self._bigquery.catalog.table(dataset, table).get("schema", {}).get("fields", [])
            metadata = _metadata(subscription["name"], message, changed["attributes"])
            row = row_of(config, fields, changed["data"], metadata)
            self._bigquery.warehouse.append(dataset, table, row)
        except (Unfit, transforms.TransformFailed) as reason:
            return self._dead.move(subscription, message, str(reason))
        except BigQueryProblem as problem:  # if the table has just gone, the message waits
            return problem.reason != "notFound" and self._dead.move(subscription, message, problem.message)
        return True


def _transformed(subscription: Json, message: Json) -> Json | None:
    """Return data, as bytes, and attributes of a message after the transforms, or None if it is filtered out."""
    data, attributes = base64.b64decode(message.get("data", "")), message.get("attributes", {})
    wanted = subscription.get("messageTransforms") or []
    if not wanted:
        return {"data": data, "attributes": attributes}
    metadata = {"message_id": message["messageId"], "publish_time": message["publishTime"]}
    if key := message.get("orderingKey"):
        metadata["ordering_key"] = key
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise transforms.TransformFailed("The data of the message is not UTF-8.") from error
    changed = transforms.transformed(wanted, {"data": text, "attributes": attributes}, metadata)
    return changed and {"data": changed["data"].encode(), "attributes": changed["attributes"]}


def _metadata(subscription: str, message: Json, attributes: Json) -> dict[str, Any]:
    key = {"orderingKey": message["orderingKey"]} if message.get("orderingKey") else {}
    return {
        "subscription_name": subscription,
        "message_id": message["messageId"],
        "publish_time": datetime.fromisoformat(message["publishTime"]),
        "attributes": json.dumps({**attributes, **key}, separators=(",", ":"), ensure_ascii=False),
    }
