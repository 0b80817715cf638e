"""``up --bigquery``: what it makes, in which order, that it can be interrupted anywhere, and what stays by hand."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from deploy.bigquery.blueprint import VIEWS, Writer, subscription_body
from deploy.bigquery.place import Place
from deploy.bigquery.transform import FILE, transforms
from deploy.errors import Aborted, ApplyFailed, NotOwned
from deploy.google.calls import Call
from deploy.spec import Warehouse
from deploy.steps import Argv
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT, SERVICE_AGENT
from tests.deploy.resources.bigquery.conftest import SENSORS, forget
from tests.deploy.stage import Stage
from tests.emulators.clouds.google.bigquery.access import resource_of
from tests.emulators.clouds.google.problems import Problem

DATASETS = f"https://bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}/datasets"
SUBSCRIPTION = ("subscriptions", "dt-events-bigquery")
ROWS = [view.name for view in VIEWS]


def made(stage: Stage) -> list[str]:
    """Return what a plan creates, in its order."""
    return [line.split("  ")[1].strip() for line in stage.shown.splitlines() if line.startswith("+ create")]


def table(stage: Stage, name: str = "events") -> Any:
    """Return a table or view as BigQuery has it."""
    return stage.api.bigquery.catalog.tables["sensors", name]


def test_up_makes_table_views_role_and_subscription_and_a_plan_is_empty_then(stored: Stage) -> None:
    assert stored.deployment(bigquery=SENSORS).plan() == NOTHING_TO_DO
    assert stored.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    assert stored.api.changes() == []
    dataset = stored.api.bigquery.catalog.datasets["sensors"]
    assert (dataset["location"], dataset["labels"]) == ("europe-west1", {"dt-pubsub": "dt-pubsub"})
    assert table(stored)["timePartitioning"] == {"type": "DAY", "field": "event_time"}
    assert {name for _, name in stored.api.bigquery.catalog.tables} == {"events", *ROWS}
    assert all(table(stored, name)["labels"]["dt-pubsub"] == "dt-pubsub" for name in ROWS)
    topics = f"projects/{PROJECT}/topics"
    place = Place(PROJECT, "sensors", "europe-west1")
    wanted = subscription_body(place, Writer(f"{topics}/dt-events", f"{topics}/dt-events-unwritten"), {})
    found = stored.google.things[SUBSCRIPTION]
    for member in ("topic", "messageTransforms", "deadLetterPolicy", "expirationPolicy", "messageRetentionDuration"):
        assert found[member] == wanted[member]
    assert found["bigqueryConfig"] == {**wanted["bigqueryConfig"], "state": "ACTIVE"}


def test_pubsub_may_write_the_table_and_move_dead_letters_and_nothing_else(stored: Stage) -> None:
    member = f"serviceAccount:{SERVICE_AGENT}"
    policy = stored.api.iam.get(resource_of(PROJECT, "sensors", "events"))
    assert policy["bindings"] == [{"role": "roles/bigquery.dataEditor", "members": [member]}]
    granted = {
        (name, binding["role"])
        for name, bindings in stored.google.policies.items()
        for binding in bindings
        if member in binding["members"]
    }
    assert granted == {
        ("topics dt-events-unwritten", "roles/pubsub.publisher"),
        ("subscriptions dt-events-bigquery", "roles/pubsub.subscriber"),
    }


def test_everything_is_there_before_what_needs_it_and_before_the_first_event(stage: Stage) -> None:
    stage.deployment(bigquery=SENSORS).plan()
    order = made(stage)
    wanted = [
        "topic dt-events-unwritten",
        "Pub/Sub's service agent",
        "Pub/Sub as publisher on topic dt-events-unwritten",
        "dataset sensors",
        "table sensors.events",
        "Pub/Sub as dataEditor on table sensors.events",
        "views of dataset sensors",
        "subscription dt-events-bigquery",
        "Pub/Sub as subscriber on subscription dt-events-bigquery",
        "connector in c0md3pm0p7bet3vico8g",
    ]
    assert [title for title in order if title in wanted] == wanted


def test_a_plan_shows_the_commands_that_do_the_same_by_hand_and_json_has_all_of_each(stage: Stage) -> None:
    stage.deployment(bigquery=SENSORS, in_json=True).plan()
    calls = {step["resource"]: step["call"] for step in stage.in_json()["steps"]}
    bq = f"bq --project_id={PROJECT} "
    assert calls["dataset sensors"].startswith(f"{bq}mk --dataset --location=europe-west1 ")
    assert calls["dataset sensors"].endswith(f" --label=dt-pubsub:dt-pubsub {PROJECT}:sensors")
    assert f"{bq}query --location=europe-west1 --use_legacy_sql=false 'CREATE TABLE `" in calls["table sensors.events"]
    script = shlex.split(calls["views of dataset sensors"])[-1]
    assert re.findall(rf"^CREATE OR REPLACE VIEW `{PROJECT}\.sensors\.(\w+)`", script, re.MULTILINE) == ROWS
    role = f"--role=roles/bigquery.dataEditor {PROJECT}:sensors.events"
    assert calls["Pub/Sub as dataEditor on table sensors.events"].endswith(role)
    written = shlex.split(calls["subscription dt-events-bigquery"])
    assert written[:4] == ["gcloud", "pubsub", "subscriptions", "create"]
    assert f"--message-transforms-file={FILE}" in written
    assert "--message-retention-duration=31d" in written
    assert "--labels=dt-pubsub=dt-pubsub,dt-pubsub-writes-since=$(date +%s)" in written


def test_a_plan_has_a_line_for_each_view_and_shows_the_sql_only_if_it_is_asked_for(stage: Stage) -> None:
    stage.deployment(bigquery=SENSORS).plan()
    shown, lines = stage.shown, stage.shown.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("+ create  views of dataset sensors"))
    names = [line.split()[0] for line in lines[first + 1 : first + 1 + len(VIEWS)]]
    assert names == [view.name for view in VIEWS]
    assert "            device_daily            A summary of each day of each device\n" in shown
    assert lines[first + 1 + len(VIEWS)].strip() == "by bq query, whose SQL `python -m deploy plan --commands` shows"
    assert "VIEW" not in shown
    assert "CREATE TABLE" not in shown
    stage.deployment(bigquery=SENSORS).run("plan", commands=True)
    whole = stage.shown.removeprefix(shown)
    assert re.findall(r"CREATE OR REPLACE VIEW `[\w-]+\.sensors\.(\w+)`", whole) == names
    assert f"bq --project_id={PROJECT} query --location=europe-west1 --use_legacy_sql=false 'CREATE TABLE `" in whole
    assert "plan --commands" not in whole


def test_the_file_of_the_transforms_is_fresh() -> None:
    assert json.loads(Path(FILE).read_text("utf-8")) == transforms(), "make schema writes it"


def test_the_location_of_a_new_dataset_is_that_of_the_settings(stage: Stage) -> None:
    in_europe = Warehouse("sensors", "EU")
    assert stage.deployment(bigquery=in_europe).up(verify=False) == NOTHING_TO_DO
    assert stage.api.bigquery.catalog.datasets["sensors"]["location"] == "EU"
    assert stage.deployment(bigquery=in_europe).plan() == NOTHING_TO_DO
    assert stage.deployment(bigquery=SENSORS).plan() == NOTHING_TO_DO  # without a setting it stays where it is


def test_another_location_is_refused_before_anything_is_tried(stored: Stage) -> None:
    with pytest.raises(NotOwned) as refused:
        stored.deployment(bigquery=Warehouse("sensors", "US"), digest="d2").up(verify=False)
    text = str(refused.value)
    assert "dataset sensors: is in europe-west1 and not in US, and a dataset cannot be moved" in text
    assert "python -m deploy up --bigquery-location=europe-west1" in text
    assert "hint: if deploy.toml or DEPLOY_BIGQUERY_LOCATION says US, change it there to europe-west1" in text
    assert stored.google.changes() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timePartitioning": {"type": "HOUR", "field": "event_time"}}, "has a partition for each hour of event_time"),
        ({"timePartitioning": {"type": "DAY"}}, "has a partition for each day of arrival"),
        ({"timePartitioning": None}, "has no partitions"),
        ({"type": "VIEW"}, "is not a table, but has the type VIEW"),
        (
            {"schema": {"fields": [{"name": "EVENT_TIME", "type": "STRING"}]}},
            "has event_time as STRING and not TIMESTAMP",
        ),
    ],
)
def test_a_table_that_cannot_be_changed_is_said_before_anything_is_tried(
    stored: Stage, change: dict[str, Any], words: str
) -> None:
    table(stored).update(change)
    with pytest.raises(NotOwned) as refused:
        stored.deployment(bigquery=SENSORS, digest="d2").up(verify=False)
    assert words in str(refused.value)
    assert "fix: python -m deploy up --bigquery=ANOTHER_DATASET" in str(refused.value)
    assert stored.google.changes() == []


def test_a_column_that_refuses_rows_without_it_is_said_with_the_command_that_changes_it(stored: Stage) -> None:
    fields = table(stored)["schema"]["fields"]
    fields.append({"name": "site", "type": "STRING", "mode": "REQUIRED"})
    for field in fields:
        field["mode"] = "REQUIRED" if field["name"] in {"event_id", "message_id", "site"} else "NULLABLE"
    with pytest.raises(NotOwned, match="refuses rows without event_id, site, and not every event has them") as refused:
        stored.deployment(bigquery=SENSORS).up(verify=False)
    (line,) = [line for line in str(refused.value).splitlines() if "fix: bq" in line]
    name = f"ALTER TABLE `{PROJECT}.sensors.events` ALTER COLUMN"
    assert shlex.split(line.partition("fix: ")[2])[-1] == (
        f"{name} `event_id` DROP NOT NULL; {name} `site` DROP NOT NULL"
    )
    assert (stored.google.changes(), stored.api.changes()) == ([], [])
    fields[0]["mode"] = fields[-1]["mode"] = "NULLABLE"  # Pub/Sub gives each row a message_id
    assert stored.deployment(bigquery=SENSORS).plan() == NOTHING_TO_DO


def test_a_table_is_made_by_hand_where_its_dataset_is(stage: Stage) -> None:
    stage.api.bigquery.datasets.create("sensors", {"location": "EU", "labels": {"dt-pubsub": "dt-pubsub"}})
    stage.google.services.add("bigquery.googleapis.com")
    stage.deployment(bigquery=SENSORS, in_json=True).plan()
    calls = {step["resource"]: step["call"] for step in stage.in_json()["steps"]}
    for resource in ("table sensors.events", "views of dataset sensors"):
        assert "query --location=EU --use_legacy_sql=false" in calls[resource]


def test_a_dataset_table_or_view_of_others_is_not_touched_and_the_command_that_adopts_it_is_shown(stage: Stage) -> None:
    theirs = {
        "datasetReference": {"projectId": PROJECT, "datasetId": "sensors"},
        "location": "EU",
        "labels": {"a": "b"},
    }
    stage.google.has_everything_on()
    stage.google.services.add("bigquery.googleapis.com")
    stage.api.bigquery.datasets.create("sensors", theirs)
    with pytest.raises(NotOwned) as refused:
        stage.deployment(bigquery=SENSORS).up(verify=False)
    assert f"bq update --set_label=dt-pubsub:dt-pubsub {PROJECT}:sensors" in str(refused.value)
    assert stage.api.changes() == []


@pytest.mark.parametrize("name", ["events", "temperature"])
def test_a_table_or_view_of_others_with_a_name_of_ours_is_not_touched(stored: Stage, name: str) -> None:
    table(stored, name)["labels"] = {"team": "analysts"}
    with pytest.raises(NotOwned) as refused:
        stored.deployment(bigquery=SENSORS).plan()
    assert f"bq update --set_label=dt-pubsub:dt-pubsub {PROJECT}:sensors.{name}" in str(refused.value)


def test_tables_and_views_of_others_beside_ours_are_left_alone(stored: Stage) -> None:
    catalog = stored.api.bigquery.catalog.tables
    theirs = {"tableReference": {"projectId": PROJECT, "datasetId": "sensors", "tableId": "notes"}, "type": "TABLE"}
    catalog["sensors", "notes"] = dict(theirs)
    assert stored.deployment(bigquery=SENSORS, labels={"team": "x"}).up(verify=False) == NOTHING_TO_DO
    assert catalog["sensors", "notes"] == theirs
    assert stored.deployment(bigquery=SENSORS, labels={"team": "x"}).plan() == NOTHING_TO_DO
    assert table(stored, "temperature")["labels"]["team"] == "x"


def test_only_the_views_that_differ_are_made_again_and_labels_of_others_stay(stored: Stage) -> None:
    old = {**table(stored, "co2")["labels"], "dt-pubsub-digest": "0123456789abcdef", "team": "air"}
    table(stored, "co2")["labels"] = old
    del stored.api.bigquery.catalog.tables["sensors", "touch"]
    assert stored.deployment(bigquery=SENSORS, in_json=True).plan() == CHANGES
    (step,) = [step for step in stored.in_json()["steps"] if step["action"] != "keep"]
    assert (step["resource"], step["reason"]) == (
        "views of dataset sensors",
        "missing or of another version: touch, co2",
    )
    assert stored.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    assert table(stored, "co2")["labels"]["team"] == "air"
    assert table(stored, "co2")["labels"]["dt-pubsub-digest"] != "0123456789abcdef"
    assert stored.api.changes() == [("POST", f"{DATASETS.removesuffix('/datasets')}/queries")]


def test_what_a_person_has_changed_stays_and_a_plan_shows_it(stored: Stage) -> None:
    table(stored, "temperature")["view"]["query"] = "SELECT 1 AS celsius"
    table(stored)["description"] = "ours"
    table(stored)["timePartitioning"]["expirationMs"] = str(90 * 86_400_000)
    stored.api.bigquery.catalog.datasets["sensors"]["defaultTableExpirationMs"] = str(60 * 86_400_000)
    found = stored.google.things[SUBSCRIPTION]
    found |= {"messageRetentionDuration": "86400s", "filter": 'attributes.eventType = "touch"'}
    found["deadLetterPolicy"] = {"deadLetterTopic": "projects/elsewhere/topics/dt-events-unwritten"}
    assert stored.deployment(bigquery=SENSORS).plan() == NOTHING_TO_DO
    assert "rows are deleted after 90 d, set elsewhere" in stored.shown
    assert "tables are deleted after 60 d, set elsewhere" in stored.shown
    assert "a message goes to projects/elsewhere/topics/dt-events-unwritten, set elsewhere" in stored.shown
    assert 'takes only messages that match attributes.eventType = "touch", set elsewhere' in stored.shown


def test_a_column_that_is_missing_is_added_and_those_of_others_stay(stored: Stage) -> None:
    fields, note = table(stored)["schema"]["fields"], {"name": "note", "type": "STRING", "mode": "NULLABLE"}
    table(stored)["schema"]["fields"] = [*fields[:-1], note]
    stored.api.bigquery.warehouse.add_columns("sensors", "events", [note])
    stored.api.bigquery.warehouse.run('ALTER TABLE "sensors"."events" DROP COLUMN "attributes"')
    assert stored.deployment(bigquery=SENSORS).plan() == CHANGES
    assert "~ update  table sensors.events" in stored.shown
    assert "column attributes none -> JSON" in stored.shown
    assert f"ALTER TABLE `{PROJECT}.sensors.events` ADD COLUMN IF NOT EXISTS attributes JSON" in stored.shown
    assert stored.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    assert [field["name"] for field in table(stored)["schema"]["fields"]][-2:] == ["note", "attributes"]


@pytest.mark.parametrize(
    ("change", "words", "flag"),
    [
        ({"bigqueryConfig": {"table": f"{PROJECT}.old.events"}}, "bigqueryConfig.table", "--use-table-schema"),
        ({"messageTransforms": []}, "messageTransforms", "--message-transforms-file="),
        ({"deadLetterPolicy": None}, "deadLetterPolicy", "--dead-letter-topic=dt-events-unwritten"),
        (
            {"deadLetterPolicy": {"deadLetterTopic": "_deleted-topic_", "maxDeliveryAttempts": 100}},
            "deadLetterPolicy.deadLetterTopic _deleted-topic_ -> ",
            "--dead-letter-topic=dt-events-unwritten",
        ),
        ({"expirationPolicy": {"ttl": "86400s"}}, "expiration 86400s -> never", "--expiration-period=never"),
        ({"labels": {"dt-pubsub": "dt-pubsub", "site": "x"}}, "", ""),
    ],
)
def test_a_subscription_that_differs_is_changed_in_one_command(
    stored: Stage, change: dict[str, Any], words: str, flag: str
) -> None:
    stored.google.things[SUBSCRIPTION].update(change)
    stored.deployment(bigquery=SENSORS).plan()
    assert words in stored.shown
    assert stored.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    updates = [line for line in stored.google.changes() if line.startswith("pubsub subscriptions update")]
    assert [flag in line for line in updates] == [True] * bool(flag)
    assert stored.deployment(bigquery=SENSORS).plan() == NOTHING_TO_DO


def test_an_account_that_was_set_by_hand_survives_an_update_which_replaces_the_whole_configuration(
    stored: Stage,
) -> None:
    email = f"writer@{PROJECT}.iam.gserviceaccount.com"
    stored.google.things[SUBSCRIPTION]["bigqueryConfig"] = {"table": "p.d.t", "serviceAccountEmail": email}
    stored.deployment(bigquery=SENSORS).plan()
    assert f"--bigquery-service-account-email={email}" in stored.shown


@pytest.mark.parametrize("change", [{"detached": True}, {"topic": f"projects/{PROJECT}/topics/others"}])
def test_a_subscription_that_gets_no_events_has_to_be_deleted_first(stored: Stage, change: dict[str, Any]) -> None:
    stored.google.things[SUBSCRIPTION].update(change)
    with pytest.raises(NotOwned, match="gcloud pubsub subscriptions delete dt-events-bigquery"):
        stored.deployment(bigquery=SENSORS).plan()


def test_another_dataset_is_made_and_written_from_now_on_and_the_old_one_stays(stored: Stage) -> None:
    other = Warehouse("events2")
    assert stored.deployment(bigquery=other).up(verify=False) == NOTHING_TO_DO
    assert sorted(stored.api.bigquery.catalog.datasets) == ["events2", "sensors"]
    assert stored.google.things[SUBSCRIPTION]["bigqueryConfig"]["table"] == f"{PROJECT}.events2.events"


def test_a_subscription_that_google_refuses_until_it_knows_the_role_is_made_after_a_wait(stage: Stage) -> None:
    denied = "PERMISSION_DENIED: The caller does not have permission"
    stage.google.stumbles = [("pubsub subscriptions create dt-events-bigquery", denied)] * 3
    began_at = stage.clock()
    assert stage.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    assert stage.google.stumbles == []
    assert stage.clock() - began_at >= 7
    assert "again in" in stage.noted


def test_a_refusal_that_lasts_stops_up_and_the_next_up_does_the_rest(stage: Stage) -> None:
    denied = "PERMISSION_DENIED: The caller does not have permission"
    stage.google.stumbles = [("pubsub subscriptions create dt-events-bigquery", denied)] * 20
    with pytest.raises(ApplyFailed, match="subscription dt-events-bigquery") as failed:
        stage.deployment(bigquery=SENSORS).up(verify=False)
    assert failed.value.fix[-1] == "python -m deploy up"
    stage.google.stumbles = []
    assert stage.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    assert stage.deployment(bigquery=SENSORS).plan() == NOTHING_TO_DO


REQUESTS = [
    ("POST", "/datasets"),
    ("POST", "/sensors/tables"),
    ("POST", "/events:setIamPolicy"),
    ("POST", "/queries"),
]
"""The requests that make something in BigQuery."""


@pytest.mark.parametrize(("method", "end"), REQUESTS)
def test_a_lost_answer_makes_nothing_twice_and_is_no_error(stage: Stage, method: str, end: str) -> None:
    stage.api.lost = [(method, end)]
    assert stage.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    assert stage.api.lost == []
    assert stage.deployment(bigquery=SENSORS).plan() == NOTHING_TO_DO


@pytest.mark.parametrize(("method", "end"), REQUESTS)
def test_an_up_that_is_killed_at_a_request_is_finished_by_the_next_one(stage: Stage, method: str, end: str) -> None:
    def killed(call: Call) -> None:
        if call.method == method and call.url.endswith(end):
            raise KeyboardInterrupt

    stage.api.before = killed
    with pytest.raises(ApplyFailed, match="interrupted"):
        stage.deployment(bigquery=SENSORS).up(verify=False)
    stage.api.before = lambda _: None
    assert stage.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    assert stage.deployment(bigquery=SENSORS).plan() == NOTHING_TO_DO


def test_what_passes_by_itself_is_repeated(stage: Stage) -> None:
    missing = f"Service account {SERVICE_AGENT} does not exist."
    stage.api.stumbles = [
        ("POST", "/datasets", Problem("UNAVAILABLE", "Try again.")),
        ("POST", "/sensors/tables", Problem("UNAVAILABLE", "Try again.")),
        ("POST", "/events:setIamPolicy", Problem("INVALID_ARGUMENT", missing)),
    ]
    assert stage.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    assert stage.api.stumbles == []


def test_a_dataset_that_others_make_during_up_stops_it(stage: Stage) -> None:
    def appear(argv: Argv) -> None:
        if argv[:3] == ("pubsub", "topics", "create") and "sensors" not in stage.api.bigquery.catalog.datasets:
            stage.api.bigquery.datasets.create("sensors", {"location": "EU"})

    stage.google.before = appear
    with pytest.raises(ApplyFailed, match="dataset sensors: exists, but does not have the label"):
        stage.deployment(bigquery=SENSORS).up(verify=False)


def test_without_a_setting_bigquery_is_left_alone_and_the_plan_says_that_it_was_not_compared(stored: Stage) -> None:
    assert stored.deployment().plan() == NOTHING_TO_DO
    assert "nothing to do: all but BigQuery is as it should be" in stored.shown
    how = "python -m deploy plan --bigquery=sensors, or [bigquery] in deploy.toml, compares it"
    assert f"note: events are stored in BigQuery dataset sensors, which was not compared: {how}" in stored.noted
    assert stored.deployment().up(verify=False) == NOTHING_TO_DO
    assert SUBSCRIPTION in stored.google.things


def test_none_ends_the_writing_and_leaves_the_data_and_the_events_that_bigquery_has_refused(stored: Stage) -> None:
    nothing = Warehouse("")
    assert stored.deployment(bigquery=nothing).plan() == CHANGES
    assert stored.deployment(bigquery=nothing).up(verify=False) == NOTHING_TO_DO
    assert SUBSCRIPTION not in stored.google.things
    assert table(stored)
    assert {("subscriptions", "dt-events-unwritten"), ("topics", "dt-events-unwritten")} <= {*stored.google.things}
    assert "gcloud pubsub subscriptions delete dt-events-unwritten" in stored.shown
    forget(stored)
    assert stored.deployment(bigquery=nothing).plan() == NOTHING_TO_DO
    assert stored.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO


def test_a_plan_without_the_setting_shows_how_to_end_the_storing_and_nothing_that_loses_events(stored: Stage) -> None:
    assert stored.deployment().plan() == NOTHING_TO_DO
    assert "stores events in BigQuery dataset sensors, not compared; " in stored.shown
    assert "gets the events that BigQuery dataset sensors refuses, not compared; " in stored.shown
    assert stored.shown.count("up --bigquery=none ends the storing") == 2
    assert "subscriptions delete" not in stored.shown


@pytest.mark.parametrize(
    ("unread", "lost", "asked"),
    [
        ({"dt-events-bigquery": (1234, 60)}, "; 1234 unread messages go with it", " with 1234 unread messages"),
        ({}, "; messages not yet read go with it", " with unread messages"),
    ],
)
def test_none_asks_before_it_deletes_unread_messages_with_their_number_if_google_has_counted_them(
    stored: Stage, unread: dict[str, tuple[int, int]], lost: str, asked: str
) -> None:
    stored.unread |= unread
    with pytest.raises(Aborted):
        stored.deployment(bigquery=Warehouse(""), yes=False, answer="n\n").up(verify=False)
    assert SUBSCRIPTION in stored.google.things
    assert f"marked dt-pubsub=dt-pubsub{lost}" in stored.shown
    assert f", and delete subscription dt-events-bigquery{asked} permanently?" in stored.noted


def test_none_asks_nothing_about_messages_if_there_are_none(stored: Stage) -> None:
    stored.unread["dt-events-bigquery"] = (0, 0)
    stored.deployment(bigquery=Warehouse(""), yes=False, answer="y\n").up(verify=False)
    assert SUBSCRIPTION not in stored.google.things
    assert "permanently" not in stored.noted


def test_down_after_none_deletes_the_refused_events_with_their_topic_too(stored: Stage) -> None:
    assert stored.deployment(bigquery=Warehouse("")).up(verify=False) == NOTHING_TO_DO
    stored.unread["dt-events-unwritten"] = (7, 60)
    assert stored.deployment(bigquery=Warehouse("")).down() == NOTHING_TO_DO
    assert "in no settings; 7 unread messages go with it" in stored.shown
    assert stored.google.things == {}


def test_up_ends_with_the_dataset_a_query_and_the_cost_and_how_to_keep_the_setting(stage: Stage) -> None:
    deployment = stage.deployment(bigquery=SENSORS)
    vars(deployment.context.flags)["bigquery.dataset"] = "sensors"
    assert deployment.up(verify=False) == NOTHING_TO_DO
    last = {head: rest.strip() for head, _, rest in (line.partition("  ") for line in stage.shown.splitlines())}
    assert last["BigQuery"].endswith('the next up leaves it as it is: bigquery = { dataset = "sensors" }')
    assert f"FROM `{PROJECT}.sensors.device_latest`" in last["query it"]
    assert last["dataset sensors"].startswith("https://console.cloud.google.com/bigquery?p=cold-chain-prod&d=sensors")
    assert "beyond that, BigQuery stores the events, which after a year is $3.41 a month for a thousand" in stage.shown
    assert "$1.33" not in stage.shown
