"""The table: what is made, what is added, and what makes it unusable."""

from typing import Any

import pytest

from deploy.bigquery.table import COLUMNS
from deploy.errors import DeployError, Unusable
from deploy.resources.bigquery.event_table import EventTable
from deploy.spec import Warehouse
from deploy.steps import Change, Get, ResourceId, RestCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

URL = f"https://bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}/datasets/sensors"
TABLE = EventTable(spec(bigquery=Warehouse("sensors")))
NOTE = {"name": "note", "type": "STRING"}
FOUND = {
    "labels": {"dt-pubsub": "dt-pubsub"},
    "timePartitioning": {"type": "DAY", "field": "event_time"},
    "schema": {"fields": [column.body for column in COLUMNS]},
}
QUERY = ("bq", f"--project_id={PROJECT}", "query")
ALTER = f"ALTER TABLE `{PROJECT}.sensors.events`"


def without(*names: str) -> list[dict[str, Any]]:
    """Return the columns without these, and one of others."""
    return [NOTE, *(column.body for column in COLUMNS if column.name not in names)]


def test_the_table_is_read_by_its_url_and_its_dataset_too_if_there_is_no_table() -> None:
    assert (TABLE.title, TABLE.parent) == ("table sensors.events", ResourceId("dataset", "sensors"))
    assert TABLE.describe == Get(f"{URL}/tables/events")
    assert list(TABLE.details(None)) == [("dataset", Get(URL))]
    assert list(TABLE.details(FOUND)) == []


def test_a_new_table_has_all_columns_and_a_partition_for_each_day() -> None:
    (step,) = TABLE.plan({"table": None, "dataset": {"location": "EU"}})
    assert isinstance(step.call, RestCall)
    assert (step.action, step.id, step.reason) == ("create", TABLE.id, "not there")
    assert (step.call.method, step.call.url) == ("POST", f"{URL}/tables")
    for member in ("labels", "timePartitioning", "schema"):
        assert step.call.body[member] == FOUND[member]
    *flags, sql = step.call.by_hand
    assert tuple(flags) == (*QUERY, "--location=EU", "--use_legacy_sql=false")
    assert sql.startswith(f"CREATE TABLE `{PROJECT}.sensors.events` (event_id STRING OPTIONS(")
    assert sql.endswith(', labels=[("dt-pubsub", "dt-pubsub")])')


def test_missing_columns_are_added_behind_those_that_are_there_and_by_hand_with_one_statement() -> None:
    (step,) = TABLE.plan({"table": {**FOUND, "schema": {"fields": without("event_type", "attributes")}}})
    added = [column for column in COLUMNS if column.name in {"event_type", "attributes"}]
    assert step.changes == (Change("column event_type", None, "STRING"), Change("column attributes", None, "JSON"))
    assert isinstance(step.call, RestCall)
    assert (step.call.method, step.call.url) == ("PATCH", f"{URL}/tables/events")
    fields = [*without("event_type", "attributes"), *(column.body for column in added)]
    assert step.call.body == {"schema": {"fields": fields}}
    sql = f"{ALTER} ADD COLUMN IF NOT EXISTS {added[0].sql}, ADD COLUMN IF NOT EXISTS {added[1].sql}"
    assert step.call.by_hand == (*QUERY, "--use_legacy_sql=false", sql)


def test_a_table_without_any_column_gets_all_of_them() -> None:
    (step,) = TABLE.plan({"table": {name: value for name, value in FOUND.items() if name != "schema"}})
    assert isinstance(step.call, RestCall)
    assert step.call.body == {"schema": FOUND["schema"]}


def test_labels_are_set_with_those_of_others_and_columns_stay_as_they_are() -> None:
    table = EventTable(spec(bigquery=Warehouse("sensors"), labels={"team": "air"}))
    labels = {"dt-pubsub": "dt-pubsub", "site": "oslo", "team": "air"}
    (step,) = table.plan({"table": {**FOUND, "labels": {"dt-pubsub": "dt-pubsub", "site": "oslo"}}})
    sql = f'{ALTER} SET OPTIONS(labels=[("dt-pubsub", "dt-pubsub"), ("site", "oslo"), ("team", "air")])'
    assert step.reason == "label team none -> air"
    assert step.call == RestCall(
        "PATCH", f"{URL}/tables/events", {"labels": labels}, (*QUERY, "--use_legacy_sql=false", sql)
    )


def test_by_hand_columns_and_labels_are_two_statements() -> None:
    table = EventTable(spec(bigquery=Warehouse("sensors"), labels={"team": "air"}))
    (step,) = table.plan({"table": {**FOUND, "schema": {"fields": without("body")}}})
    assert isinstance(step.call, RestCall)
    first, second = step.call.by_hand[-1].split("; ")
    assert first.startswith(f"{ALTER} ADD COLUMN IF NOT EXISTS body STRING")
    assert second.startswith(f"{ALTER} SET OPTIONS(labels=[")


def test_a_table_with_all_columns_in_any_case_and_more_is_kept() -> None:
    upper = [{**field, "name": field["name"].upper(), "type": field["type"].lower()} for field in without()]
    (step,) = TABLE.plan({"table": {**FOUND, "type": "TABLE", "schema": {"fields": upper}}})
    assert (step.action, step.id, step.reason) == ("keep", TABLE.id, "has all columns, and a partition for each day")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"type": "VIEW"}, "is not a table, but has the type VIEW"),
        ({"timePartitioning": {}}, "has no partitions, and needs one for each day of event_time"),
        (
            {"timePartitioning": {"type": "HOUR", "field": "event_time"}},
            "has a partition for each hour of event_time, and needs one for each day of event_time",
        ),
        (
            {"timePartitioning": {"type": "DAY"}},
            "has a partition for each day of arrival, and needs one for each day of event_time",
        ),
        (
            {"schema": {"fields": [{"name": "body", "type": "BYTES"}, {"name": "Event_Id", "type": "INTEGER"}, NOTE]}},
            "has event_id as INTEGER and not STRING, body as BYTES and not STRING",
        ),
    ],
)
def test_what_cannot_be_changed_makes_a_table_unusable(change: dict[str, Any], what: str) -> None:
    with pytest.raises(Unusable) as refused:
        TABLE.plan({"table": {**FOUND, **change}})
    assert str(refused.value).splitlines() == [
        f"table sensors.events: {what}, which cannot be changed: name another dataset",
        "  fix: python -m deploy up --bigquery=ANOTHER_DATASET",
    ]


def test_a_column_that_must_have_a_value_refuses_rows_unless_pubsub_itself_fills_it() -> None:
    fields = [{**column.body, "mode": "REQUIRED"} for column in COLUMNS]
    fields[0] |= {"mode": "NULLABLE"}
    with pytest.raises(DeployError) as refused:
        TABLE.plan({"table": {**FOUND, "schema": {"fields": [*fields[:2], *fields[7:], NOTE]}}})
    sql = "; ".join(f"{ALTER} ALTER COLUMN `{name}` DROP NOT NULL" for name in ("event_type", "body"))
    assert str(refused.value).splitlines() == [
        "table sensors.events: refuses rows without event_type, body, and not every event has them",
        f"  fix: {' '.join(QUERY)} --use_legacy_sql=false '{sql}'",
        "  fix: python -m deploy up --bigquery=ANOTHER_DATASET",
    ]


def test_a_table_without_the_label_is_not_touched_and_the_command_that_adds_it_is_shown() -> None:
    assert TABLE.not_ours({"table": None}) is None
    with pytest.raises(DeployError) as refused:
        TABLE.plan({"table": {**FOUND, "labels": {}}})
    assert refused.value.fix == (
        f"bq update --set_label=dt-pubsub:dt-pubsub {PROJECT}:sensors.events",
        "python -m deploy up --bigquery=ANOTHER_DATASET",
    )
