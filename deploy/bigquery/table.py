"""The table: one row for each message, with what queries filter by as columns, and the exact body.

A subscription that writes to a table finds the columns by their names (``use_table_schema``), and adds those of
``METADATA``: https://cloud.google.com/pubsub/docs/bigquery. No column is required, so that a message
that is no event is a row as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.bigquery.literals import pairs, text
from deploy.bigquery.place import Place


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table or of a view. ``kind``: its type in BigQuery."""

    name: str
    kind: str
    description: str

    @property
    def body(self) -> dict[str, str]:
        """The column as BigQuery's REST API takes it."""
        return {"name": self.name, "type": self.kind, "mode": "NULLABLE", "description": self.description}

    @property
    def sql(self) -> str:
        """The column as a statement has it that makes it."""
        return f"{self.name} {self.kind} OPTIONS(description={text(self.description)})"


EVENT = (
    Column(
        "event_id", "STRING", "DT's id of the event. Rows with the same id are copies of one event: see events_once."
    ),
    Column("event_type", "STRING", "The type of the event, such as temperature."),
    Column("device_id", "STRING", "DT's id of the device. NULL if the event belongs to no device."),
    Column("project_id", "STRING", "DT's id of the project that the device was in."),
    Column(
        "event_time",
        "TIMESTAMP",
        "The event's own time in UTC, cut to microseconds. Rows arrive late and in any order: sort and filter by this.",
    ),
    Column("data", "JSON", "The data of the event, nested below the event's type. Numbers may be spelled differently."),
    Column(
        "labels", "JSON", "The labels of the device when the event was sent, if DT sent any; name is its display name."
    ),
    Column("body", "STRING", "The exact body that DT sent."),
)
"""What the transform lifts out of the body."""

METADATA = (
    Column("publish_time", "TIMESTAMP", "When the message was published in Pub/Sub, in UTC."),
    Column("message_id", "STRING", "Pub/Sub's id of the message. Copies of an event have different ones."),
    Column("subscription_name", "STRING", "The subscription that wrote the row."),
    Column("attributes", "JSON", "The attributes of the message, such as contract, origin and schemaViolation."),
)
"""What Pub/Sub adds to each row."""

COLUMNS = (*EVENT, *METADATA)
PARTITION = "event_time"
"""One partition for each UTC day of this column. Rows without a time are in one partition of their own."""
CLUSTERS = ("device_id", "event_type", "event_time")

DESCRIPTION = (
    "Events of Disruptive Technologies sensors, one row for each Pub/Sub message. An event can have several rows: "
    "query the view events_once instead."
)


def dataset_body(place: Place, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of ``POST /bigquery/v2/projects/PROJECT/datasets``."""
    return {
        "datasetReference": {"projectId": place.project, "datasetId": place.dataset},
        "location": place.location,
        "description": "Events of Disruptive Technologies sensors, written by a Pub/Sub subscription.",
        "labels": dict(labels),
    }


def table_body(place: Place, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of ``POST /bigquery/v2/projects/PROJECT/datasets/DATASET/tables``."""
    return {
        "tableReference": {"projectId": place.project, "datasetId": place.dataset, "tableId": place.table},
        "description": DESCRIPTION,
        "schema": {"fields": [column.body for column in COLUMNS]},
        "timePartitioning": {"type": "DAY", "field": PARTITION},
        "clustering": {"fields": [*CLUSTERS]},
        "labels": dict(labels),
    }


def table_statement(place: Place, labels: Mapping[str, str]) -> str:
    """Return the SQL that makes the same table, for someone who makes it by hand."""
    columns = ", ".join(column.sql for column in COLUMNS)
    partition, clusters = f"PARTITION BY DATE({PARTITION})", f"CLUSTER BY {', '.join(CLUSTERS)}"
    options = f"OPTIONS(description={text(DESCRIPTION)}, labels={pairs(labels)})"
    return f"CREATE TABLE {place.quoted(place.table)} ({columns}) {partition} {clusters} {options}"
