"""BigQuery of the offline clouds: as strict as Google's where a deployment or a user of ``bq`` can notice it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulators.asked import Asked
from tests.emulators.clients import Heard

PROJECT = "demo-proj"
PROJECTS = f"bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}"
DATASETS = f"{PROJECTS}/datasets"
SENSORS = f"{DATASETS}/sensors"
TABLES = f"{SENSORS}/tables"
EVENTS = f"{TABLES}/events"
COLUMNS = [
    {"name": "device_id", "type": "STRING", "mode": "REQUIRED"},
    {"name": "at", "type": "TIMESTAMP"},
    {"name": "celsius", "type": "FLOAT64", "description": "degrees"},
]
AGENT = "service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"


@pytest.fixture
def ask() -> Iterator[Asked]:
    """Google with a project without datasets."""
    asked = Asked()
    yield asked
    asked.close()


def dataset(**settings: Any) -> dict[str, Any]:
    """Return the body of a dataset."""
    return {"datasetReference": {"projectId": PROJECT, "datasetId": "sensors"}, "location": "europe-west1", **settings}


def table(name: str = "events", **settings: Any) -> dict[str, Any]:
    """Return the body of a table with three columns, partitioned and clustered."""
    return {
        "tableReference": {"projectId": PROJECT, "datasetId": "sensors", "tableId": name},
        "schema": {"fields": COLUMNS},
        "timePartitioning": {"type": "DAY", "field": "at"},
        "clustering": {"fields": ["device_id"]},
        **settings,
    }


def view(query: str) -> dict[str, Any]:
    """Return the body of a view."""
    reference = {"projectId": PROJECT, "datasetId": "sensors", "tableId": "warm"}
    return {"tableReference": reference, "view": {"query": query, "useLegacySql": False}}


def run(ask: Asked, sql: str, **more: Any) -> Heard:
    """Run a query."""
    return ask("POST", f"{PROJECTS}/queries", {"query": sql, "useLegacySql": False, **more})


def values(heard: Heard) -> list[list[Any]]:
    """Return the rows of an answer."""
    assert heard.status == 200, heard.sentence
    return [[cell["v"] for cell in row["f"]] for row in heard.json.get("rows", [])]


def reason(heard: Heard) -> tuple[int, str, str]:
    """Return status, reason and text of a refusal."""
    return heard.status, heard.json["error"]["errors"][0]["reason"], heard.sentence


@pytest.fixture
def events(ask: Asked) -> Asked:
    """Google with a dataset and a table."""
    assert ask("POST", DATASETS, dataset()).status == 200
    assert ask("POST", TABLES, table()).status == 200
    return ask


# datasets


def test_a_dataset_gets_googles_defaults(ask: Asked) -> None:
    made = ask("POST", DATASETS, dataset(location="")).json

    assert (made["id"], made["location"], made["type"]) == (f"{PROJECT}:sensors", "US", "DEFAULT")
    assert {"role": "OWNER", "userByEmail": ask.estate.caller} in made["access"]
    assert ask("GET", SENSORS).json == made
    assert [item["id"] for item in ask("GET", DATASETS).json["datasets"]] == [made["id"]]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (dataset(datasetReference={"datasetId": "a-b"}), 400, "invalid"),
        (dataset(datasetReference={"projectId": "other", "datasetId": "a"}), 400, "invalid"),
        (dataset(labels={"A": "b"}), 400, "invalid"),
        (dataset(labels={"a": "B"}), 400, "invalid"),
        (dataset(location="x y"), 400, "invalid"),
        (dataset(nope=1), 400, "invalid"),
        (dataset(access=[{"role": "nope", "userByEmail": "a@b.org"}]), 400, "invalid"),
        (dataset(access=[{"role": "READER"}]), 400, "invalid"),
        (
            dataset(access=[{"role": "WRITER", "userByEmail": f"nobody@{PROJECT}.iam.gserviceaccount.com"}]),
            400,
            "invalid",
        ),
    ],
    ids=str,
)
def test_a_dataset_that_bigquery_would_not_make_is_refused(ask: Asked, body: Any, status: int, why: str) -> None:
    assert reason(ask("POST", DATASETS, body))[:2] == (status, why)
    assert "datasets" not in ask("GET", DATASETS).json


def test_what_exists_cannot_be_made_again(events: Asked) -> None:
    assert reason(events("POST", DATASETS, dataset())) == (
        409,
        "duplicate",
        f"Already Exists: Dataset {PROJECT}:sensors",
    )
    again = reason(events("POST", TABLES, table()))
    assert again == (409, "duplicate", f"Already Exists: Table {PROJECT}:sensors.events")


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (f"{DATASETS}/none", f"Dataset {PROJECT}:none"),
        (f"{DATASETS}/none/tables/events", f"Dataset {PROJECT}:none"),
        (f"{DATASETS}/none/routines", f"Dataset {PROJECT}:none"),
        (f"{DATASETS}/none/models", f"Dataset {PROJECT}:none"),
        (f"{TABLES}/none", f"Table {PROJECT}:sensors.none"),
    ],
)
def test_what_does_not_exist_is_named(events: Asked, url: str, what: str) -> None:
    assert reason(events("GET", url)) == (404, "notFound", f"Not found: {what}")


def test_a_dataset_with_tables_is_deleted_only_with_its_contents(events: Asked) -> None:
    assert reason(events("DELETE", SENSORS)) == (400, "resourceInUse", f"Dataset {PROJECT}:sensors is still in use")
    assert len(events.google.left()) == 2
    assert events("DELETE", f"{SENSORS}?deleteContents=true").status == 204
    assert events.google.left() == []


@pytest.mark.parametrize("kind", ["routine", "model"])
def test_routines_and_models_are_listed_in_pages(events: Asked, kind: str) -> None:
    url = f"{SENSORS}/{kind}s"
    assert events("GET", url).json == {}
    assert events("POST", DATASETS, dataset(datasetReference={"datasetId": "other"})).status == 200
    for place, name in (("sensors", "b"), ("other", "d"), ("sensors", "c"), ("sensors", "a")):
        events.google.bigquery.extras.add(kind, place, name)
    events.google.bigquery.extras.add("model" if kind == "routine" else "routine", "sensors", "e")

    first = events("GET", f"{url}?maxResults=2").json
    rest = events("GET", f"{url}?maxResults=2&pageToken={first['nextPageToken']}").json

    names = [[item[f"{kind}Reference"][f"{kind}Id"] for item in page[f"{kind}s"]] for page in (first, rest)]
    assert (names, "nextPageToken" in rest) == ([["a", "b"], ["c"]], False)
    assert events("GET", f"{url}?filter=x").status == 400


@pytest.mark.parametrize("kind", ["routine", "model"])
def test_a_routine_or_a_model_holds_its_dataset_and_goes_with_it(ask: Asked, kind: str) -> None:
    assert ask("POST", DATASETS, dataset()).status == 200
    ask.google.bigquery.extras.add(kind, "sensors", "mine")
    place = f"projects/{PROJECT}/datasets/sensors"
    assert ask.google.left() == [place, f"{place}/{kind}s/mine"]

    assert reason(ask("DELETE", SENSORS))[:2] == (400, "resourceInUse")
    assert ask("DELETE", f"{SENSORS}?deleteContents=true").status == 204
    assert ask.google.left() == []


def test_a_dataset_keeps_its_location_for_life(events: Asked) -> None:
    assert reason(events("PATCH", SENSORS, {"location": "EU"}))[:2] == (400, "invalid")
    changed = events("PATCH", SENSORS, {"description": "new", "labels": {"a": "b"}}).json
    assert (changed["description"], changed["location"]) == ("new", "europe-west1")
    assert "description" not in events("PUT", SENSORS, dataset()).json


@pytest.mark.parametrize("url", [SENSORS, EVENTS])
def test_a_change_with_the_etag_of_an_earlier_version_is_refused(events: Asked, url: str) -> None:
    before = events("GET", url).json["etag"]
    after = events("PATCH", url, {"labels": {"a": "b"}}, {"if-match": before})

    assert after.json["etag"] != before
    assert reason(events("PATCH", url, {"labels": {}}, {"if-match": before})) == (
        412,
        "conditionNotMet",
        "Precondition check failed.",
    )
    assert events("DELETE", f"{url}", headers={"if-match": before}).status == 412
    assert events("GET", url).json["labels"] == {"a": "b"}


# tables and views


def test_a_table_is_returned_with_its_schema_in_the_names_of_the_api(events: Asked) -> None:
    made = events("GET", EVENTS).json

    assert [field["type"] for field in made["schema"]["fields"]] == ["STRING", "TIMESTAMP", "FLOAT"]
    assert made["schema"]["fields"][2]["description"] == "degrees"
    assert (made["type"], made["numRows"], made["location"]) == ("TABLE", "0", "europe-west1")
    listed = events("GET", TABLES).json
    assert (listed["totalItems"], listed["tables"][0]["timePartitioning"]["field"]) == (1, "at")


@pytest.mark.parametrize(
    "settings",
    [
        {"schema": {"fields": [{"name": "a", "type": "nope"}]}},
        {"schema": {"fields": [{"name": "a b!", "type": "STRING"}]}},
        {"schema": {"fields": [{"name": "_PARTITIONTIME", "type": "STRING"}]}},
        {"schema": {"fields": [{"name": "a", "type": "STRING"}, {"name": "A", "type": "STRING"}]}},
        {"schema": {"fields": [{"name": "a", "type": "RECORD"}]}},
        {"timePartitioning": {"type": "DAY", "field": "celsius"}},
        {"timePartitioning": {"type": "DAY", "field": "none"}},
        {"timePartitioning": {"type": "WEEK", "field": "at"}},
        {"clustering": {"fields": ["celsius"]}},
        {"clustering": {"fields": ["none"]}},
        {"clustering": {"fields": ["device_id"] * 5}},
        {"labels": {"A": "b"}},
        {"nope": 1},
        {"tableReference": {"projectId": PROJECT, "datasetId": "other", "tableId": "events"}},
        {"tableReference": {"projectId": PROJECT, "datasetId": "sensors", "tableId": "a.b"}},
    ],
    ids=str,
)
def test_a_table_that_bigquery_would_not_make_is_refused(ask: Asked, settings: dict[str, Any]) -> None:
    ask("POST", DATASETS, dataset())

    assert reason(ask("POST", TABLES, table(**settings)))[:2] == (400, "invalid")
    assert ask("GET", TABLES).json["totalItems"] == 0


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (COLUMNS[:2], "Field celsius is missing in new schema"),
        ([*COLUMNS[:2], {"name": "celsius", "type": "STRING"}], "Field celsius has changed type from FLOAT to STRING"),
        (
            [*COLUMNS[:2], {**COLUMNS[2], "mode": "REQUIRED"}],
            "Field celsius has changed mode from NULLABLE to REQUIRED",
        ),
        (
            [*COLUMNS, {"name": "new", "type": "STRING", "mode": "REQUIRED"}],
            "Cannot add required fields to an existing schema. (field: new)",
        ),
    ],
    ids=["fewer", "type", "mode", "required"],
)
def test_a_schema_cannot_lose_columns_or_become_stricter(events: Asked, columns: Any, why: str) -> None:
    told = f"Provided Schema does not match Table {PROJECT}:sensors.events. {why}"
    assert reason(events("PATCH", EVENTS, {"schema": {"fields": columns}})) == (400, "invalid", told)


def test_a_schema_can_get_columns_descriptions_and_fewer_demands(events: Asked) -> None:
    relaxed = {**COLUMNS[0], "mode": "NULLABLE", "description": "new"}
    more = {"schema": {"fields": [relaxed, *COLUMNS[1:], {"name": "data", "type": "JSON"}]}}

    assert [field["name"] for field in events("PATCH", EVENTS, more).json["schema"]["fields"]][-1] == "data"
    assert values(run(events, "SELECT data FROM sensors.events")) == []


def test_the_partitions_of_a_table_cannot_be_changed_but_its_clusters_can(events: Asked) -> None:
    spec = {"type": "MONTH", "field": "at"}
    refused = reason(events("PATCH", EVENTS, {"timePartitioning": spec}))
    assert refused == (400, "invalid", "Cannot change partitioning spec for a partitioned table.")
    assert events("PATCH", EVENTS, {"clustering": {"fields": ["at"]}}).json["clustering"] == {"fields": ["at"]}
    plain = table("plain", timePartitioning=None, clustering=None)
    assert events("POST", TABLES, plain).status == 200
    assert reason(events("PATCH", f"{TABLES}/plain", {"timePartitioning": spec}))[:2] == (400, "invalid")


def test_a_view_has_the_columns_of_its_query(events: Asked) -> None:
    query = "SELECT device_id, celsius > 30 AS is_warm FROM `demo-proj.sensors.events`"

    made = events("POST", TABLES, view(query)).json

    assert (made["type"], made["view"]["query"]) == ("VIEW", query)
    assert [field["type"] for field in made["schema"]["fields"]] == ["STRING", "BOOLEAN"]
    described = {"schema": {"fields": [{"name": "is_warm", "type": "BOOLEAN", "description": "above 30"}]}}
    assert events("PATCH", f"{TABLES}/warm", described).json["schema"]["fields"][1]["description"] == "above 30"
    assert values(run(events, "SELECT * FROM sensors.warm")) == []


@pytest.mark.parametrize(("kind", "written"), [("STRING", "a"), ("FLOAT64", "2.5"), ("STRING", "b")])
def test_the_same_view_has_the_columns_and_rows_of_the_cloud_that_it_is_in(ask: Asked, kind: str, written: str) -> None:
    plain = table(schema={"fields": [{"name": "found", "type": kind}]}, timePartitioning=None, clustering=None)
    assert ask("POST", DATASETS, dataset()).status == 200
    assert ask("POST", TABLES, plain).status == 200

    made = ask("POST", TABLES, view("SELECT found FROM sensors.events")).json

    assert made["schema"]["fields"][0]["type"] == kind.removesuffix("64")
    value = {"parameterType": {"type": kind}, "parameterValue": {"value": written}}
    insert = "INSERT INTO sensors.events (found) VALUES (?)"
    assert run(ask, insert, parameterMode="POSITIONAL", queryParameters=[value]).status == 200
    assert values(run(ask, "SELECT * FROM sensors.warm")) == [[written]]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (
            "SELECT * FROM sensors.none",
            (404, "notFound", f"Not found: Table {PROJECT}:sensors.none was not found in location europe-west1"),
        ),
        ("SELECT nope FROM sensors.events", (400, "invalidQuery", "Unrecognized name: nope")),
        ("SELECT (1", (400, "invalidQuery", "Syntax error: Expecting ) at [1:9]")),
    ],
    ids=["table", "column", "syntax"],
)
def test_a_view_whose_query_would_fail_is_refused(events: Asked, query: str, told: tuple[int, str, str]) -> None:
    assert reason(events("POST", TABLES, view(query))) == told
    assert events("GET", f"{TABLES}/warm").status == 404
