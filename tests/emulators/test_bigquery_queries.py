"""Queries of the offline clouds' BigQuery: jobs, pages, values, parameters, definitions, and refusals."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulators.asked import Asked
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.test_bigquery import (
    DATASETS,
    EVENTS,
    PROJECT,
    PROJECTS,
    SENSORS,
    TABLES,
    dataset,
    reason,
    run,
    table,
    values,
)

INSERT = """
INSERT INTO sensors.events (device_id, at, celsius) VALUES
('d1', TIMESTAMP '2026-11-02T08:13:15.5Z', 21.5),
('d2', TIMESTAMP '2026-11-03T00:00:00Z', 4),
('d3', TIMESTAMP '2026-11-04T00:00:00Z', -1)
"""


@pytest.fixture
def ask() -> Iterator[Asked]:
    """Google with a dataset in europe-west1 and a table with three rows."""
    asked = Asked()
    assert asked("POST", DATASETS, dataset()).status == 200
    assert asked("POST", TABLES, table()).status == 200
    assert run(asked, INSERT).json["numDmlAffectedRows"] == "3"
    yield asked
    asked.close()


def begun(ask: Asked, sql: str, job: str = "one", **configuration: Any) -> dict[str, Any]:
    """Begin a job, and return it."""
    body = {
        "configuration": {"query": {"query": sql, "useLegacySql": False}, **configuration},
        "jobReference": {"projectId": PROJECT, "jobId": job},
    }
    made = ask("POST", f"{PROJECTS}/jobs", body)
    assert made.status == 200, made.sentence
    return dict(made.json)


@pytest.mark.parametrize(
    ("sql", "value", "kind"),
    [
        ("TIMESTAMP '2026-11-02T08:13:15.123456Z'", "1.793607195123456E9", "TIMESTAMP"),
        ("TIMESTAMP '1969-12-31T23:59:59.5Z'", "-0.5", "TIMESTAMP"),
        ("TIMESTAMP '1970-01-01T00:00:00Z'", "0.0", "TIMESTAMP"),
        ("DATE '2026-11-02'", "2026-11-02", "DATE"),
        ("DATETIME '2026-11-02 08:13:15'", "2026-11-02T08:13:15", "DATETIME"),
        ("21.5e0", "21.5", "FLOAT"),
        ("9007199254740993", "9007199254740993", "INTEGER"),
        ("NUMERIC '1.50'", "1.5", "NUMERIC"),
        ("TRUE", "true", "BOOLEAN"),
        ("CAST(NULL AS STRING)", None, "STRING"),
        ("b'abc'", "YWJj", "BYTES"),
        ("JSON_QUERY(JSON '{\"a\": {\"b\": 1}}', '$.a')", '{"b":1}', "JSON"),
        ("[1, 2]", [{"v": "1"}, {"v": "2"}], "INTEGER"),
        ("STRUCT(1 AS x, 'y' AS y)", {"f": [{"v": "1"}, {"v": "y"}]}, "RECORD"),
    ],
)
def test_values_are_written_as_bigquery_writes_them(ask: Asked, sql: str, value: Any, kind: str) -> None:
    answer = run(ask, f"SELECT {sql} AS v")

    assert values(answer) == [[value]]
    assert answer.json["schema"]["fields"][0]["type"] == kind


def test_rows_come_in_pages(ask: Asked) -> None:
    first = run(ask, "SELECT device_id FROM sensors.events ORDER BY 1", maxResults=2)
    assert (first.json["totalRows"], values(first)) == ("3", [["d1"], ["d2"]])
    job = first.json["jobReference"]

    place = f"{PROJECTS}/queries/{job['jobId']}?location={job['location']}&pageToken={first.json['pageToken']}"
    rest = ask("GET", place)
    assert (values(rest), "pageToken" in rest.json) == ([["d3"]], False)
    listed = ask("GET", f"{EVENTS}/data?maxResults=1&startIndex=1&selectedFields=device_id")
    assert (listed.json["totalRows"], values(listed)) == ("3", [["d2"]])


def test_a_job_is_found_only_where_it_ran(ask: Asked) -> None:
    job = begun(ask, "SELECT device_id FROM sensors.events LIMIT 1")
    assert (job["status"]["state"], job["jobReference"]["location"]) == ("DONE", "europe-west1")

    assert ask("GET", f"{PROJECTS}/jobs/one?location=europe-west1").json["id"] == f"{PROJECT}:europe-west1.one"
    assert reason(ask("GET", f"{PROJECTS}/jobs/one")) == (404, "notFound", f"Not found: Job {PROJECT}:US.one")
    assert reason(ask("GET", f"{PROJECTS}/queries/one?location=EU"))[0] == 404
    assert ask("GET", f"{PROJECTS}/jobs").json["jobs"][0]["jobReference"]["jobId"] == "one"
    again = {"configuration": {"query": {"query": "SELECT 1"}}, "jobReference": {"jobId": "one"}}
    assert reason(ask("POST", f"{PROJECTS}/jobs", again))[:2] == (409, "duplicate")


def test_a_job_that_fails_is_made_and_says_why(ask: Asked) -> None:
    job = begun(ask, "SELECT nope FROM sensors.events")

    assert job["status"]["errorResult"] == {
        "reason": "invalidQuery",
        "location": "query",
        "message": "Unrecognized name: nope",
    }
    results = ask("GET", f"{PROJECTS}/queries/one?location=europe-west1")
    assert reason(results) == (400, "invalidQuery", "Unrecognized name: nope")


@pytest.mark.parametrize(
    ("sql", "location", "told"),
    [
        (
            "SELECT 1 FROM none.events",
            "",
            (404, "notFound", f"Not found: Dataset {PROJECT}:none was not found in location US"),
        ),
        (
            "SELECT 1 FROM sensors.events",
            "EU",
            (404, "notFound", f"Not found: Dataset {PROJECT}:sensors was not found in location EU"),
        ),
        (
            "SELECT 1 FROM events",
            "",
            (400, "invalidQuery", 'Table "events" must be qualified with a dataset (e.g. dataset.table).'),
        ),
        ("SELECT nope(1)", "", (400, "invalidQuery", "Function not found: nope")),
        ("BEGIN TRANSACTION", "", (400, "invalidQuery", "BEGIN is not played here.")),
        (
            "SELECT CAST('x' AS INT64)",
            "",
            (400, "invalidQuery", "Conversion Error: Could not convert string 'x' to INT64"),
        ),
    ],
    ids=["dataset", "location", "unqualified", "function", "script", "value"],
)
def test_a_query_that_cannot_run_is_refused(ask: Asked, sql: str, location: str, told: tuple[int, str, str]) -> None:
    assert reason(run(ask, sql, location=location)) == told


def test_a_table_of_another_project_is_closed(ask: Asked) -> None:
    refused = reason(run(ask, "SELECT * FROM `other-project.sensors.events`"))

    assert refused[:2] == (403, "accessDenied")


def test_legacy_sql_is_not_played(ask: Asked) -> None:
    assert reason(ask("POST", f"{PROJECTS}/queries", {"query": "SELECT 1"}))[0] == 400


def test_a_dry_run_changes_nothing(ask: Asked) -> None:
    assert run(ask, "DROP TABLE sensors.events", dryRun=True).status == 200
    assert run(ask, "DELETE FROM sensors.events WHERE TRUE", dryRun=True).status == 200
    assert run(ask, "SELECT nope FROM sensors.events", dryRun=True).status == 400
    assert values(run(ask, "SELECT COUNT(*) FROM sensors.events")) == [["3"]]


def test_parameters_and_a_default_dataset_are_used(ask: Asked) -> None:
    since = {
        "name": "since",
        "parameterType": {"type": "TIMESTAMP"},
        "parameterValue": {"value": "2026-11-03T00:00:00Z"},
    }
    sql = "SELECT device_id FROM events WHERE at >= @since ORDER BY 1"
    more = {"parameterMode": "NAMED", "queryParameters": [since]}

    assert values(run(ask, sql, defaultDataset={"datasetId": "sensors"}, **more)) == [["d2"], ["d3"]]
    given = {"parameterType": {"type": "INT64"}, "parameterValue": {"value": "2"}}
    assert values(run(ask, "SELECT ? + 1", queryParameters=[given])) == [["3"]]
    given["parameterValue"] = {"value": "x"}
    assert reason(run(ask, "SELECT ? + 1", queryParameters=[given]))[:2] == (400, "invalid")


# definitions


VIEW = (
    "CREATE OR REPLACE VIEW sensors.warm (id OPTIONS(description='{}')) "
    "OPTIONS(description='v', labels=[('a', 'b')]) AS "
)


def test_a_view_is_made_and_replaced_with_its_descriptions(ask: Asked) -> None:
    for words, query in (
        ("one", "SELECT device_id AS id FROM sensors.events"),
        ("two", "SELECT celsius AS id FROM sensors.events"),
    ):
        done = begun(ask, VIEW.format(words) + query, job=words, dryRun=False)
        assert done["statistics"]["query"]["ddlOperationPerformed"] == {"one": "CREATE", "two": "REPLACE"}[words]
        shown = ask("GET", f"{TABLES}/warm").json
        assert (shown["view"]["query"], shown["description"], shown["labels"]) == (query, "v", {"a": "b"})
        assert shown["schema"]["fields"][0]["description"] == words


def test_a_view_over_a_table_that_is_gone_fails_until_it_is_back(ask: Asked) -> None:
    run(ask, "CREATE VIEW sensors.warm AS SELECT device_id FROM sensors.events")
    ask("DELETE", EVENTS)

    assert reason(run(ask, "SELECT * FROM sensors.warm"))[:2] == (404, "notFound")
    ask("POST", TABLES, table())
    assert values(run(ask, "SELECT * FROM sensors.warm")) == []


def test_datasets_and_tables_can_be_defined_in_sql(ask: Asked) -> None:
    assert run(ask, "CREATE SCHEMA IF NOT EXISTS other OPTIONS(location='EU')").status == 200
    assert ask("GET", f"{DATASETS}/other").json["location"] == "EU"
    columns = "a STRING NOT NULL OPTIONS(description='d'), at TIMESTAMP, n ARRAY<INT64>"
    assert run(ask, f"CREATE TABLE other.t ({columns}) PARTITION BY DATE(at) CLUSTER BY a").status == 200
    made = ask("GET", f"{DATASETS}/other/tables/t").json
    assert made["schema"]["fields"][0] == {"name": "a", "type": "STRING", "mode": "REQUIRED", "description": "d"}
    assert (made["timePartitioning"], made["clustering"]) == ({"type": "DAY", "field": "at"}, {"fields": ["a"]})
    assert made["schema"]["fields"][2]["mode"] == "REPEATED"
    assert run(ask, "DROP TABLE IF EXISTS other.none").status == 200
    assert run(ask, "DROP TABLE other.none").status == 404
    assert run(ask, "DROP VIEW other.t").status == 400
    assert run(ask, "DROP SCHEMA other").status == 400
    assert run(ask, "DROP SCHEMA other CASCADE").status == 200
    assert ask("GET", f"{DATASETS}/other").status == 404


def test_a_table_is_not_replaced_by_one_with_other_partitions(ask: Asked) -> None:
    refused = reason(run(ask, "CREATE OR REPLACE TABLE sensors.events (device_id STRING, at TIMESTAMP)"))

    assert refused[2].startswith("Cannot replace a table with a different partitioning spec.")
    assert run(ask, "CREATE OR REPLACE TABLE sensors.events (at TIMESTAMP) PARTITION BY DATE(at)").status == 200
    assert values(run(ask, "SELECT * FROM sensors.events")) == []


def test_a_script_runs_its_statements_in_turn_until_one_fails(ask: Asked) -> None:
    both = "CREATE VIEW sensors.a AS SELECT ';' AS x; CREATE VIEW sensors.b AS SELECT x FROM sensors.a; SELECT 2 AS n;"
    assert values(run(ask, both)) == [["2"]]
    assert values(run(ask, "SELECT x FROM sensors.b")) == [[";"]]

    failing = "DROP VIEW sensors.b; SELECT nope FROM sensors.events; DROP VIEW sensors.a"
    assert reason(run(ask, failing))[1] == "invalidQuery"
    assert (ask("GET", f"{TABLES}/a").status, ask("GET", f"{TABLES}/b").status) == (200, 404)


def test_a_table_can_be_altered(ask: Asked) -> None:
    add = "ALTER TABLE sensors.events ADD COLUMN IF NOT EXISTS celsius FLOAT64, ADD COLUMN IF NOT EXISTS b STRING"
    assert run(ask, add).status == 200
    assert run(ask, "ALTER TABLE sensors.events SET OPTIONS(labels=[('a', 'b')], description='d')").status == 200

    made = ask("GET", EVENTS).json
    assert [field["name"] for field in made["schema"]["fields"]] == ["device_id", "at", "celsius", "b"]
    assert (made["labels"], made["description"], made["numRows"]) == ({"a": "b"}, "d", "3")
    assert run(ask, "ALTER TABLE sensors.events ADD COLUMN b STRING").status == 400
    assert run(ask, "ALTER TABLE sensors.events DROP COLUMN b").status == 400


# who may


@pytest.mark.parametrize(
    ("method", "url", "body", "permission", "what"),
    [
        ("POST", DATASETS, dataset(), "datasets.create", f"Project {PROJECT}: User does not have"),
        ("GET", SENSORS, None, "datasets.get", f"Dataset {PROJECT}:sensors: Permission bigquery.datasets.get denied"),
        ("DELETE", SENSORS, None, "datasets.delete", f"Dataset {PROJECT}:sensors: Permission"),
        ("GET", EVENTS, None, "tables.get", f"Table {PROJECT}:sensors.events: Permission bigquery.tables.get denied"),
        ("POST", TABLES, table("b"), "tables.create", f"Dataset {PROJECT}:sensors: Permission"),
        ("GET", f"{SENSORS}/routines", None, "routines.list", f"Dataset {PROJECT}:sensors: Permission"),
        ("GET", f"{SENSORS}/models", None, "models.list", f"Dataset {PROJECT}:sensors: Permission"),
        ("POST", f"{EVENTS}:setIamPolicy", {}, "tables.setIamPolicy", f"Table {PROJECT}:sensors.events: Permission"),
        ("POST", f"{PROJECTS}/queries", {"query": "SELECT 1"}, "jobs.create", f"Project {PROJECT}: User does not have"),
    ],
)
def test_a_caller_without_the_permission_is_refused(
    ask: Asked, method: str, url: str, body: Any, permission: str, what: str
) -> None:
    ask.estate.denied.add(f"bigquery.{permission}")

    refused = reason(ask(method, url, body))

    assert refused[:2] == (403, "accessDenied")
    assert refused[2].startswith(f"Access Denied: {what}")


def test_without_the_api_everything_is_refused() -> None:
    ask = Asked(estate=Estate(enabled=set()))

    refused = ask("GET", DATASETS)

    assert reason(refused)[:2] == (403, "accessNotConfigured")
    assert refused.sentence.startswith(
        "BigQuery API has not been used in project 123456789012 before or it is disabled."
    )
    assert "SERVICE_DISABLED" in str(refused.json["error"]["details"])
    ask.close()


def test_another_project_and_a_wrong_token_are_refused(ask: Asked) -> None:
    assert ask("GET", DATASETS.replace(PROJECT, "other-project")).status == 403
    assert reason(ask("GET", DATASETS, headers={"authorization": "Bearer wrong"}))[:2] == (401, "authError")


def test_without_the_packages_of_the_engine_only_sql_is_not_played(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = "tests.emulators.clouds.google.bigquery.engine"
    monkeypatch.delitem(sys.modules, engine, raising=False)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    ask = Asked()

    assert ask("POST", DATASETS, dataset()).status == 200
    assert ask("POST", TABLES, table()).status == 200
    assert ask("GET", EVENTS).json["numRows"] == "0"
    refused = run(ask, "SELECT 1")

    assert (refused.status, refused.sentence) == (501, "SQL is only played with the package duckdb.")
    ask.close()
