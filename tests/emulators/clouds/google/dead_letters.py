"""Dead letters: messages are moved only if Pub/Sub's service agent may do both halves of the move.

Without both roles, attempts are not even counted: https://cloud.google.com/pubsub/docs/dead-letter-topics.
"""

from collections.abc import Mapping
from datetime import datetime

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.data_plane import DataPlane
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import Problem

PUBLISHERS = ("roles/pubsub.publisher", "roles/pubsub.editor", "roles/pubsub.admin")
SUBSCRIBERS = ("roles/pubsub.subscriber", "roles/pubsub.editor", "roles/pubsub.admin")
DEFAULT_ATTEMPTS = 5
MAX_ERROR_CHARACTERS = 1_000
_PREFIX = "CloudPubSubDeadLetter"


class DeadLetters:
    """Tells the data plane which subscriptions move messages, and moves those of exports itself."""

    def __init__(self, estate: Estate, policies: Policies, plane: DataPlane) -> None:
        self._estate = estate
        self._policies = policies
        self._plane = plane
        self._told: dict[str, Json] = {}

    def are_moved(self, subscription: Json) -> bool:
        """Whether a subscription moves its messages after the last attempt."""
        policy = subscription.get("deadLetterPolicy") or {}
        return bool(policy) and (
            self._may(policy["deadLetterTopic"], PUBLISHERS) and self._may(subscription["name"], SUBSCRIBERS)
        )

    def _may(self, resource: str, roles: tuple[str, ...]) -> bool:
        agent = f"serviceAccount:{self._estate.pubsub_agent}"
        return any(self._policies.grants(resource, role, agent) for role in roles)

    def settle(self, subscription: Json) -> None:
        """Tell the data plane the policy of a subscription, or that it has none while a role is missing."""
        name = subscription["name"]
        policy = subscription["deadLetterPolicy"] if self.are_moved(subscription) else {}
        if self._told.get(name, {}) == policy:
            return
        changed = {"name": name, "topic": subscription["topic"], **({"deadLetterPolicy": policy} if policy else {})}
        self._plane.call("UpdateSubscription", {"subscription": changed, "updateMask": "deadLetterPolicy"})
        self._told[name] = policy

    def forget(self, name: str) -> None:
        """Forget a deleted subscription."""
        self._told.pop(name, None)

    def move(self, subscription: Json, message: Json, why: str) -> bool:
        """Publish a message that an export could not deliver to the dead-letter topic; return whether it was possible.

        The message is the original one, with attributes that say where it comes from, and why.
        """
        if not self.are_moved(subscription):
            return False
        policy = subscription["deadLetterPolicy"]
        attempts = policy.get("maxDeliveryAttempts") or DEFAULT_ATTEMPTS
        attributes = {**message.get("attributes", {}), **_attributes(subscription, message, attempts, why)}
        dead = {**message, "attributes": attributes}
        kept = {key: dead[key] for key in ("data", "attributes", "orderingKey") if key in dead}
        try:
            self._plane.call("Publish", {"topic": policy["deadLetterTopic"], "messages": [kept]})
        except Problem:  # the topic is gone
            return False
        return True


def _attributes(subscription: Json, message: Json, attempts: int, why: str) -> Mapping[str, str]:
    _, project, _, name = subscription["name"].split("/")
    published = datetime.fromisoformat(message["publishTime"])
    return {
        f"{_PREFIX}SourceDeliveryCount": str(attempts),
        f"{_PREFIX}SourceSubscription": name,
        f"{_PREFIX}SourceSubscriptionProject": project,
        f"{_PREFIX}SourceTopicPublishTime": f"{published:%Y-%m-%dT%H:%M:%S}.{published.microsecond // 1000:03}Z",
        f"{_PREFIX}SourceDeliveryErrorMessage": why[:MAX_ERROR_CHARACTERS],
    }
