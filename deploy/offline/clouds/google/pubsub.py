"""``pubsub.googleapis.com`` v1: topics and subscriptions, their labels and IAM here; messages in the data plane.

A subscription's filter is applied here. Its push and dead-letter settings are kept and given back, not acted upon.
https://cloud.google.com/pubsub/docs/reference/rest
"""

from collections.abc import Callable
from typing import Any

from deploy.offline.clouds.exchange import Json, Request, Route, page
from deploy.offline.clouds.google.data_plane import DataPlane
from deploy.offline.clouds.google.estate import Estate
from deploy.offline.clouds.google.filters import parse_filter
from deploy.offline.clouds.google.policies import Policies
from deploy.offline.clouds.google.problems import Problem, exists, not_found
from deploy.offline.errors import Refused
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


class PubSub:
    """Topics and subscriptions by full name."""

    def __init__(self, estate: Estate, policies: Policies, plane: DataPlane) -> None:
        self._estate = estate
        self._policies = policies
        self._plane = plane
        self._kinds: dict[str, dict[str, Json]] = {"topics": {}, "subscriptions": {}}

    def names(self) -> list[str]:
        """Give the full names of all topics and subscriptions."""
        return sorted(name for kind in self._kinds.values() for name in kind)

    def may_publish(self, topic: str, account: str) -> bool:
        """Whether a service account may publish to a topic."""
        return self._policies.grants(topic, PUBLISHER, f"serviceAccount:{account}")

    def routes(self) -> list[Route]:
        """All that is played."""
        topic = "/v1/projects/{project}/topics/{topic}"
        subscription = "/v1/projects/{project}/subscriptions/{subscription}"
        return [
            *self._shared("topics", topic.replace("{topic}", "{name}")),
            *self._shared("subscriptions", subscription.replace("{subscription}", "{name}")),
            Route("PUT", topic, self._create_topic, "pubsub.topics.create"),
            Route("DELETE", topic, self._delete_topic, "pubsub.topics.delete"),
            Route("GET", topic + "/subscriptions", self._subscriptions_of, "pubsub.topics.get"),
            Route("POST", topic + ":publish", self._publish, "pubsub.topics.publish"),
            Route("POST", subscription + ":pull", self._pull, "pubsub.subscriptions.consume"),
            Route("PUT", subscription, self._create_subscription, "pubsub.subscriptions.create"),
            Route("DELETE", subscription, self._delete_subscription, "pubsub.subscriptions.delete"),
            *(
                Route("POST", f"{subscription}:{verb}", self._forward(method), "pubsub.subscriptions.consume")
                for verb, method in (
                    ("acknowledge", "Acknowledge"),
                    ("modifyAckDeadline", "ModifyAckDeadline"),
                    ("seek", "Seek"),
                )
            ),
        ]

    def _shared(self, kind: str, path: str) -> list[Route]:
        """What topics and subscriptions have in common."""

        def found(_: Request, project: str, name: str) -> Json:
            return self._find(kind, f"projects/{project}/{kind}/{name}")

        def listed(request: Request, project: str) -> Json:
            self._estate.check_project(project)
            chosen, token = page(list(self._kinds[kind].values()), request, default=100, most=1000)
            return {kind: chosen, **({"nextPageToken": token} if token else {})}

        def updated(request: Request, project: str, name: str) -> Json:
            full = f"projects/{project}/{kind}/{name}"
            asked, before = request.json(), self._find(kind, full)
            changed = {path: asked.get(kind[:-1], {}).get(path) for path in asked.get("updateMask", "").split(",")}
            if "labels" in changed:
                _checked(limits.check_labels, changed["labels"] or {})
            after = {**before, **changed}
            self._kinds[kind][full] = {key: value for key, value in after.items() if value is not None}
            return self._kinds[kind][full]

        def policy(request: Request, project: str, name: str) -> Json:
            return self._policies.get(found(request, project, name)["name"])

        def set_policy(request: Request, project: str, name: str) -> Json:
            return self._policies.replace(found(request, project, name)["name"], request.json())

        def tested(request: Request, project: str, name: str) -> Json:
            found(request, project, name)
            return self._policies.test(request)

        return [
            Route("GET", path.removesuffix("/{name}"), listed, f"pubsub.{kind}.list"),
            Route("GET", path, found, f"pubsub.{kind}.get"),
            Route("PATCH", path, updated, f"pubsub.{kind}.update"),
            Route("GET", path + ":getIamPolicy", policy, f"pubsub.{kind}.getIamPolicy"),
            Route("POST", path + ":setIamPolicy", set_policy, f"pubsub.{kind}.setIamPolicy"),
            Route("POST", path + ":testIamPermissions", tested),
        ]

    def _create_topic(self, request: Request, project: str, topic: str) -> Json:
        self._estate.check_project(project)
        name = f"projects/{project}/topics/{topic}"
        settings = {**request.json(), "name": name}
        _checked(limits.check_topic_name, name)
        _checked(limits.check_labels, settings.get("labels", {}))
        self._check_new("topics", name)
        self._plane.call("CreateTopic", {"name": name})
        self._kinds["topics"][name] = settings
        return settings

    def _delete_topic(self, _: Request, project: str, topic: str) -> Json:
        name = f"projects/{project}/topics/{topic}"
        self._find("topics", name)
        self._plane.call("DeleteTopic", {"topic": name})
        del self._kinds["topics"][name]
        self._policies.forget(name)
        for subscription in self._subscribed_to(name):
            subscription["topic"] = DELETED_TOPIC
        return {}

    def _subscriptions_of(self, _: Request, project: str, topic: str) -> Json:
        name = f"projects/{project}/topics/{topic}"
        self._find("topics", name)
        return {"subscriptions": [each["name"] for each in self._subscribed_to(name)]}

    def _publish(self, request: Request, project: str, topic: str) -> Json:
        name = f"projects/{project}/topics/{topic}"
        self._find("topics", name)
        return self._plane.call("Publish", {**request.json(), "topic": name})

    def _create_subscription(self, request: Request, project: str, subscription: str) -> Json:
        self._estate.check_project(project)
        name = f"projects/{project}/subscriptions/{subscription}"
        asked = {key: value for key, value in request.json().items() if value is not None}
        settings = {**_DEFAULTS, **asked, "name": name}
        _checked(limits.check_subscription_name, name)
        _checked(limits.check_labels, settings.get("labels", {}))
        if settings.get("filter"):
            parse_filter(settings["filter"])
        self._find("topics", settings.get("topic", ""))
        self._check_new("subscriptions", name)
        self._plane.call("CreateSubscription", {key: settings[key] for key in _FORWARDED if key in settings})
        self._kinds["subscriptions"][name] = settings
        return settings

    def _delete_subscription(self, _: Request, project: str, subscription: str) -> Json:
        name = f"projects/{project}/subscriptions/{subscription}"
        self._find("subscriptions", name)
        self._plane.call("DeleteSubscription", {"subscription": name})
        del self._kinds["subscriptions"][name]
        self._policies.forget(name)
        return {}

    def _pull(self, request: Request, project: str, subscription: str) -> Json:
        """Messages that the filter is for; the others are acknowledged, as Pub/Sub does by itself."""
        name = f"projects/{project}/subscriptions/{subscription}"
        wanted = parse_filter(self._find("subscriptions", name).get("filter") or "")
        pulled = self._plane.call("Pull", {**request.json(), "subscription": name}).get("receivedMessages", [])
        passed = [each for each in pulled if wanted(each["message"].get("attributes", {}))]
        unwanted = [each["ackId"] for each in pulled if each not in passed]
        if unwanted:
            self._plane.call("Acknowledge", {"subscription": name, "ackIds": unwanted})
        return {"receivedMessages": passed} if passed else {}

    def _forward(self, method: str) -> Callable[..., Json]:
        def forward(request: Request, project: str, subscription: str) -> Json:
            name = f"projects/{project}/subscriptions/{subscription}"
            self._find("subscriptions", name)
            return self._plane.call(method, {**request.json(), "subscription": name})

        return forward

    def _subscribed_to(self, topic: str) -> list[Json]:
        return [each for each in self._kinds["subscriptions"].values() if each["topic"] == topic]

    def _check_new(self, kind: str, name: str) -> None:
        if name in self._kinds[kind]:
            raise exists(f"Resource already exists in the project (resource={name.rpartition('/')[2]}).")

    def _find(self, kind: str, name: str) -> Json:
        self._estate.check_project(name.split("/")[1] if "/" in name else "")
        if name not in self._kinds[kind]:
            raise not_found(f"Resource not found (resource={name.rpartition('/')[2]}).")
        return self._kinds[kind][name]


def _checked(check: Callable[..., Any], value: Any) -> None:
    try:
        check(value)
    except Refused as refused:
        raise Problem(refused.code.name, refused.message) from refused
