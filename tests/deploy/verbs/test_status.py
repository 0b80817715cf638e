"""``status`` against both clouds in memory."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.spec import VERSION_LABEL
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNHEALTHY
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import URL
from tests.deploy.stage import Stage


def test_status_is_function_secret_connector_and_deliveries_on_one_screen(up: Stage) -> None:
    up.clock.seconds = datetime(2026, 11, 23, 5, tzinfo=UTC).timestamp()
    assert up.deployment().status() == NOTHING_TO_DO
    connector = up.dt.connectors[DT_PROJECT][0]["name"].rpartition("/")[2]
    states = [line.split("  ")[0] for line in up.shown.splitlines()]
    assert states == ["ok", "ok", "ok", "ok", "ACTIVE", "ok", "ok", "ok", "", URL]
    assert "function dt-pubsub " in up.shown
    assert "version 1 is enabled, 21 days old" in up.shown
    assert f"{connector} is ACTIVE" in up.shown
    assert "last 3 h: 9 delivered, 0 not, p99 0.411s" in up.shown
    assert "10 more as they should be" in up.shown


@pytest.mark.parametrize("metrics", [None, [], "x"])
def test_status_ignores_deliveries_that_cannot_be_read(up: Stage, metrics: object) -> None:
    up.dt.metrics = metrics
    assert up.deployment().status() == NOTHING_TO_DO
    assert "last 3 h: 0 delivered, 0 not, p99 -" in up.shown


def test_status_shows_a_problem_and_the_command_that_fixes_it(up: Stage) -> None:
    up.google.things["service-accounts", "dt-pubsub"]["disabled"] = True
    up.google.things["subscriptions", "dt-rejected"]["expirationPolicy"] = {"ttl": "86400s"}
    assert up.deployment().status() == UNHEALTHY
    assert "update  service account dt-pubsub" in up.shown
    assert "update  subscription dt-rejected" in up.shown
    assert "8 more as they should be" in up.shown
    assert up.shown.endswith("to see what up would fix: python -m deploy plan\n")


def test_status_in_json_has_every_resource(up: Stage) -> None:
    up.deployment(in_json=True).status()
    report = up.in_json()["status"]
    assert len(report) == 17
    assert {"what": "topic dt-events", "state": "ok", "detail": "is as it should be"} in report


def test_status_shows_the_version_that_is_deployed(up: Stage) -> None:
    assert up.deployment().status() == NOTHING_TO_DO
    assert re.search(r"^ok +version +1\.0\.0$", up.shown, re.MULTILINE)


@pytest.mark.parametrize(("label", "version"), [("0-9-0", "0.9.0"), (None, None)])
def test_a_function_of_another_version_is_unhealthy_and_its_version_is_shown(
    up: Stage, label: str | None, version: str | None
) -> None:
    labels = up.google.things["functions", "dt-pubsub"]["labels"]
    labels.pop(VERSION_LABEL)
    labels.update({VERSION_LABEL: label} if label else {})

    assert up.deployment(in_json=True).status() == UNHEALTHY

    report = up.in_json()
    detail = f"{version or 'no version'} is deployed, and this is 1.0.0"
    assert report["version"] == version
    assert {"what": "version", "state": "update", "detail": detail} in report["status"]


def test_status_in_json_says_that_it_is_healthy(up: Stage) -> None:
    assert up.deployment(in_json=True).status() == NOTHING_TO_DO
    assert up.in_json()["healthy"] is True


@pytest.mark.parametrize("failed", [1, "3"])
def test_deliveries_that_failed_make_a_status_unhealthy(up: Stage, failed: object) -> None:
    up.dt.metrics = {"successCount": 9, "errorCount": failed, "latency99p": "0.411s"}
    assert up.deployment().status() == UNHEALTHY
    assert f"failing  deliveries from {DT_PROJECT}" in up.shown
    assert f"9 delivered, {failed} not" in up.shown


def test_messages_on_the_rejected_topic_make_a_status_unhealthy(up: Stage) -> None:
    up.unread["dt-rejected"] = (7, 130)
    assert up.deployment().status() == UNHEALTHY
    assert "7 messages, the oldest 2 min old: their attribute reason says why" in up.shown


@pytest.mark.parametrize(("oldest_s", "status"), [(3600, NOTHING_TO_DO), (3601, UNHEALTHY), (200_000, UNHEALTHY)])
def test_an_unread_message_makes_a_status_unhealthy(up: Stage, oldest_s: int, status: int) -> None:
    up.unread["dt-events"] = (1, oldest_s)
    assert up.deployment().status() == status
    assert "1 message, the oldest" in up.shown


def test_missing_numbers_of_google_are_not_a_problem(up: Stage) -> None:
    up.unread = {}
    assert up.deployment().status() == NOTHING_TO_DO
    assert up.shown.count("Google has no numbers yet") == 2


def test_numbers_that_cannot_be_read_have_their_own_exit_status(up: Stage) -> None:
    up.monitoring_fails = DeployError("is off", where="Cloud Monitoring", fix=["gcloud services enable x"])
    assert up.deployment().status() == FAILED
    assert "unknown  unread in dt-rejected" in up.shown
    assert "fix: gcloud services enable x" in up.noted


def test_a_known_problem_outweighs_an_unknown_state(up: Stage) -> None:
    up.monitoring_fails = DeployError("did not answer (500)", where="Cloud Monitoring")
    up.dt.metrics = {"errorCount": 1}
    assert up.deployment().status() == UNHEALTHY


def test_deliveries_that_dt_does_not_return_have_their_own_exit_status(up: Stage) -> None:
    up.dt.fails_metrics = True
    assert up.deployment(in_json=True).status() == FAILED
    report = up.in_json()
    assert (report["healthy"], report["error"]) == (None, None)
    assert {"what": f"deliveries from {DT_PROJECT}", "state": "unknown"}.items() <= report["status"][-3].items()


@pytest.mark.parametrize(
    ("change", "what"),
    [({"detached": True}, "is detached from its topic"), ({"topic": "_deleted-topic_"}, "reads from _deleted-topic_")],
)
def test_a_detached_subscription_is_unhealthy_and_not_unreadable(up: Stage, change: dict[str, Any], what: str) -> None:
    up.google.things["subscriptions", "dt-events"] |= change
    assert up.deployment().status() == UNHEALTHY
    assert "broken  subscription dt-events" in up.shown
    assert what in up.shown
    assert "fix: gcloud pubsub subscriptions delete dt-events" in up.noted


def test_status_before_the_first_up_reads_no_numbers(stage: Stage) -> None:
    stage.monitoring_fails = DeployError("is not to be asked")
    assert stage.deployment().status() == UNHEALTHY
    assert "unread in" not in stage.shown


def test_a_connector_paused_by_hand_stays_paused_and_is_shown(up: Stage) -> None:
    up.dt.connectors[DT_PROJECT][0]["status"] = "USER_DISABLED"
    assert up.deployment().plan() == NOTHING_TO_DO
    assert "is paused (USER_DISABLED), and stays so" in up.shown
    assert up.deployment(digest="d2").up(verify=False) == NOTHING_TO_DO
    assert up.dt.connectors[DT_PROJECT][0]["status"] == "USER_DISABLED"
    assert up.deployment().status() == UNHEALTHY


def test_status_shows_the_links_only_if_they_are_wanted(up: Stage) -> None:
    assert up.deployment().status() == NOTHING_TO_DO
    assert "https://console.cloud.google.com" not in up.shown
    assert up.deployment().status(links=True) == NOTHING_TO_DO
    assert "https://console.cloud.google.com/functions/details/europe-west1/dt-pubsub" in up.shown
    assert "watch   " in up.shown


def test_status_in_json_has_the_links_only_if_they_are_wanted(up: Stage) -> None:
    up.deployment(in_json=True).status()
    assert up.in_json()["next"] is None
    up.deployment(in_json=True).status(links=True)
    assert len(up.in_json()["next"]["links"]) == 7


def test_status_links_to_nothing_before_the_first_up(stage: Stage) -> None:
    assert stage.deployment().status(links=True) == UNHEALTHY
    assert "console.cloud.google.com" not in stage.shown
