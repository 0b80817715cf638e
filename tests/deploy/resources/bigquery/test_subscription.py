"""The subscription that writes the table: the commands that make and change it, and what it says of itself."""

import math
from typing import Any

import pytest

from deploy.bigquery.blueprint import Writer, subscription_body
from deploy.bigquery.place import Place
from deploy.bigquery.transform import FILE
from deploy.resources.bigquery.subscription import (
    bigquery_subscription,
    dataset_of,
    left_of_bigquery,
    state_of,
    table_of,
    writes_since,
)
from deploy.spec import Warehouse
from deploy.steps import GcloudCall, ResourceId
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

TOPICS = f"projects/{PROJECT}/topics"
WRITER = bigquery_subscription(spec(bigquery=Warehouse("sensors")))
FOUND = subscription_body(
    Place(PROJECT, "sensors", "EU"),
    Writer(f"{TOPICS}/dt-events", f"{TOPICS}/dt-events-unwritten"),
    {"dt-pubsub": "dt-pubsub"},
)
UPDATE = ("pubsub", "subscriptions", "update", "dt-events-bigquery")
PROJECT_FLAG = f"--project={PROJECT}"
TARGET = [f"--bigquery-table={PROJECT}.sensors.events", "--use-table-schema", "--write-metadata"]
TARGET += ["--drop-unknown-fields"]
TRANSFORMS = f"--message-transforms-file={FILE}"
DEAD_LETTERS = ["--dead-letter-topic=dt-events-unwritten", "--max-delivery-attempts=100"]
DEAD_LETTERS += ["--min-retry-delay=10s", "--max-retry-delay=600s"]
SINCE = "dt-pubsub-writes-since=@now@"


def planned(**changes: Any) -> Any:
    """Return the step for the subscription as it should be, but for these changes."""
    (step,) = WRITER.plan({"subscription": {**FOUND, **changes}})
    return step


def test_it_is_made_after_both_topics_the_table_and_the_account_with_the_time_since_when_it_writes() -> None:
    (step,) = WRITER.plan({"subscription": None})
    assert WRITER.after == (
        ResourceId("topic", "dt-events"),
        ResourceId("topic", "dt-events-unwritten"),
        ResourceId("table", "sensors.events"),
        ResourceId("Pub/Sub's service agent"),
    )
    flags = ("--topic=dt-events", "--expiration-period=never", "--message-retention-duration=31d", *TARGET)
    words = (*UPDATE[:2], "create", UPDATE[3], *flags, TRANSFORMS, *DEAD_LETTERS)
    assert step.call == GcloudCall((*words, f"--labels=dt-pubsub=dt-pubsub,{SINCE}", PROJECT_FLAG), needs_new_role=True)


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"bigqueryConfig": None}, [*TARGET, f"--update-labels={SINCE}"]),
        ({"bigqueryConfig": {"table": "other.d.t", "useTableSchema": True}}, [*TARGET, f"--update-labels={SINCE}"]),
        ({"messageTransforms": None}, [TRANSFORMS, f"--update-labels={SINCE}"]),
        ({"deadLetterPolicy": None}, DEAD_LETTERS),
        ({"deadLetterPolicy": {"deadLetterTopic": "_deleted-topic_"}}, DEAD_LETTERS),
        ({"expirationPolicy": {"ttl": "86400s"}}, ["--expiration-period=never"]),
        (
            {"expirationPolicy": {"ttl": "86400s"}, "messageTransforms": [], "deadLetterPolicy": {}},
            ["--expiration-period=never", TRANSFORMS, *DEAD_LETTERS, f"--update-labels={SINCE}"],
        ),
    ],
)
def test_one_command_sets_what_differs_and_notes_the_time_if_the_rows_become_others(
    changes: dict[str, Any], flags: list[str]
) -> None:
    step = planned(**changes)
    assert step.action == "update"
    assert step.call == GcloudCall((*UPDATE, *flags, PROJECT_FLAG), needs_new_role=True)


def test_a_deleted_topic_of_dead_letters_is_shown_with_the_one_that_takes_its_place() -> None:
    step = planned(deadLetterPolicy={"deadLetterTopic": "_deleted-topic_", "maxDeliveryAttempts": 100})
    assert step.reason == f"deadLetterPolicy.deadLetterTopic _deleted-topic_ -> {TOPICS}/dt-events-unwritten"


def test_a_label_is_set_together_with_the_time() -> None:
    writer = bigquery_subscription(spec(bigquery=Warehouse("sensors"), labels={"team": "air"}))
    (step,) = writer.plan({"subscription": {**FOUND, "messageTransforms": None}})
    assert isinstance(step.call, GcloudCall)
    assert step.call.argv[-2] == f"--update-labels=dt-pubsub=dt-pubsub,team=air,{SINCE}"
    (step,) = writer.plan({"subscription": FOUND})
    assert isinstance(step.call, GcloudCall)
    assert step.call.argv == (*UPDATE, "--update-labels=dt-pubsub=dt-pubsub,team=air", PROJECT_FLAG)


def test_an_account_of_a_person_is_named_again_because_an_update_replaces_the_whole_configuration() -> None:
    step = planned(bigqueryConfig={"table": f"{PROJECT}.sensors.events", "serviceAccountEmail": "w@example.com"})
    account = "--bigquery-service-account-email=w@example.com"
    assert step.call.argv == (*UPDATE, *TARGET, account, f"--update-labels={SINCE}", PROJECT_FLAG)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "writes to {}"),
        ({"state": "ACTIVE"}, "writes to {}"),
        ({"state": "RESOURCE_ERROR"}, "cannot write to {}: RESOURCE_ERROR"),
        ({"bigqueryConfig": {**FOUND["bigqueryConfig"], "state": "NOT_FOUND"}}, "cannot write to {}: NOT_FOUND"),
        ({"retryPolicy": {"minimumBackoff": "1s"}, "messageRetentionDuration": "600s"}, "writes to {}"),
        (
            {"filter": "x", "enableMessageOrdering": True},
            "writes to {}; takes only messages that match x, set elsewhere; message ordering, set elsewhere",
        ),
        (
            {"deadLetterPolicy": {"deadLetterTopic": f"{TOPICS}/dt-events-unwritten", "maxDeliveryAttempts": 7}},
            "writes to {}",
        ),
        (
            {"deadLetterPolicy": {"deadLetterTopic": "projects/elsewhere/topics/lost"}},
            "writes to {}; after 5 attempts a message goes to projects/elsewhere/topics/lost, set elsewhere",
        ),
    ],
)
def test_it_is_kept_with_its_table_its_state_and_what_was_set_elsewhere(changes: dict[str, Any], reason: str) -> None:
    step = planned(**changes)
    assert (step.action, step.reason) == ("keep", reason.format(f"{PROJECT}.sensors.events"))


def test_if_the_deployment_asks_for_ordering_it_is_nothing_that_was_set_elsewhere() -> None:
    ordered = spec(bigquery=Warehouse("sensors"), settings={"ORDERING_KEY": "device"})
    (step,) = bigquery_subscription(ordered).plan({"subscription": {**FOUND, "enableMessageOrdering": True}})
    assert (step.action, step.reason) == ("keep", f"writes to {PROJECT}.sensors.events")


def test_without_bigquery_the_subscription_alone_is_removed() -> None:
    (left,) = left_of_bigquery(spec(bigquery=Warehouse("")))
    assert left.title == "subscription dt-events-bigquery"


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ({}, ""),
        ({"bigqueryConfig": None, "state": "ACTIVE"}, ""),
        ({"bigqueryConfig": {"state": "ACTIVE"}}, ""),
        ({"bigqueryConfig": {"state": "STATE_UNSPECIFIED"}, "state": "RESOURCE_ERROR"}, "RESOURCE_ERROR"),
        ({"bigqueryConfig": {"state": "SCHEMA_MISMATCH"}, "state": "RESOURCE_ERROR"}, "SCHEMA_MISMATCH"),
    ],
)
def test_the_state_of_bigquery_says_more_than_that_of_the_subscription(found: dict[str, Any], state: str) -> None:
    assert state_of(found) == state


@pytest.mark.parametrize(
    ("labels", "since"),
    [
        ({"dt-pubsub-writes-since": "1700000000"}, 1_700_000_600),
        ({"dt-pubsub-writes-since": "soon"}, math.inf),
        ({"dt-pubsub-writes-since": "1700000000000"}, math.inf),
        ({"dt-pubsub-writes-since": "١٢"}, math.inf),
        ({"dt-pubsub-writes-since": ""}, math.inf),
        ({}, math.inf),
        (None, math.inf),
    ],
)
def test_the_table_has_all_events_since_ten_minutes_after_the_noted_time(labels: Any, since: float) -> None:
    assert writes_since({"labels": labels}) == since


@pytest.mark.parametrize(
    ("table", "dataset"),
    [("demo.sensors.events", "sensors"), ("demo:sensors.events", "sensors"), ("example.com:demo.sensors.e", "sensors")],
)
def test_the_dataset_is_read_from_the_table_in_any_spelling(table: str, dataset: str) -> None:
    found = {"bigqueryConfig": {"table": table}}
    assert dataset_of(found) == dataset
    assert [table_of(found), table_of({}), dataset_of({})] == [table.replace(":", "."), "", ""]
