"""The subscription that writes every message of the main topic into the table, with the transform that makes the rows.

Pub/Sub accepts it only if the table exists and its service agent may write to it:
https://cloud.google.com/pubsub/docs/create-bigquery-subscription
"""

import math
import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from deploy.bigquery.blueprint import ATTEMPTS, Writer, subscription_body
from deploy.bigquery.transform import FILE
from deploy.resources.bigquery.event_table import EventTable
from deploy.resources.by_hand import as_suffix, on_subscription
from deploy.resources.dead_letter import RETENTION as DEAD_LETTER_RETENTION
from deploy.resources.further_subscription import RETRY_FLAGS
from deploy.resources.own_fields import differences
from deploy.resources.pubsub import Difference, Subscription, topic_id
from deploy.resources.resource import Facts
from deploy.resources.service_agent import AGENT
from deploy.spec import DELETED_TOPIC, WRITES_LABEL, Spec
from deploy.steps import NOW, GcloudCall, ResourceId, Step

HEALTHY = frozenset({"", "ACTIVE", "STATE_UNSPECIFIED"})
"""The states in which Pub/Sub writes, or does not say that it cannot."""


SETTLED_S = 600
"""How long the creation may take with its repetitions. The label has the time at which it began."""

_LABELS = ("--labels=", "--update-labels=")


@dataclass(frozen=True, slots=True)
class BigQuerySubscription(Subscription):
    """The subscription. Its retention and its retries can be changed elsewhere, and stay so."""

    is_optional: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The subscription's id."""
        return self.spec.bigquery_subscription

    @property
    def after(self) -> tuple[ResourceId, ...]:
        """The topics, the table and the account."""
        return (topic_id(self.topic), topic_id(self.spec.unwritten_topic), EventTable(self.spec).id, AGENT)

    def creation(self, facts: Facts) -> GcloudCall:
        """Return the call that creates it. Google refuses it until it knows the role that was granted before."""
        return _noting_time(replace(Subscription.creation(self, facts), needs_new_role=True))

    def creation_flags(self) -> list[str]:
        """Return the flags of ``create`` for its table, its transform and its dead letters."""
        return [*self._target(""), f"--message-transforms-file={FILE}", *self._dead_letters()]

    def changed(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step that updates it, or keeps it.

        Raises:
            Unusable: it is detached, or belongs to another topic, which cannot be changed.

        """
        (step,) = Subscription.changed(self, facts)
        if not isinstance(step.call, GcloudCall):
            return (step,)
        call = replace(step.call, needs_new_role=True)
        rows = {name: self._wanted()[name] for name in ("bigqueryConfig", "messageTransforms")}
        return (replace(step, call=_noting_time(call) if differences(rows, self.found(facts)) else call),)

    def _target(self, account: str) -> list[str]:
        """Return the flags of the table. An update replaces all of them. ``account``: one that was set elsewhere."""
        return [
            f"--bigquery-table={EventTable(self.spec).place.full_table}",
            *("--use-table-schema", "--write-metadata", "--drop-unknown-fields"),
            *([f"--bigquery-service-account-email={account}"] if account else []),
        ]

    def _dead_letters(self) -> list[str]:
        return [f"--dead-letter-topic={self.spec.unwritten_topic}", f"--max-delivery-attempts={ATTEMPTS}", *RETRY_FLAGS]

    def differences(self, found: Facts) -> list[Difference]:
        """Return what differs: expiration, table, transform, and dead letters if there is no topic for them."""
        wanted = self._wanted()
        flags = {
            "bigqueryConfig": self._target((found.get("bigqueryConfig") or {}).get("serviceAccountEmail", "")),
            "messageTransforms": [f"--message-transforms-file={FILE}"],
            **({"deadLetterPolicy": self._dead_letters()} if _dead_letter_topic(found) in {"", DELETED_TOPIC} else {}),
        }
        own: list[Difference] = []
        for name, added in flags.items():
            changes = differences({name: wanted[name]}, found)
            own += [(change, () if place else tuple(added)) for place, change in enumerate(changes)]
        return [*Subscription.differences(self, found), *own]

    def kept_reason(self, found: Facts) -> str:
        """Return where it writes, or why it cannot, and what was set elsewhere."""
        state = state_of(found)
        writes = f"cannot write to {table_of(found)}: {state}" if state else f"writes to {table_of(found)}"
        ours = {"bigqueryConfig", "messageTransforms", "state", "retryPolicy"}
        is_own = _dead_letter_topic(found) == self._full_name(self.spec.unwritten_topic)
        ours |= {"deadLetterPolicy"} if is_own else set()
        others = {name: value for name, value in found.items() if name not in ours}
        return f"{writes}{as_suffix(on_subscription(others, ordered=self.spec.ordered))}"

    def _wanted(self) -> dict[str, Any]:
        writer = Writer(self._full_name(self.topic), self._full_name(self.spec.unwritten_topic))
        return subscription_body(EventTable(self.spec).place, writer, {})

    def _full_name(self, topic: str) -> str:
        return f"projects/{self.spec.google_project}/topics/{topic}"


def bigquery_subscription(spec: Spec) -> BigQuerySubscription:
    """Return the subscription of a deployment that writes to BigQuery."""
    return BigQuerySubscription(spec, spec.topic, None, DEAD_LETTER_RETENTION)


def left_of_bigquery(spec: Spec) -> list[Subscription]:
    """Return what a plan removes if the events are to be stored no longer.

    The data stay, and so do the events that BigQuery has refused, with their topic: only ``down`` deletes them.
    """
    return [bigquery_subscription(spec)]


def _dead_letter_topic(found: Facts) -> str:
    return str((found.get("deadLetterPolicy") or {}).get("deadLetterTopic") or "")


def state_of(found: Facts) -> str:
    """Return why Pub/Sub cannot write, as BigQuery's state says it; empty if it can, or if Google does not say."""
    states = ((found.get("bigqueryConfig") or {}).get("state", ""), found.get("state", ""))
    return next((str(state) for state in states if state not in HEALTHY), "")


def writes_since(found: Facts) -> float:
    """Return since when a subscription writes all events to its table for sure, in unix seconds; inf if not known."""
    noted = str((found.get("labels") or {}).get(WRITES_LABEL, ""))
    return int(noted) + SETTLED_S if re.fullmatch(r"\d{1,12}", noted, re.ASCII) else math.inf


def _noting_time(call: GcloudCall) -> GcloudCall:
    """Return a command that also sets the label with the time since when the table is written."""
    label = f"{WRITES_LABEL}={NOW}"
    argv = tuple(f"{word},{label}" if word.startswith(_LABELS) else word for word in call.argv)
    return replace(call, argv=argv if argv != call.argv else (*argv[:-1], f"--update-labels={label}", argv[-1]))


def table_of(found: Facts) -> str:
    """Return the table of a subscription, as ``project.dataset.table``; Google may write a colon."""
    return str((found.get("bigqueryConfig") or {}).get("table", "")).replace(":", ".", 1)


def dataset_of(found: Facts) -> str:
    """Return the id of the dataset that a subscription writes to; empty if it writes to none."""
    return table_of(found).rpartition(".")[0].rpartition(".")[2]
