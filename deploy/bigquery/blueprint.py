"""All of BigQuery for one deployment, as data: REST bodies and SQL, in the order in which they are needed.

Whoever applies it makes the dataset, the table, the views, Pub/Sub's permission on the table, and the subscription
last: Pub/Sub refuses a subscription whose table is missing or closed to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.bigquery import measurements, series, summaries
from deploy.bigquery.place import Place
from deploy.bigquery.table import dataset_body, table_body
from deploy.bigquery.transform import transforms
from deploy.bigquery.view import View

VIEWS: tuple[View, ...] = (*measurements.VIEWS, *series.VIEWS, *summaries.VIEWS)
"""All views, each after those that it reads."""

RETENTION = "2678400s"
"""31 days, Pub/Sub's maximum: while BigQuery refuses rows, messages stay here, and not in the dead-letter topic."""

ATTEMPTS = 100
"""How often Pub/Sub tries to write a row before the message goes to the dead-letter topic; Pub/Sub's maximum.

A row that does not fit the table is tried without pauses, so it gets there soon all the same. With few attempts an
outage of BigQuery could move good messages there: https://cloud.google.com/pubsub/docs/bigquery"""


@dataclass(frozen=True, slots=True)
class Writer:
    """The subscription that fills the table. ``account``: writes as this account, or as Pub/Sub's own if it is empty.

    ``topic`` and ``dead_letter_topic`` are full names, ``projects/P/topics/T``.
    """

    topic: str
    dead_letter_topic: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What there has to be. The bodies are those of ``POST`` (dataset, table) and of ``PUT`` (subscription).

    ``statements``: SQL that can be repeated at any time, each after those that it needs.
    """

    dataset: Mapping[str, Any]
    table: Mapping[str, Any]
    statements: tuple[str, ...]
    subscription: Mapping[str, Any]


def blueprint(place: Place, writer: Writer, labels: Mapping[str, str]) -> Blueprint:
    """Return all of it. ``labels``: the labels of every resource of the deployment.

    Raises:
        ValueError: the table has the name of a view.

    """
    if place.table in {view.name for view in VIEWS}:
        raise ValueError(f"{place.table!r} is the name of a view: give the table another name")
    return Blueprint(
        dataset_body(place, labels),
        table_body(place, labels),
        tuple(view.statement(place, labels) for view in VIEWS),
        subscription_body(place, writer, labels),
    )


def subscription_body(place: Place, writer: Writer, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of ``PUT /v1/projects/PROJECT/subscriptions/SUBSCRIPTION``.

    An update replaces the whole ``bigqueryConfig``: a member that is left out becomes false.
    """
    config = {
        "table": place.full_table,
        "useTableSchema": True,
        "writeMetadata": True,
        "dropUnknownFields": True,
        **({"serviceAccountEmail": writer.account} if writer.account else {}),
    }
    return {
        "topic": writer.topic,
        "bigqueryConfig": config,
        "messageTransforms": transforms(),
        "deadLetterPolicy": {"deadLetterTopic": writer.dead_letter_topic, "maxDeliveryAttempts": ATTEMPTS},
        "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
        "messageRetentionDuration": RETENTION,
        "expirationPolicy": {},
        "labels": dict(labels),
    }
