"""The REST bodies and the SQL of a dataset: what BigQuery and Pub/Sub get, and that all of it fits together."""

import re
from dataclasses import replace

import pytest
import sqlglot
from sqlglot import exp

from deploy.bigquery.blueprint import VIEWS, Writer, blueprint
from deploy.bigquery.measurements import EVENTS_ONCE
from deploy.bigquery.place import Place
from deploy.bigquery.table import CLUSTERS, COLUMNS, table_statement
from deploy.bigquery.transform import CODE
from deploy.bigquery.view import View
from tests.deploy.bigquery.engines import KINDS, PLACE, Warehouse, parsed

WRITER = Writer("projects/my-project/topics/dt-events", "projects/my-project/topics/dt-events-unwritten")
LABELS = {"dt-pubsub": "dt-pubsub"}
every_view = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)


def plain_casts(tree: exp.Expr) -> list[str]:
    """Return each conversion of a text to a time that does not cut the digits of its second to six."""
    casts = [cast for cast in tree.find_all(exp.Cast) if cast.to.this.name.startswith("TIMESTAMP")]
    calls = [
        call for call in tree.find_all(exp.Timestamp) if not (is_day(call.this) or isinstance(call.this, exp.DateAdd))
    ]
    parses = tree.find_all(exp.StrToTime, exp.ParseTime)
    return [found.sql("bigquery") for found in (*calls, *parses, *(cast for cast in casts if not is_cut(cast)))]


def is_day(value: exp.Expr) -> bool:
    """Return whether it is the column of a DATE."""
    return isinstance(value, exp.Column) and value.name == "day"


def is_cut(cast: exp.Cast) -> bool:
    cut = cast.this
    if not isinstance(cast, exp.TryCast) or not isinstance(cut, exp.RegexpReplace):
        return False
    return (cut.expression.name, cut.args["replacement"].name) == (r"(\.\d{6})\d+", r"\1")


def test_the_dataset_is_in_the_place() -> None:
    body = blueprint(PLACE, WRITER, LABELS).dataset
    assert body["datasetReference"] == {"projectId": "my-project", "datasetId": "sensors"}
    assert body["location"] == "europe-west1"
    assert body["labels"] == LABELS


def test_the_table_has_a_partition_for_each_day_of_the_event_and_is_clustered_by_device_and_type() -> None:
    body = blueprint(PLACE, WRITER, LABELS).table
    assert body["tableReference"] == {"projectId": "my-project", "datasetId": "sensors", "tableId": "events"}
    assert body["timePartitioning"] == {"type": "DAY", "field": "event_time"}
    assert body["clustering"] == {"fields": ["device_id", "event_type", "event_time"]}
    assert [(field["name"], field["type"]) for field in body["schema"]["fields"]] == [
        ("event_id", "STRING"),
        ("event_type", "STRING"),
        ("device_id", "STRING"),
        ("project_id", "STRING"),
        ("event_time", "TIMESTAMP"),
        ("data", "JSON"),
        ("labels", "JSON"),
        ("body", "STRING"),
        ("publish_time", "TIMESTAMP"),
        ("message_id", "STRING"),
        ("subscription_name", "STRING"),
        ("attributes", "JSON"),
    ]
    assert {field["mode"] for field in body["schema"]["fields"]} == {"NULLABLE"}
    assert all(field["description"] for field in body["schema"]["fields"])


def test_the_subscription_writes_rows_keeps_31_days_and_gives_up_into_the_dead_letter_topic() -> None:
    assert blueprint(PLACE, WRITER, LABELS).subscription == {
        "topic": "projects/my-project/topics/dt-events",
        "bigqueryConfig": {
            "table": "my-project.sensors.events",
            "useTableSchema": True,
            "writeMetadata": True,
            "dropUnknownFields": True,
        },
        "messageTransforms": [{"javascriptUdf": {"functionName": "row", "code": CODE}}],
        "deadLetterPolicy": {
            "deadLetterTopic": "projects/my-project/topics/dt-events-unwritten",
            "maxDeliveryAttempts": 100,
        },
        "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
        "messageRetentionDuration": "2678400s",
        "expirationPolicy": {},
        "labels": LABELS,
    }


def test_the_subscription_can_write_as_an_account_of_its_own() -> None:
    writer = Writer(WRITER.topic, WRITER.dead_letter_topic, "writer@my-project.iam.gserviceaccount.com")
    config = blueprint(PLACE, writer, LABELS).subscription["bigqueryConfig"]
    assert config["serviceAccountEmail"] == "writer@my-project.iam.gserviceaccount.com"


def test_each_statement_makes_a_view_after_all_that_it_reads() -> None:
    made = {"events"}
    for view, statement in zip(VIEWS, blueprint(PLACE, WRITER, LABELS).statements, strict=True):
        assert statement.startswith(f"CREATE OR REPLACE VIEW `my-project.sensors.{view.name}` (")
        assert view.reads <= made
        assert view.reads
        made.add(view.name)
    assert len(made) == len(VIEWS) + 1


def test_a_table_with_another_name_is_the_one_that_views_and_subscription_use() -> None:
    place = Place("my-project", "sensors", "EU", "raw")
    made = blueprint(place, WRITER, LABELS)
    assert "FROM `my-project.sensors.raw`" in made.statements[0]
    assert made.subscription["bigqueryConfig"]["table"] == "my-project.sensors.raw"
    with pytest.raises(ValueError, match="'temperature' is the name of a view"):
        blueprint(Place("my-project", "sensors", "EU", "temperature"), WRITER, LABELS)


@pytest.mark.parametrize(
    "place",
    [
        ("My Project", "sensors", "EU", "events"),
        ("my-project", "sen-sors", "EU", "events"),
        ("my-project", "", "EU", "events"),
        ("my-project", "sensors`; DROP TABLE x", "EU", "events"),
        ("my-project", "sensors", "", "events"),
        ("my-project", "sensors", "EU", "ev.ents"),
    ],
)
def test_names_that_bigquery_would_not_take_are_refused(place: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"cannot be the (project|dataset|location|table) of a BigQuery table"):
        Place(*place)


def test_a_project_with_a_domain_is_quoted_as_one_name() -> None:
    assert Place("example.com:my-project", "d", "EU").quoted("t") == "`example.com:my-project.d.t`"


@every_view
def test_a_view_has_the_described_columns_in_their_order_and_of_their_types(view: View, warehouse: Warehouse) -> None:
    selected = parsed(view).expression.named_selects
    assert selected == [column.name for column in view.columns]
    assert warehouse.columns(view.name) == [(column.name, KINDS[column.kind]) for column in view.columns]
    described = re.findall(r'^  (\w+) OPTIONS\(description="([^"\\]+)"\)', view.statement(PLACE, LABELS), re.MULTILINE)
    assert described == [(column.name, column.description) for column in view.columns]
    marked = 'labels=[("dt-pubsub", "dt-pubsub")]'
    assert f'\nOPTIONS(description="{view.description}", {marked})' in view.statement(PLACE, LABELS)


@every_view
def test_no_view_fails_on_a_time_with_nine_digits_of_a_second(view: View) -> None:
    assert plain_casts(parsed(view)) == []


@pytest.mark.parametrize(
    "sql",
    [
        "CAST(x AS TIMESTAMP)",
        "SAFE_CAST(x AS TIMESTAMP)",
        "TIMESTAMP(JSON_VALUE(data, '$.t'))",
        "PARSE_TIMESTAMP('%c', x)",
        r"CAST(REGEXP_REPLACE(x, r'(\.\d{6})\d+', r'\1') AS TIMESTAMP)",
        r"SAFE_CAST(REGEXP_REPLACE(x, r'(\.\d{7})\d+', r'\1') AS TIMESTAMP)",
    ],
)
def test_a_plain_cast_of_a_time_would_be_found(sql: str) -> None:
    assert plain_casts(sqlglot.parse_one(f"SELECT {sql}", read="bigquery"))


def test_filters_on_the_partition_and_the_clusters_pass_the_window_that_removes_duplicates() -> None:
    (window,) = parsed(EVENTS_ONCE).find_all(exp.Window)
    assert {column.name for column in window.args["partition_by"]} == {"event_id", *CLUSTERS}


@every_view
def test_every_number_names_its_unit_or_is_a_count(view: View) -> None:
    units = ("celsius", "percent", "ppm", "pascal", "dbm", "seconds")
    counts = ("total", "increment", "events", "temperature_samples", "touches", "cloud_connectors", "begins")
    words = ("degrees Celsius", "percent", "%", "parts per million", "pascal", "dBm", "seconds")
    for column in view.columns:
        if column.kind == "FLOAT64":
            assert column.name.endswith(units)
            assert any(word in column.description for word in words)
        if column.kind == "INT64":
            assert column.name in counts


def test_the_columns_of_the_table_have_one_description_each() -> None:
    assert len({column.name for column in COLUMNS}) == len({column.description for column in COLUMNS}) == len(COLUMNS)


def test_the_statement_of_the_table_makes_the_same_table_as_the_rest_body() -> None:
    made = sqlglot.parse_one(table_statement(PLACE, LABELS), read="bigquery")
    columns = [(column.name, column.args["kind"].sql("bigquery")) for column in made.find_all(exp.ColumnDef)]
    assert columns == [(column.name, column.kind) for column in COLUMNS]
    text = table_statement(PLACE, LABELS)
    assert all(f'{column.name} {column.kind} OPTIONS(description="{column.description}")' in text for column in COLUMNS)
    assert f"PARTITION BY DATE(event_time) CLUSTER BY {', '.join(CLUSTERS)} OPTIONS(" in text
    assert text.endswith('labels=[("dt-pubsub", "dt-pubsub")])')


def test_the_digest_of_a_view_changes_with_its_sql_its_place_and_its_labels() -> None:
    other = Place("my-project", "elsewhere", "europe-west1")
    digests = [
        EVENTS_ONCE.digest(PLACE, LABELS),
        EVENTS_ONCE.digest(other, LABELS),
        EVENTS_ONCE.digest(PLACE, {**LABELS, "team": "x"}),
        replace(EVENTS_ONCE, description="Another.").digest(PLACE, LABELS),
    ]
    assert len(set(digests)) == 4
    assert all(re.fullmatch(r"[0-9a-f]{16}", digest) for digest in digests)
    assert EVENTS_ONCE.digest(PLACE, LABELS) == digests[0]
