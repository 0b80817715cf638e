"""Where an audit reads what arrived on the main topic: a subscription, the topic itself, or a BigQuery table."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from deploy.errors import DeployError
from deploy.google.bigquery import BigQuery
from deploy.google.pubsub_api import PubSubApi, PubSubFailed, Pulled
from deploy.parallel import signals_wait
from deploy.repair.arrived.arrivals import Add, Arrival, Window, moment_of
from deploy.repair.arrived.drain import Source, SubscriptionReader
from deploy.repair.arrived.fitness import absent, check_fitness, why_unreadable
from deploy.repair.arrived.held import HOLD_S, Held
from deploy.repair.arrived.lookback import check_kept, remove_abandoned, sought_back
from deploy.repair.arrived.table import TableArrived
from deploy.spec import Spec, last_segment

YOUNG_S = 60.0
"""An event that is younger may still be on its way: DT's history has an event up to ten seconds after it came, and the
function takes up to 7.5 s."""

YOUNG_IN_TABLE_S = 300.0
"""The same for a table, which a subscription of Google's fills."""


@dataclass(frozen=True)
class Reading:
    """What every reading needs. ``now`` returns unix seconds; ``notice`` gets what a user should know."""

    spec: Spec
    window: Window
    api: PubSubApi
    reader: SubscriptionReader
    now: Callable[[], float]
    notice: Callable[[str], None]


class Arrived(Protocol):
    """A place that knows which events arrived on the main topic. ``young_s``: how long an event takes to it at most."""

    name: str
    young_s: float

    def check(self) -> None:
        """Check that it can tell what arrived in the window.

        Raises:
            DeployError: it cannot, or cannot be read.

        """
        ...

    def read(self, add: Add, others: Sequence[Source]) -> None:
        """Pass all arrivals of the window on, also those of other times; and read other subscriptions side by side.

        Raises:
            DeployError: they could not be read to the end.

        """
        ...


class ArrivedInSubscription:
    """A subscription of the user's. Its messages are held until the end of the run, and acknowledged only if asked."""

    young_s = YOUNG_S

    def __init__(self, reading: Reading, subscription: str, held: Held) -> None:
        self.name = f"subscription {subscription}"
        self._reading = reading
        self._subscription = subscription
        self._held = held
        self._deadline_s = 10.0

    def check(self) -> None:
        """Check that it has got and kept the events of the window. Raises ``DeployError``."""
        found = self._found()
        check_fitness(self._reading.spec, found, self._reading.window, self._reading.now())
        self._deadline_s = deadline_s(found)

    def _found(self) -> Mapping[str, Any]:
        """Return the subscription. Raises ``DeployError`` if it cannot be read; of none, name those that exist."""
        api, spec = self._reading.api, self._reading.spec
        try:
            return api.get(self._subscription)
        except PubSubFailed as error:
            if error.status != 404:
                raise
        of_topic = [one for one in api.subscriptions() if last_segment(str(one.get("topic", ""))) == spec.topic]
        raise absent(spec, self._subscription, [last_segment(one["name"]) for one in of_topic])

    def read(self, add: Add, others: Sequence[Source]) -> None:
        """Read it to its end. Raises ``DeployError``."""
        end = self._reading.window.end

        def take(pulled: Sequence[Pulled]) -> int:
            arrivals = [arrival_of(message) for message in pulled]
            self._held.add(
                (message, one.at is not None and one.at < end) for message, one in zip(pulled, arrivals, strict=True)
            )
            return add(arrivals)

        source = Source(self._subscription, take, self._deadline_s, self._held)
        self._reading.reader.read([source, *others])


class ArrivedOnTopic:
    """The main topic itself, if it keeps its messages: a temporary subscription is sought back to the window.

    ``in_table``: the command for a window that the deployment's own table has; empty if there is none.
    """

    young_s = YOUNG_S

    def __init__(self, reading: Reading, in_table: str = "") -> None:
        self.name = f"topic {reading.spec.topic}"
        self._reading = reading
        self._in_table = in_table

    def check(self) -> None:
        """Check that the topic has kept the messages of the window. Raises ``DeployError``."""
        reading = self._reading
        topic = reading.api.topic(reading.spec.topic)
        check_kept(reading.spec, topic, reading.window, reading.now(), self._in_table)

    def read(self, add: Add, others: Sequence[Source]) -> None:
        """Read all messages since the beginning of the window. Raises ``DeployError``."""
        reading = self._reading
        remove_abandoned(reading.spec, reading.api, reading.now(), reading.notice)
        with sought_back(reading.spec, reading.api, reading.window, reading.now, reading.notice) as name:
            source = Source(name, lambda pulled: add([arrival_of(one) for one in pulled]), may_be_late=True)
            reading.reader.read([source, *others])


class ArrivedInTable:
    """A BigQuery table."""

    young_s = YOUNG_IN_TABLE_S

    def __init__(self, reading: Reading, bigquery: BigQuery, table: str) -> None:
        self._table = TableArrived(bigquery, table, reading.window)
        self.name = self._table.name
        self._reading = reading

    def check(self) -> None:
        """Do nothing: the query itself says whether the table can be read, and takes no longer."""

    def read(self, add: Add, others: Sequence[Source]) -> None:
        """Read the rows of the window. Raises ``DeployError``."""
        for batch in self._table.read():
            add(batch)
        if others:
            self._reading.reader.read(others)


def rejected_source(reading: Reading, add: Add, held: Held) -> Source | None:
    """Return the rejected topic's subscription for reading; None, after a notice, if it cannot be read."""
    name = reading.spec.rejected_topic
    try:
        found = reading.api.get(name)
        why = why_unreadable(found)
    except DeployError as error:
        found, why = {}, error.what
    if why:
        reading.notice(f"rejected events are not counted: subscription {name} {why}")
        return None

    def take(pulled: Sequence[Pulled]) -> int:
        held.add((message, False) for message in pulled)
        return add([arrival_of(message) for message in pulled])

    return Source(name, take, deadline_s(found), held)


@contextmanager
def holding(
    api: PubSubApi, subscription: str, notice: Callable[[str], None], *, acknowledges: bool = False
) -> Iterator[Held]:
    """Yield what holds the messages of a subscription, and give them back at the end.

    ``acknowledges``: those that are done with are acknowledged instead, if the block has ended well. After Ctrl-C
    nobody waits for this: the messages come again by themselves.
    """
    held = Held(api, subscription)
    is_complete = is_interrupted = False
    try:
        yield held
        is_complete = True
    except KeyboardInterrupt:
        is_interrupted = True
        notice(f"the messages of {subscription} that were read come again within {HOLD_S // 60} min")
        raise
    finally:
        if not is_interrupted:
            with signals_wait():
                _released(held, subscription, notice, acknowledges=acknowledges and is_complete)
        held.close()


def _released(held: Held, subscription: str, notice: Callable[[str], None], *, acknowledges: bool) -> None:
    try:
        done = held.release(acknowledges=acknowledges)
    except DeployError as error:
        notice(f"some messages of {subscription} come again later: {error.what}")
    else:
        if acknowledges:
            notice(f"acknowledged {done:,} message{'' if done == 1 else 's'} of {subscription}")


def arrival_of(pulled: Pulled) -> Arrival:
    """Return a message as an arrival. Without the attribute ``eventId``, the id of the event in its body counts."""
    attributes = pulled.attributes
    return Arrival(
        event_id=attributes.get("eventId") or _id_in(pulled.data),
        message_id=pulled.message_id,
        project=attributes.get("projectId", ""),
        device=attributes.get("deviceId", ""),
        event_type=attributes.get("eventType", ""),
        at=moment_of(attributes.get("timestamp", "")),
        published_at=pulled.published_at,
        reason=attributes.get("reason", ""),
    )


def deadline_s(found: Any) -> float:
    """Return the acknowledgement deadline of a subscription in seconds."""
    seconds = found.get("ackDeadlineSeconds")
    return float(seconds) if isinstance(seconds, int) and seconds else 10.0


def _id_in(data: bytes) -> str:
    try:
        event_id = json.loads(data)["event"]["eventId"]
    except (KeyError, RecursionError, TypeError, ValueError):
        return ""
    return event_id if isinstance(event_id, str) else ""
