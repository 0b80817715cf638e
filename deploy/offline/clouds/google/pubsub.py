"""``pubsub.googleapis.com`` v1: topics and subscriptions, their labels and IAM here; messages in the data plane.

A subscription's filter is applied here. Its push and dead-letter settings are kept and given back, not acted upon.
https://cloud.google.com/pubsub/docs/reference/rest
"""

import time
from collections.abc import Callable

from deploy.offline.clouds.exchange import Json, Request, Route
from deploy.offline.clouds.google.collection import Collection, check_settings, checked
from deploy.offline.clouds.google.data_plane import DataPlane, Waiting
from deploy.offline.clouds.google.estate import Estate
from deploy.offline.clouds.google.filters import parse_filter
from deploy.offline.clouds.google.policies import Policies
from deploy.offline.pubsub import limits

PUBLISHER = "roles/pubsub.publisher"
DELETED_TOPIC = "_deleted-topic_"
_DEFAULTS: Json = {
    "pushConfig": {},
    "ackDeadlineSeconds": 10,
    "messageRetentionDuration": "604800s",
    "expirationPolicy": {"ttl": "2678400s"},
    "state": "ACTIVE",
}
_FORWARDED = ("name", "topic", "ackDeadlineSeconds", "enableMessageOrdering")
_TOPIC = "/v1/projects/{project}/topics/{topic}"
_SUBSCRIPTION = "/v1/projects/{project}/subscriptions/{subscription}"


class PubSub:
    """The project's topics and subscriptions."""

    def __init__(self, estate: Estate, policies: Policies, plane: DataPlane) -> None:
        self._policies = policies
        self._plane = plane
        self._topics = Collection("topics", estate, policies)
        self._subscriptions = Collection("subscriptions", estate, policies)
        self._made_at: dict[str, float] = {}

    def names(self) -> list[str]:
        """Give the full names of all topics and subscriptions."""
        return [*sorted(self._topics.items), *sorted(self._subscriptions.items)]

    def measured(self, made_before: float) -> dict[str, Waiting]:
        """Return what waits on each subscription that was made before that time, by its id."""
        return {
            name.rpartition("/")[2]: self._plane.waiting(name)
            for name, made_at in list(self._made_at.items())
            if name in self._subscriptions.items and made_at <= made_before
        }

    def may_publish(self, topic: str, account: str) -> bool:
        """Whether a service account may publish to a topic."""
        return self._policies.grants(topic, PUBLISHER, f"serviceAccount:{account}")

    def routes(self) -> list[Route]:
        """All that is played."""
        consumed = (("acknowledge", "Acknowledge"), ("modifyAckDeadline", "ModifyAckDeadline"), ("seek", "Seek"))
        consume = "pubsub.subscriptions.consume"
        return [
            *self._topics.routes(),
            *self._subscriptions.routes(),
            Route("PUT", _TOPIC, self._create_topic, "pubsub.topics.create"),
            Route("DELETE", _TOPIC, self._delete_topic, "pubsub.topics.delete"),
            Route("GET", _TOPIC + "/subscriptions", self._subscriptions_of, "pubsub.topics.get"),
            Route("POST", _TOPIC + ":publish", self._publish, "pubsub.topics.publish"),
            Route("PUT", _SUBSCRIPTION, self._create_subscription, "pubsub.subscriptions.create"),
            Route("DELETE", _SUBSCRIPTION, self._delete_subscription, "pubsub.subscriptions.delete"),
            Route("POST", _SUBSCRIPTION + ":pull", self._pull, consume),
            *(Route("POST", f"{_SUBSCRIPTION}:{verb}", self._forward(method), consume) for verb, method in consumed),
        ]

    def _create_topic(self, request: Request, project: str, topic: str) -> Json:
        name = self._topics.full_name(project, topic)
        settings = {**request.json(), "name": name}
        checked(limits.check_topic_name, name)
        check_settings(settings)
        self._topics.check_new(name)
        self._plane.create("Topic", {"name": name})
        self._topics.items[name] = settings
        return settings

    def _delete_topic(self, _: Request, project: str, topic: str) -> Json:
        name = self._topics.find(self._topics.full_name(project, topic))["name"]
        self._plane.call("DeleteTopic", {"topic": name})
        self._topics.remove(name)
        for subscription in self._subscribed_to(name):
            subscription["topic"] = DELETED_TOPIC
        return {}

    def _subscriptions_of(self, _: Request, project: str, topic: str) -> Json:
        name = self._topics.find(self._topics.full_name(project, topic))["name"]
        return {"subscriptions": [each["name"] for each in self._subscribed_to(name)]}

    def _publish(self, request: Request, project: str, topic: str) -> Json:
        name = self._topics.find(self._topics.full_name(project, topic))["name"]
        return self._plane.call("Publish", {**request.json(), "topic": name})

    def _create_subscription(self, request: Request, project: str, subscription: str) -> Json:
        name = self._subscriptions.full_name(project, subscription)
        asked = {key: value for key, value in request.json().items() if value is not None}
        settings = {**_DEFAULTS, **asked, "name": name}
        checked(limits.check_subscription_name, name)
        check_settings(settings)
        parse_filter(settings.get("filter", ""))
        self._topics.find(settings.get("topic", ""))
        self._subscriptions.check_new(name)
        self._plane.create("Subscription", {key: settings[key] for key in _FORWARDED if key in settings})
        self._subscriptions.items[name] = settings
        self._made_at[name] = time.time()
        return settings

    def _delete_subscription(self, _: Request, project: str, subscription: str) -> Json:
        name = self._subscriptions.find(self._subscriptions.full_name(project, subscription))["name"]
        self._plane.call("DeleteSubscription", {"subscription": name})
        self._subscriptions.remove(name)
        return {}

    def _pull(self, request: Request, project: str, subscription: str) -> Json:
        """Messages that the filter is for; the others are acknowledged, as Pub/Sub does by itself."""
        name = self._subscriptions.full_name(project, subscription)
        wanted = parse_filter(self._subscriptions.find(name).get("filter", ""))
        pulled = self._plane.call("Pull", {**request.json(), "subscription": name}).get("receivedMessages", [])
        passed = [each for each in pulled if wanted(each["message"].get("attributes", {}))]
        unwanted = [each["ackId"] for each in pulled if each not in passed]
        if unwanted:
            self._plane.call("Acknowledge", {"subscription": name, "ackIds": unwanted})
        return {"receivedMessages": passed} if passed else {}

    def _forward(self, method: str) -> Callable[..., Json]:
        def forward(request: Request, project: str, subscription: str) -> Json:
            name = self._subscriptions.find(self._subscriptions.full_name(project, subscription))["name"]
            return self._plane.call(method, {**request.json(), "subscription": name})

        return forward

    def _subscribed_to(self, topic: str) -> list[Json]:
        return [each for each in list(self._subscriptions.items.values()) if each["topic"] == topic]
