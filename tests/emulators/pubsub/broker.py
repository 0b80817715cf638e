"""The topics, subscriptions and snapshots of a Pub/Sub, in memory.

``accept`` sets the ids of the messages of one Publish call, ``deliver`` adds them to every subscription of the topic:
two steps, so that a record can be written in between. Settings are stored and returned unchanged.
"""

import itertools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from tests.emulators.errors import already_exists, failed_precondition, not_found
from tests.emulators.pubsub.backlog import Backlog, Message
from tests.emulators.pubsub.filters import Matches, parse_filter
from tests.emulators.pubsub.settings import DELETED_TOPIC, delivery_policy


@dataclass
class Topic:
    """A topic: its settings as ``google.pubsub.v1.Topic``, and its messages if it retains them."""

    settings: Any
    kept: list[Message] = field(default_factory=list)

    @property
    def keeps(self) -> bool:
        """Whether the topic retains its messages, so that subscriptions can seek to them."""
        return bool(self.settings.HasField("message_retention_duration"))


@dataclass
class Subscription:
    """A subscription: its settings as ``google.pubsub.v1.Subscription``, its messages and its filter."""

    settings: Any
    backlog: Backlog
    matches: Matches

    def check_attached(self) -> None:
        """Raise ``Refused`` if the subscription is detached."""
        if self.settings.detached:
            short = self.settings.name.rpartition("/")[2]
            raise failed_precondition(f"Subscription is detached (resource={short}).")


@dataclass
class Snapshot:
    """A snapshot: its settings as ``google.pubsub.v1.Snapshot``.

    ``messages``: those unacknowledged when the snapshot was made, and those published since then.
    """

    settings: Any
    matches: Matches
    messages: list[Message]


class _Resource(Protocol):
    settings: Any


_Kind = TypeVar("_Kind", bound=_Resource)


class Shelf(Generic[_Kind]):
    """All resources of one kind, by full name. Methods raise ``Refused``."""

    def __init__(self) -> None:
        self._items: dict[str, _Kind] = {}

    def check_new(self, name: str) -> None:
        """Refuse a name that exists already."""
        if name in self._items:
            raise already_exists(name)

    def add(self, item: _Kind) -> None:
        """Add a new resource."""
        self.check_new(item.settings.name)
        self._items[item.settings.name] = item

    def get(self, name: str) -> _Kind:
        """Return the resource with this name."""
        if name not in self._items:
            raise not_found(name)
        return self._items[name]

    def remove(self, name: str) -> None:
        """Remove the resource with this name."""
        self.get(name)
        del self._items[name]

    def of(self, project: str) -> list[Any]:
        """Return the settings of a project's resources, sorted by name; ``project`` is ``projects/P``."""
        return [self._items[name].settings for name in sorted(self._items) if name.startswith(f"{project}/")]

    def on(self, topic: str) -> list[_Kind]:
        """Return the resources of a topic, sorted by name."""
        return [self._items[name] for name in sorted(self._items) if self._items[name].settings.topic == topic]

    def settings_on(self, topic: str) -> list[Any]:
        """Return the settings of a topic's resources, sorted by name."""
        return [item.settings for item in self.on(topic)]

    def all(self) -> list[_Kind]:
        """Return all resources."""
        return list(self._items.values())


def _first_message_id() -> int:
    """Return the microseconds since 1970: 16 digits like Google's ids, and never an id of an earlier run."""
    return time.time_ns() // 1000


@dataclass
class Broker:
    """All topics, subscriptions and snapshots."""

    topics: Shelf[Topic] = field(default_factory=Shelf)
    subscriptions: Shelf[Subscription] = field(default_factory=Shelf)
    snapshots: Shelf[Snapshot] = field(default_factory=Shelf)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(_first_message_id()))

    def create_topic(self, settings: Any) -> None:
        """Create a topic."""
        self.topics.add(Topic(settings))

    def delete_topic(self, name: str) -> None:
        """Delete a topic; its subscriptions stay and keep their messages."""
        self.topics.remove(name)
        for settings in (*self.subscriptions.settings_on(name), *self.snapshots.settings_on(name)):
            settings.topic = DELETED_TOPIC

    def create_subscription(self, settings: Any) -> None:
        """Create a subscription of an existing topic. It gets the messages that are published from now on."""
        self.subscriptions.check_new(settings.name)
        topic = self.topics.get(settings.topic)
        self._check_dead_letter_topic(settings)
        backlog = Backlog(ordered=settings.enable_message_ordering)
        subscription = Subscription(settings, backlog, parse_filter(settings.filter))
        self.subscriptions.add(subscription)
        self._apply_settings(subscription)
        for message in topic.kept:
            if subscription.matches(message.attributes):
                backlog.keep(message)

    def update_topic(self, settings: Any) -> None:
        """Replace the settings of an existing topic."""
        topic = self.topics.get(settings.name)
        topic.settings = settings
        topic.kept = topic.kept if topic.keeps else []
        for subscription in self.subscriptions.on(settings.name):
            self._apply_settings(subscription)

    def update_subscription(self, settings: Any) -> None:
        """Replace the settings of an existing subscription."""
        self._check_dead_letter_topic(settings)
        subscription = self.subscriptions.get(settings.name)
        subscription.settings = settings
        self._apply_settings(subscription)

    def detach(self, name: str) -> None:
        """Detach a subscription: it gets no more messages, and its undelivered ones are lost."""
        subscription = self.subscriptions.get(name)
        subscription.settings.detached = True
        subscription.backlog.restore([])

    def create_snapshot(self, settings: Any, subscription: str) -> Any:
        """Create a snapshot of a subscription's unacknowledged messages, and return the snapshot's settings."""
        source = self.subscriptions.get(subscription)
        source.check_attached()
        settings.topic = source.settings.topic
        self.snapshots.add(Snapshot(settings, source.matches, source.backlog.unacknowledged()))
        return settings

    def seek_to_snapshot(self, subscription: str, name: str) -> None:
        """Make exactly the messages of a snapshot of the same topic unacknowledged."""
        found, snapshot = self.subscriptions.get(subscription), self.snapshots.get(name)
        if found.settings.topic != snapshot.settings.topic:
            raise failed_precondition("The snapshot and the subscription do not have the same topic.")
        found.backlog.restore(snapshot.messages)

    def seek_to_time(self, subscription: str, time_ns: int) -> None:
        """Make exactly the messages published at this time (nanoseconds since 1970) or later unacknowledged."""
        self.subscriptions.get(subscription).backlog.seek(lambda message: message.publish_time_ns >= time_ns)

    def accept(self, topic: str, messages: Iterable[Message], now_ns: int) -> list[Message]:
        """Return the messages with their ids and publish time (nanoseconds since 1970)."""
        self.topics.get(topic)
        return [replace(message, message_id=str(next(self._ids)), publish_time_ns=now_ns) for message in messages]

    def deliver(self, topic: str, messages: Iterable[Message]) -> None:
        """Add the accepted messages to every subscription and snapshot of the topic whose filter matches them."""
        accepted, found = list(messages), self.topics.get(topic)
        if found.keeps:
            found.kept += accepted
        for subscription in self.subscriptions.on(topic):
            if not subscription.settings.detached:
                for message in _matching(subscription.matches, accepted):
                    subscription.backlog.add(message)
        for snapshot in self.snapshots.on(topic):
            snapshot.messages += _matching(snapshot.matches, accepted)

    def forward_dead(self, now: float) -> list[tuple[str, Message]]:
        """Remove the messages after their last attempt from all subscriptions; return them with their new topics.

        A message whose dead letter topic does not exist stays on its subscription.
        """
        forwarded = []
        for subscription in self.subscriptions.all():
            subscription.backlog.expire(now)
            topic = subscription.settings.dead_letter_policy.dead_letter_topic
            for entry in subscription.backlog.take_dead():
                if any(other.settings.name == topic for other in self.topics.all()):
                    attributes = _dead_letter_attributes(subscription.settings.name, entry.attempts, entry.message)
                    forwarded.append((topic, replace(entry.message, attributes=attributes)))
                else:
                    subscription.backlog.put_back(entry)
        return forwarded

    def next_event(self) -> float | None:
        """Return the time at which a message of any subscription may next become ready or dead, or None."""
        times = [subscription.backlog.next_event() for subscription in self.subscriptions.all()]
        return min((at for at in times if at is not None), default=None)

    def _apply_settings(self, subscription: Subscription) -> None:
        settings = subscription.settings
        topics = [topic for topic in self.topics.all() if topic.settings.name == settings.topic]
        policy = delivery_policy(settings)
        if topics and topics[0].keeps:
            policy = replace(policy, keeps_acknowledged=True)
            settings.topic_message_retention_duration.CopyFrom(topics[0].settings.message_retention_duration)
        else:
            settings.ClearField("topic_message_retention_duration")
        subscription.backlog.policy = policy

    def _check_dead_letter_topic(self, settings: Any) -> None:
        topic = settings.dead_letter_policy.dead_letter_topic
        if topic:
            self.topics.get(topic)


def _matching(matches: Matches, messages: Iterable[Message]) -> list[Message]:
    return [message for message in messages if matches(message.attributes)]


def _dead_letter_attributes(subscription: str, attempts: int, message: Message) -> Mapping[str, str]:
    """Return a dead message's attributes with those that Pub/Sub adds.

    https://cloud.google.com/pubsub/docs/dead-letter-topics#how_dead_letter_topics_work
    """
    _, project, _, name = subscription.split("/")
    published_ms = message.publish_time_ns // 10**6
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(published_ms // 1000))
    return {
        **message.attributes,
        "CloudPubSubDeadLetterSourceDeliveryCount": str(attempts),
        "CloudPubSubDeadLetterSourceSubscription": name,
        "CloudPubSubDeadLetterSourceSubscriptionProject": project,
        "CloudPubSubDeadLetterSourceTopicPublishTime": f"{when}.{published_ms % 1000:03}Z",
    }
