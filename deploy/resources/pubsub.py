"""Topics with one pull subscription each, which never expires, because a topic without one keeps no messages."""

from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.errors import Unusable
from deploy.resources.by_hand import as_suffix, on_subscription, on_topic
from deploy.resources.marked import Marked
from deploy.resources.resource import CommandGroup, Facts, Reads, Resource, label_changes, label_words
from deploy.spec import AUDIT_MARK, AUDIT_WORD, FOLLOW_MARK, FOLLOW_WORD, PROOF_MARK, PROOF_WORD, last_segment
from deploy.steps import Argv, Change, GcloudCall, ResourceId, Step, delete, keep, update
from deploy.times import seconds

PUBSUB = CommandGroup(("pubsub",), "pubsub.googleapis.com", r"Resource not found \(resource={name}\)")
_LEFT_BY = {
    PROOF_MARK: "left by a proof that was interrupted",
    FOLLOW_MARK: "left by follow, or follow still runs",
    AUDIT_MARK: "left by audit, or audit still runs",
}
"""The labels of temporary subscriptions, and why one of them is there."""

RETENTION_AT_GOOGLE = "604800s"
"""Google's default retention of a subscription."""


Difference = tuple[Change, Argv]
"""A setting that differs, and the flags of ``update`` that change it."""

OURS = "ours"
"""The key of the full names of all subscriptions of this deployment in the facts of a topic that is removed."""

UNREAD = "unread"
"""The key of the number of unread messages in the facts of a subscription; absent if it is not known."""


def topic_id(topic: str) -> ResourceId:
    """Return the id of a topic."""
    return ResourceId("topic", topic)


def subscription_id(subscription: str) -> ResourceId:
    """Return the id of a subscription."""
    return ResourceId("subscription", subscription)


def unread_words(count: int) -> str:
    """Return a number of unread messages in words."""
    return f"{count or 'no'} unread {'message' if count == 1 else 'messages'}"


def loss_words(count: int | None) -> str:
    """Return which messages go with a subscription, as the end of a reason. ``count``: None if it is not known."""
    if count is None:
        return "; messages not yet read go with it"
    goes, them = ("goes", "it") if count == 1 else ("go", "them")
    return f"; {unread_words(count)} {goes} with it, as Google counted {them} in the last minutes"


@dataclass(frozen=True, slots=True)
class Topic(Marked):
    """The main topic or the rejected topic."""

    groups: ClassVar[tuple[CommandGroup, ...]] = (PUBSUB,)
    permissions: ClassVar[tuple[str, ...]] = (
        "pubsub.topics.create",
        "pubsub.topics.delete",
        "pubsub.topics.get",
        "pubsub.topics.update",
    )
    key: ClassVar[str] = "topic"

    topic: str

    @property
    def id(self) -> ResourceId:
        """The id of the topic."""
        return topic_id(self.topic)

    def removal_details(self, found: Any) -> Reads:
        """List the subscriptions, because those of others stay, but get no more messages."""
        if found is not None and self.is_ours(found):
            yield "subscriptions", self.command("list-subscriptions")

    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that creates it."""
        del facts
        return GcloudCall(self.command("create", f"--labels={label_words(self.spec.all_labels)}"))

    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that updates the labels."""
        found = self.found(facts)
        if not (changes := label_changes(self.spec.all_labels, found.get("labels"))):
            return (keep(self.id, f"is as it should be{as_suffix(on_topic(found))}"),)
        flag = f"--update-labels={label_words(self.spec.all_labels)}"
        return (update(self.id, changes, GcloudCall(self.command("update", flag))),)

    def loss(self, facts: Facts) -> str:
        """Return the subscriptions of others, which get no more messages when the topic is deleted."""
        ours = f"projects/{self.spec.google_project}/subscriptions/{self.topic}"
        names = facts.get("subscriptions") or []
        temporary = tuple(f"{ours}-{word}-" for word in (PROOF_WORD, FOLLOW_WORD, AUDIT_WORD))
        others = sorted({*names} - {ours, *facts.get(OURS, ())})
        others = [name for name in others if not name.startswith(temporary)]
        return f"; others subscribe to it, and will receive nothing: {', '.join(others)}" if others else ""

    def command(self, verb: str, *flags: str) -> Argv:
        """Return a gcloud command on it."""
        return ("pubsub", "topics", verb, self.topic, *flags, self.spec.project_flag)


@dataclass(frozen=True, slots=True)
class Subscription(Marked):
    """A pull subscription with the same id as its topic.

    ``retention``: how long it keeps messages, or None if the spec does not say. Then a new subscription gets
    ``initial_retention``, and an existing one keeps its retention.
    """

    groups: ClassVar[tuple[CommandGroup, ...]] = (PUBSUB,)
    permissions: ClassVar[tuple[str, ...]] = (
        "pubsub.subscriptions.create",
        "pubsub.subscriptions.delete",
        "pubsub.subscriptions.get",
        "pubsub.subscriptions.update",
        "pubsub.topics.attachSubscription",
    )
    key: ClassVar[str] = "subscription"

    topic: str
    retention: str | None
    initial_retention: str

    @property
    def name(self) -> str:
        """The subscription's own id, which is that of its topic."""
        return self.topic

    @property
    def id(self) -> ResourceId:
        """The id of the subscription."""
        return subscription_id(self.name)

    @property
    def after(self) -> tuple[ResourceId, ...]:
        """The topic, although a subscription outlives it."""
        return (topic_id(self.topic),)

    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that creates it."""
        del facts
        argv = self.command(
            "create",
            f"--topic={self.topic}",
            "--expiration-period=never",
            f"--message-retention-duration={self.retention or self.initial_retention}",
            *self.creation_flags(),
            f"--labels={label_words(self.spec.all_labels)}",
        )
        return GcloudCall(argv)

    def creation_flags(self) -> list[str]:
        """Return the flags of ``create`` for what not every subscription has."""
        return ["--enable-message-ordering"] if self.spec.ordered else []

    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that updates expiration, retention and labels.

        Raises:
            Unusable: the subscription is detached, or belongs to another topic, which cannot be changed.

        """
        found = self.found(facts)
        self.must_get_messages(found)
        differences = self.differences(found)
        labels = label_changes(self.spec.all_labels, found.get("labels"))
        if not differences and not labels:
            return (keep(self.id, self.kept_reason(found)),)
        changes = (*(change for change, _ in differences), *labels)
        flags = [flag for _, some in differences for flag in some]
        flags += [f"--update-labels={label_words(self.spec.all_labels)}"] if labels else []
        return (update(self.id, changes, GcloudCall(self.command("update", *flags))),)

    def loss(self, facts: Facts) -> str:
        """Return that the unread messages are deleted, too, and their number if Google has counted them."""
        return loss_words(facts.get(UNREAD))

    def command(self, verb: str, *flags: str) -> Argv:
        """Return a gcloud command on it."""
        return ("pubsub", "subscriptions", verb, self.name, *flags, self.spec.project_flag)

    def must_get_messages(self, found: Facts) -> None:
        """Check that it gets the messages of its topic. Raises ``Unusable``."""
        topic, what = f"projects/{self.spec.google_project}/topics/{self.topic}", ""
        if found.get("topic") != topic:
            what = f"reads from {found.get('topic')}, and a subscription cannot be moved: read it empty"
        if found.get("detached"):
            what = "is detached from its topic: it gets nothing, and cannot be attached again"
        if what:
            raise Unusable(what, where=self.title, fix=[GcloudCall(self.command("delete")).line()])

    def differences(self, found: Facts) -> list[Difference]:
        """Return what differs: expiration and retention."""
        differences: list[Difference] = []
        policy = found.get("expirationPolicy")
        ttl = None if policy == {} else (policy or {}).get("ttl", "31 days unused")
        if ttl:
            differences.append((Change("expiration", ttl, "never"), ("--expiration-period=never",)))
        kept = found.get("messageRetentionDuration", RETENTION_AT_GOOGLE)
        if self.retention and seconds(kept) != seconds(self.retention):
            change = Change("retention", kept, self.retention)
            differences.append((change, (f"--message-retention-duration={self.retention}",)))
        return differences

    def kept_reason(self, found: Facts) -> str:
        """Return how long it keeps messages, and what was set elsewhere."""
        kept_s = seconds(found.get("messageRetentionDuration", RETENTION_AT_GOOGLE))
        is_usual = self.retention or kept_s == seconds(self.initial_retention)
        days = f"{kept_s / 86400:g} {'day' if kept_s == 86400 else 'days'}"
        by_hand = "" if is_usual else ", which is not in these settings"
        return f"never expires, keeps {days}{by_hand}{self.remarks(found)}"

    def remarks(self, found: Facts) -> str:
        """Return how it differs from what this deployment would make now, and what was set elsewhere."""
        is_unordered = self.spec.ordered and not found.get("enableMessageOrdering")
        order = "; without message ordering, as it was made" if is_unordered else ""
        return f"{order}{as_suffix(on_subscription(found, ordered=self.spec.ordered))}"


@dataclass(frozen=True, slots=True)
class TemporarySubscriptions(Resource):
    """Subscriptions of proofs, of ``follow`` and of ``audit``, which were killed, or still run.

    They are read only for a removal.
    """

    groups: ClassVar[tuple[CommandGroup, ...]] = (PUBSUB,)
    permissions: ClassVar[tuple[str, ...]] = ("pubsub.subscriptions.delete", "pubsub.subscriptions.list")
    key: ClassVar[str] = "left"

    @property
    def id(self) -> ResourceId:
        """The id of all these subscriptions together."""
        return ResourceId("temporary subscriptions", one="temporary subscription")

    @property
    def describe(self) -> Argv:
        """The command that lists them by their label."""
        marks = " OR ".join(f"labels.{mark}={self.spec.name}" for mark in _LEFT_BY)
        return ("pubsub", "subscriptions", "list", f"--filter={marks}", self.spec.project_flag)

    def is_of_proof(self, found: Facts) -> bool:
        """Return whether a subscription has the label of this deployment's proofs, whatever the filter returned."""
        return self._has(PROOF_MARK, found)

    def removal(self, facts: Facts) -> tuple[Step, ...]:
        """Return the steps that delete them."""
        return tuple(
            self._delete(last_segment(subscription["name"]), left_by)
            for subscription in self.found(facts) or []
            for mark, left_by in _LEFT_BY.items()
            if self._has(mark, subscription)
        )

    def _has(self, mark: str, found: Facts) -> bool:
        return (found.get("labels") or {}).get(mark) == self.spec.name

    def _delete(self, name: str, left_by: str) -> Step:
        call = GcloudCall(("pubsub", "subscriptions", "delete", name, self.spec.project_flag))
        return delete(subscription_id(name), left_by, call)
