"""The topics and subscriptions of a Pub/Sub, in memory, without clock or network.

``accept`` names the messages of one publish, ``deliver`` puts them on every subscription of the topic: two steps, so
that a record can be written in between. Settings of topics and subscriptions are kept as they came, to be given back.
"""

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from deploy.offline.errors import already_exists, not_found
from deploy.offline.pubsub.backlog import Backlog, Message

DELETED_TOPIC = "_deleted-topic_"


@dataclass
class Subscription:
    """A subscription: its settings as ``google.pubsub.v1.Subscription``, and what it still has to deliver."""

    settings: Any
    backlog: Backlog


def _first_message_id() -> int:
    """Microseconds since the Unix epoch: 16 digits as Google's ids, and never an id of an earlier run."""
    return time.time_ns() // 1000


@dataclass
class Broker:
    """All topics and subscriptions, by full name."""

    _topics: dict[str, Any] = field(default_factory=dict)
    _subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(_first_message_id()))

    def create_topic(self, settings: Any) -> None:
        """A topic that is not there yet."""
        if settings.name in self._topics:
            raise already_exists(settings.name)
        self._topics[settings.name] = settings

    def topic(self, name: str) -> Any:
        """The settings of a topic that is there."""
        if name not in self._topics:
            raise not_found(name)
        return self._topics[name]

    def topics(self, project: str) -> list[Any]:
        """The settings of a project's topics, by name; ``project`` is ``projects/P``."""
        return [self._topics[name] for name in sorted(self._topics) if name.startswith(f"{project}/")]

    def delete_topic(self, name: str) -> None:
        """Away with a topic; its subscriptions stay and keep what they have."""
        self.topic(name)
        del self._topics[name]
        for subscription in self._subscribed_to(name):
            subscription.settings.topic = DELETED_TOPIC

    def create_subscription(self, settings: Any) -> None:
        """A subscription that is not there yet, of a topic that is; it gets what is published from now on."""
        if settings.name in self._subscriptions:
            raise already_exists(settings.name)
        self.topic(settings.topic)
        backlog = Backlog(ordered=settings.enable_message_ordering)
        self._subscriptions[settings.name] = Subscription(settings, backlog)

    def subscription(self, name: str) -> Subscription:
        """A subscription that is there."""
        if name not in self._subscriptions:
            raise not_found(name)
        return self._subscriptions[name]

    def subscriptions(self, project: str) -> list[Any]:
        """The settings of a project's subscriptions, by name; ``project`` is ``projects/P``."""
        names = sorted(name for name in self._subscriptions if name.startswith(f"{project}/"))
        return [self._subscriptions[name].settings for name in names]

    def delete_subscription(self, name: str) -> None:
        """Away with a subscription and all it has not delivered."""
        self.subscription(name)
        del self._subscriptions[name]

    def accept(self, topic: str, messages: Iterable[Message], now_ns: int) -> list[Message]:
        """The messages with their ids and publish time (nanoseconds since the Unix epoch)."""
        self.topic(topic)
        return [replace(each, message_id=str(next(self._ids)), publish_time_ns=now_ns) for each in messages]

    def deliver(self, topic: str, messages: Iterable[Message]) -> None:
        """A copy of each accepted message for every subscription of the topic."""
        subscriptions = self._subscribed_to(topic)
        for message in messages:
            for subscription in subscriptions:
                subscription.backlog.add(message)

    def _subscribed_to(self, topic: str) -> list[Subscription]:
        return [each for each in self._subscriptions.values() if each.settings.topic == topic]
