"""Dead letters: what a subscription could not deliver goes to a topic of its own, which keeps it for someone to read.

Four things belong to the dead letters of a subscription, besides its own setting ``deadLetterPolicy``:

1. the dead-letter topic;
2. a pull subscription on it, because a topic without one keeps nothing;
3. Pub/Sub's service agent may publish to that topic;
4. Pub/Sub's service agent may acknowledge on the subscription itself, so that the message is not delivered again.

Without 3 and 4 Pub/Sub moves nothing, and does not even count attempts. 1 to 3 have to exist before the subscription,
and 4 after it: https://cloud.google.com/pubsub/docs/dead-letter-topics
"""

from collections.abc import Iterable
from dataclasses import dataclass

from deploy.resources.pubsub import Subscription, Topic
from deploy.resources.service_agent import AgentBinding, ServiceAgent, agent_acknowledges, agent_publishes_to
from deploy.spec import Spec

RETENTION = "31d"
"""How long a dead letter is kept for someone to read it: Pub/Sub's maximum."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Where undelivered messages go. ``source``: the id of the subscription that cannot deliver them.

    ``topic``: the id of the dead-letter topic, and of the pull subscription on it. Subscriptions may share it.
    """

    source: str
    topic: str


def dead_letters(spec: Spec) -> tuple[DeadLetter, ...]:
    """Return the dead letters of all subscriptions of a deployment that have any."""
    of_settings = [DeadLetter(wanted.name, wanted.dead_letter) for wanted in spec.subscriptions if wanted.dead_letter]
    of_bigquery = [DeadLetter(spec.bigquery_subscription, spec.unwritten_topic)] if spec.bigquery.is_on else []
    return (*of_settings, *of_bigquery)


def dead_letter_topics(spec: Spec, letters: Iterable[DeadLetter]) -> list[Topic]:
    """Return the topics, each once."""
    return [Topic(spec, name) for name in _names(letters)]


def dead_letter_subscriptions(spec: Spec, letters: Iterable[DeadLetter]) -> list[Subscription]:
    """Return the pull subscriptions of the topics."""
    return [Subscription(spec, name, None, RETENTION) for name in _names(letters)]


def agents(spec: Spec, letters: Iterable[DeadLetter]) -> list[ServiceAgent]:
    """Return the service agent, if there are dead letters."""
    names = _names(letters)
    return [ServiceAgent(spec, names)] if names else []


def roles_before(spec: Spec, letters: Iterable[DeadLetter]) -> list[AgentBinding]:
    """Return the service agent's roles on the dead-letter topics, which are needed before the subscriptions."""
    return [agent_publishes_to(spec, name) for name in _names(letters)]


def roles_after(spec: Spec, letters: Iterable[DeadLetter]) -> list[AgentBinding]:
    """Return the service agent's roles on the subscriptions, which can be granted only when these exist."""
    return [agent_acknowledges(spec, letter.source) for letter in letters]


def _names(letters: Iterable[DeadLetter]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(letter.topic for letter in letters))
