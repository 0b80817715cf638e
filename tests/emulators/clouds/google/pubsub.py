"""``pubsub.googleapis.com`` v1: topics and subscriptions with their labels and IAM; messages are in the data plane.

A subscription's filter is also applied here, because Google's emulator does not apply it; its transforms are applied to
what ``pull`` returns here, and to what is written into BigQuery. The transforms of topics and push settings are stored
but have no effect; a detached subscription returns no messages.
https://cloud.google.com/pubsub/docs/reference/rest
"""

import time
from collections.abc import Callable, Iterable

from google.pubsub_v1 import types

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google import transforms
from tests.emulators.clouds.google.bigquery import BigQuery
from tests.emulators.clouds.google.collection import Collection, check_settings, checked, duration_s
from tests.emulators.clouds.google.data_plane import DataPlane, Waiting, parsed
from tests.emulators.clouds.google.dead_letters import DeadLetters
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.exporter import Exporter
from tests.emulators.clouds.google.exports import Exports
from tests.emulators.clouds.google.filters import parse_filter
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import Problem, precondition
from tests.emulators.clouds.google.strict import PAGED, strict
from tests.emulators.clouds.google.transform_methods import TransformMethods
from tests.emulators.pubsub import limits
from tests.emulators.pubsub.settings import new_subscription

PUBLISHER = "roles/pubsub.publisher"
DELETED_TOPIC = "_deleted-topic_"
_DEFAULTS: Json = {
    "pushConfig": {},
    "ackDeadlineSeconds": 10,
    "messageRetentionDuration": "604800s",
    "expirationPolicy": {"ttl": "2678400s"},
    "state": "ACTIVE",
}
_FORWARDED = (
    *("name", "topic", "ackDeadlineSeconds", "enableMessageOrdering", "filter", "retryPolicy"),
    *("retainAckedMessages", "messageRetentionDuration", "enableExactlyOnceDelivery"),
)
_OF_TOPIC = ("name", "messageRetentionDuration")
_MAX_FORWARDED_S = 7 * 24 * 3600
"""The longest retention that Google's emulator accepts: the service's former limit. No offline run lasts as long."""

_SNAPSHOT = "/v1/projects/{project}/snapshots/{snapshot}"
_TOPIC = "/v1/projects/{project}/topics/{topic}"
_SUBSCRIPTION = "/v1/projects/{project}/subscriptions/{subscription}"


class PubSub:
    """The project's topics and subscriptions."""

    def __init__(self, estate: Estate, policies: Policies, plane: DataPlane, bigquery: BigQuery) -> None:
        self._policies = policies
        self._plane = plane
        self._dead = DeadLetters(estate, policies, plane)
        self.exporter = Exporter(self._all_shown, plane, bigquery, self._dead)
        self._transforms = TransformMethods(estate, self._transforms_of)
        self._topics = Collection("topics", estate, policies)
        self._subscriptions = Collection("subscriptions", estate, policies)
        self._topics.on_update = self._updated_topic
        self._subscriptions.on_update = self._updated
        self._subscriptions.on_show = self._shown
        self.exports = Exports(estate, bigquery)
        self._made_at: dict[str, float] = {}

    def names(self) -> list[str]:
        """Return the full names of all topics and subscriptions."""
        return [*sorted(self._topics.items), *sorted(self._subscriptions.items)]

    def measured(self, made_before: float) -> dict[str, Waiting]:
        """Return the unacknowledged messages of the subscriptions created before this time, by their ids."""
        return {
            name.rpartition("/")[2]: self._plane.waiting(name)
            for name, made_at in list(self._made_at.items())
            if name in self._subscriptions.items and made_at <= made_before
        }

    def may_publish(self, topic: str, account: str) -> bool:
        """Whether a service account may publish to a topic."""
        return self._policies.grants(topic, PUBLISHER, f"serviceAccount:{account}")

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        consumed = (("acknowledge", "Acknowledge"), ("modifyAckDeadline", "ModifyAckDeadline"), ("seek", "Seek"))
        consume = "pubsub.subscriptions.consume"
        return [
            *self._topics.routes(),
            *self._subscriptions.routes(),
            strict(Route("PUT", _TOPIC, self._create_topic, "pubsub.topics.create")),
            strict(Route("DELETE", _TOPIC, self._delete_topic, "pubsub.topics.delete")),
            strict(Route("GET", _TOPIC + "/subscriptions", self._subscriptions_of, "pubsub.topics.get"), PAGED),
            strict(Route("POST", _TOPIC + ":publish", self._publish, "pubsub.topics.publish")),
            strict(Route("PUT", _SUBSCRIPTION, self._create_subscription, "pubsub.subscriptions.create")),
            strict(Route("DELETE", _SUBSCRIPTION, self._delete_subscription, "pubsub.subscriptions.delete")),
            strict(Route("POST", _SUBSCRIPTION + ":detach", self._detach, "pubsub.topics.detachSubscription")),
            strict(Route("POST", _SUBSCRIPTION + ":pull", self._pull, consume)),
            *(
                strict(Route("POST", f"{_SUBSCRIPTION}:{verb}", self._forward(method), consume))
                for verb, method in consumed
            ),
            *self._snapshot_routes(),
            *self._transforms.routes(),
        ]

    def _snapshot_routes(self) -> list[Route]:
        many, called = "/v1/projects/{project}/snapshots", "pubsub.snapshots"
        return [
            strict(Route("PUT", _SNAPSHOT, self._of_snapshot("CreateSnapshot", "name"), f"{called}.create")),
            strict(Route("GET", _SNAPSHOT, self._of_snapshot("GetSnapshot", "snapshot"), f"{called}.get")),
            strict(Route("DELETE", _SNAPSHOT, self._of_snapshot("DeleteSnapshot", "snapshot"), f"{called}.delete")),
            strict(Route("GET", many, self._snapshots, f"{called}.list"), PAGED),
        ]

    def _create_topic(self, request: Request, project: str, topic: str) -> Json:
        name = self._topics.full_name(project, topic)
        body = request.json()
        parsed(body, types.Topic.pb())
        settings = {**body, "name": name}
        checked(limits.check_topic_name, name)
        check_settings(settings)
        self._topics.check_new(name)
        self._plane.create("Topic", _forwarded(settings, _OF_TOPIC))
        self._topics.items[name] = settings
        return settings

    def _updated_topic(self, _: Json, after: Json, fields: list[str]) -> Json:
        """Update a topic in the data plane: whether it keeps its messages. Return the topic."""
        if "messageRetentionDuration" in fields:
            body = {"topic": _forwarded(after, _OF_TOPIC), "updateMask": "messageRetentionDuration"}
            self._plane.call("UpdateTopic", body)
        return after

    def _delete_topic(self, _: Request, project: str, topic: str) -> Json:
        name = self._topics.find(self._topics.full_name(project, topic))["name"]
        self._plane.call("DeleteTopic", {"topic": name})
        self._topics.remove(name)
        for subscription in self._subscribed_to(name):
            subscription["topic"] = DELETED_TOPIC
        return {}

    def _subscriptions_of(self, _: Request, project: str, topic: str) -> Json:
        name = self._topics.find(self._topics.full_name(project, topic))["name"]
        return {"subscriptions": [subscription["name"] for subscription in self._subscribed_to(name)]}

    def _publish(self, request: Request, project: str, topic: str) -> Json:
        name = self._topics.find(self._topics.full_name(project, topic))["name"]
        return self._plane.call("Publish", {**request.json(), "topic": name})

    def _create_subscription(self, request: Request, project: str, subscription: str) -> Json:
        name = self._subscriptions.full_name(project, subscription)
        body = {key: value for key, value in request.json().items() if value is not None}
        parsed(body, types.Subscription.pb())
        settings = {**_DEFAULTS, **body, "name": name}
        checked(limits.check_subscription_name, name)
        self._topics.find(settings.get("topic", ""))
        self._subscriptions.check_new(name)
        settings = self._checked(settings)
        self._plane.create("Subscription", _forwarded(settings, _FORWARDED))
        self._subscriptions.items[name] = settings
        self._settle(settings)
        self._made_at[name] = time.time()
        return self._shown(settings)

    def close(self) -> None:
        """End the worker that writes into BigQuery."""
        self.exporter.close()

    def _all_shown(self) -> list[Json]:
        return [self._shown(settings) for settings in list(self._subscriptions.items.values())]

    def _transforms_of(self, name: str) -> list[Json]:
        """Return the transforms of a topic or subscription."""
        kind = self._topics if "/topics/" in name else self._subscriptions
        transforms: list[Json] = kind.find(name).get("messageTransforms") or []
        return transforms

    def _shown(self, settings: Json) -> Json:
        """Return a subscription with its state now."""
        return self.exports.shown(settings, self._topic_of(settings))

    def _topic_of(self, settings: Json) -> Json:
        return self._topics.items.get(settings.get("topic", ""), {})

    def _checked(self, settings: Json) -> Json:
        """Return a subscription's settings, checked and completed. Raises ``Problem``."""
        check_settings(settings)
        parse_filter(settings.get("filter", ""))
        if settings.get("deadLetterPolicy"):
            self._topics.find(settings["deadLetterPolicy"].get("deadLetterTopic", ""))
        exported = self.exports.check(settings, self._topic_of(settings))
        plain = {key: value for key, value in exported.items() if not key.endswith("Config") or key == "pushConfig"}
        checked(new_subscription, parsed(plain, types.Subscription.pb()))
        transforms.check(settings.get("messageTransforms") or [])
        return exported

    def _updated(self, before: Json, after: Json, fields: list[str]) -> Json:
        """Update a subscription in the data plane, and return it, completed."""
        whole = self._checked({**_DEFAULTS, **after})
        forwarded = [field for field in fields if field in _FORWARDED]
        if forwarded:
            changed = _forwarded(whole, ("name", *forwarded))
            mask = ",".join(forwarded)
            self._plane.call("UpdateSubscription", {"subscription": changed, "updateMask": mask})
        after = {**whole, "topic": before["topic"]}
        self._settle(after)
        return after

    def _settle(self, settings: Json) -> None:
        """Begin what the settings of a subscription ask for beside the delivery of messages."""
        if settings.get("bigqueryConfig"):
            self.exporter.start()
            return
        self._dead.settle(settings)
        if settings.get("deadLetterPolicy"):
            self.exporter.start()

    def _detach(self, _: Request, project: str, subscription: str) -> Json:
        name = self._subscriptions.full_name(project, subscription)
        self._subscriptions.items[name] = {**self._subscriptions.find(name), "detached": True}
        return {}

    def _of_snapshot(self, method: str, key: str) -> Callable[..., Json]:
        def call(request: Request, project: str, snapshot: str) -> Json:
            return self._plane.call(method, {**request.json(), key: f"projects/{project}/snapshots/{snapshot}"})

        return call

    def _snapshots(self, request: Request, project: str) -> Json:
        body: Json = {"project": f"projects/{project}", "pageToken": request.parameter("pageToken")}
        return self._plane.call("ListSnapshots", {**body, "pageSize": request.number("pageSize", default=0)})

    def _delete_subscription(self, _: Request, project: str, subscription: str) -> Json:
        name = self._subscriptions.find(self._subscriptions.full_name(project, subscription))["name"]
        self._plane.call("DeleteSubscription", {"subscription": name})
        self._subscriptions.remove(name)
        self._dead.forget(name)
        return {}

    def _pull(self, request: Request, project: str, subscription: str) -> Json:
        """Return the messages that the filter matches, and acknowledge the others, as Pub/Sub does.

        If there is no message for a while, the answer is empty.
        """
        name = self._subscriptions.full_name(project, subscription)
        settings = self._subscriptions.find(name)
        if settings.get("detached"):
            raise precondition(f"Subscription is detached (resource={subscription}).")
        if settings.get("bigqueryConfig"):
            raise precondition(f"Subscription is not a pull subscription (resource={subscription}).")
        self._dead.settle(settings)
        matches = parse_filter(settings.get("filter", ""))
        pulled = self._pulled({**request.json(), "subscription": name})
        matching = [delivery for delivery in pulled if matches(delivery["message"].get("attributes", {}))]
        other_ids = [delivery["ackId"] for delivery in pulled if delivery not in matching]
        if other_ids:
            self._plane.call("Acknowledge", {"subscription": name, "ackIds": other_ids})
        return {"receivedMessages": matching} if matching else {}

    def _pulled(self, body: Json) -> list[Json]:
        try:
            received: list[Json] = self._plane.call("Pull", body).get("receivedMessages", [])
        except Problem as problem:
            if problem.status != "DEADLINE_EXCEEDED":  # Google's emulator would wait for longer than this call
                raise
            return []
        return received

    def _forward(self, method: str) -> Callable[..., Json]:
        def forward(request: Request, project: str, subscription: str) -> Json:
            name = self._subscriptions.find(self._subscriptions.full_name(project, subscription))["name"]
            return self._plane.call(method, {**request.json(), "subscription": name})

        return forward

    def _subscribed_to(self, topic: str) -> list[Json]:
        subscriptions = list(self._subscriptions.items.values())
        return [subscription for subscription in subscriptions if subscription["topic"] == topic]


def _forwarded(settings: Json, keys: Iterable[str]) -> Json:
    """Return the settings of a subscription that the data plane gets."""
    forwarded = {key: settings[key] for key in keys if key in settings}
    if "messageRetentionDuration" in forwarded:
        retention_s = min(duration_s(forwarded["messageRetentionDuration"]), _MAX_FORWARDED_S)
        forwarded["messageRetentionDuration"] = f"{retention_s:g}s"
    return forwarded
