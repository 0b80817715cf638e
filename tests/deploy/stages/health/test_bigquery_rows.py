"""``status`` of BigQuery: its state with what mends it, what waits, and what was refused."""

import pytest

from deploy.errors import DeployError
from deploy.spec import Warehouse
from deploy.verbs.exit_codes import UNHEALTHY
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage

SENSORS, NONE = Warehouse("sensors"), Warehouse()


@pytest.fixture
def stored(stage: Stage) -> Stage:
    """A healthy deployment that stores its events in BigQuery."""
    bring_up(stage, bigquery=SENSORS)
    stage.google.log.append({"status": 200, "eventType": "touch", "timestamp": "2026-11-23T04:59:00Z"})
    stage.unread |= {"dt-events-bigquery": (0, 0), "dt-events-unwritten": (0, 0)}
    stage.out.truncate(0)
    stage.out.seek(0)
    return stage


def row(stage: Stage, what: str, bigquery: Warehouse = NONE) -> dict[str, str]:
    """Return one row of a status."""
    stage.deployment(in_json=True, bigquery=bigquery).status()
    (found,) = [found for found in stage.in_json()["status"] if found["what"] == what]
    return dict(found)


@pytest.mark.parametrize("setting", [SENSORS, NONE])
def test_a_status_shows_where_events_are_written_also_without_the_setting(stored: Stage, setting: Warehouse) -> None:
    found = row(stored, "BigQuery", setting)
    assert (found["state"], found["detail"]) == ("ok", f"events are written to {PROJECT}.sensors.events")
    assert stored.in_json()["health"]["bigquery"] == {"table": f"{PROJECT}.sensors.events", "state": "ACTIVE"}
    names = [backlog["subscription"] for backlog in stored.in_json()["health"]["backlogs"]]
    more = ["dt-events-unwritten", "dt-events-bigquery"] if setting.is_on else []
    assert names == ["dt-events", "dt-rejected", *more]


def test_a_status_without_bigquery_has_no_row_of_it(up: Stage) -> None:
    up.out.truncate(0)
    up.deployment(in_json=True).status()
    assert not [found for found in up.in_json()["status"] if "igquery" in found["what"].lower()]


@pytest.mark.parametrize(
    ("state", "words", "fix"),
    [
        ("PERMISSION_DENIED", "Pub/Sub's service agent may not write to the table", "python -m deploy up"),
        ("NOT_FOUND", "there is no such table", "python -m deploy up"),
        ("SCHEMA_MISMATCH", "the table lacks a column", "python -m deploy up"),
        ("IN_TRANSIT_LOCATION_RESTRICTION", "must not leave its regions", "gcloud pubsub subscriptions describe"),
        ("A_NEW_STATE", "nothing can be written to", "gcloud pubsub subscriptions describe"),
    ],
)
def test_a_state_in_which_nothing_is_written_is_a_problem_with_its_first_command(
    stored: Stage, state: str, words: str, fix: str
) -> None:
    stored.google.things["subscriptions", "dt-events-bigquery"]["bigqueryConfig"]["state"] = state
    assert stored.deployment(bigquery=SENSORS).status() == UNHEALTHY
    stored.out.truncate(0)
    found = row(stored, "BigQuery", SENSORS)
    assert (found["state"], found["runbook"]) == (state, "docs/runbook/bigquery.md")
    assert words in found["detail"]
    assert (found["fix"] or found["lookAt"]).startswith(fix)
    assert row(stored, "BigQuery")["fix"] in {None, "python -m deploy up --bigquery=sensors"}


def test_a_resource_error_without_a_state_of_bigquery_is_a_problem_too(stored: Stage) -> None:
    thing = stored.google.things["subscriptions", "dt-events-bigquery"]
    thing |= {"state": "RESOURCE_ERROR", "bigqueryConfig": {**thing["bigqueryConfig"], "state": "ACTIVE"}}
    assert row(stored, "BigQuery", SENSORS)["state"] == "RESOURCE_ERROR"


def test_events_that_wait_for_more_than_an_hour_are_a_problem(stored: Stage) -> None:
    stored.unread["dt-events-bigquery"] = (12, 4000)
    found = row(stored, "unread in dt-events-bigquery", SENSORS)
    assert (found["state"], found["runbook"]) == ("unwritten", "docs/runbook/bigquery.md")
    assert "12 messages" in found["detail"]


def test_messages_that_bigquery_refused_are_a_problem_and_the_command_shows_why(stored: Stage) -> None:
    stored.unread["dt-events-unwritten"] = (1, 60)
    found = row(stored, "unread in dt-events-unwritten", SENSORS)
    assert found["state"] == "refused"
    assert "CloudPubSubDeadLetterSourceDeliveryErrorMessage" in (found["lookAt"] or "")


def test_a_subscription_of_another_deployment_has_no_row(stored: Stage) -> None:
    stored.google.things["subscriptions", "dt-events-bigquery"]["labels"] = {"dt-pubsub": "another"}
    stored.deployment(in_json=True).status()
    assert not [found for found in stored.in_json()["status"] if found["what"] == "BigQuery"]


def test_numbers_that_cannot_be_read_are_unreadable(stored: Stage) -> None:
    stored.monitoring_fails = DeployError("is off", where="Cloud Monitoring")
    assert row(stored, "unread in dt-events-bigquery", SENSORS)["health"] == "unreadable"
