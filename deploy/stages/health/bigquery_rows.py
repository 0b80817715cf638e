"""The rows of BigQuery: whether Pub/Sub can write the events, how many wait, and how many were refused. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.commands import read_unwritten
from deploy.errors import DeployError
from deploy.program import UP
from deploy.resources.bigquery.subscription import dataset_of, state_of, table_of
from deploy.spec import Spec
from deploy.stages.health.message_rows import MAX_UNREAD_S, NO_NUMBERS, waiting
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, unreadable
from deploy.stages.observed import written_by

BIGQUERY = "BigQuery"

REASONS: Mapping[str, str] = {
    "PERMISSION_DENIED": "Pub/Sub's service agent may not write to the table",
    "NOT_FOUND": "there is no such table",
    "SCHEMA_MISMATCH": "the table lacks a column, or has one of another type",
    "IN_TRANSIT_LOCATION_RESTRICTION": "the topic's messages must not leave its regions, and the dataset is elsewhere",
}
"""What the states of a BigQuery subscription mean: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions."""

MENDED_BY_UP = ("PERMISSION_DENIED", "NOT_FOUND", "SCHEMA_MISMATCH")


def bigquery_rows(spec: Spec, readings: Readings) -> Iterator[Row]:
    """Return the rows of a deployment that stores its events in BigQuery; none of others.

    Without the setting nobody has asked for the numbers of its subscriptions.
    """
    found = written_by(spec, readings.google_side)
    if found is None:
        return  # if there should be one, its step says so
    yield _state(spec, found)
    if spec.bigquery.is_on and isinstance(readings.backlog, DeployError):
        yield unreadable(f"unread in {spec.bigquery_subscription}", readings.backlog)
    elif spec.bigquery.is_on:
        yield _waiting(spec, readings)
        yield _refused(spec, readings)


def _state(spec: Spec, found: Mapping[str, Any]) -> Row:
    state, table = state_of(found), table_of(found)
    if not state:
        return Row(BIGQUERY, "ok", f"events are written to {table}")
    why = f": {REASONS[state]}" if state in REASONS else ""
    detail = f"nothing can be written to {table}{why}; events wait in {spec.bigquery_subscription} until it can"
    up = UP if spec.bigquery.is_on else f"{UP} --bigquery={dataset_of(found)}"
    return Row(BIGQUERY, state, detail, "unhealthy", up if state in MENDED_BY_UP else _describe(spec), "bigquery")


def _describe(spec: Spec) -> str:
    return f"gcloud pubsub subscriptions describe {spec.bigquery_subscription} {spec.project_flag}"


def _waiting(spec: Spec, readings: Readings) -> Row:
    what, unread = f"unread in {spec.bigquery_subscription}", _unread(spec.bigquery_subscription, readings)
    if unread is None or unread.oldest_s <= MAX_UNREAD_S:
        return Row(what, "ok", NO_NUMBERS if unread is None else waiting(unread, readings))
    detail = f"{waiting(unread, readings)}: BigQuery does not take them"
    return Row(what, "unwritten", detail, "unhealthy", _describe(spec), "bigquery")


def _refused(spec: Spec, readings: Readings) -> Row:
    what, unread = f"unread in {spec.unwritten_topic}", _unread(spec.unwritten_topic, readings)
    if unread is None or not unread.messages:
        return Row(what, "ok", NO_NUMBERS if unread is None else waiting(unread, readings))
    detail = f"{waiting(unread, readings)}: BigQuery refused them"
    return Row(what, "refused", detail, "unhealthy", read_unwritten(spec), "bigquery")


def _unread(name: str, readings: Readings) -> Any:
    return None if isinstance(readings.backlog, DeployError) else readings.backlog.get(name)
