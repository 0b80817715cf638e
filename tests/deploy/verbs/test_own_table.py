"""``audit`` and ``backfill --missing-only`` read the deployment's own BigQuery table if ``[bigquery]`` is on."""

from math import ceil
from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.resources.bigquery.subscription import SETTLED_S
from deploy.spec import Warehouse
from deploy.times import utc
from deploy.verbs.exit_codes import NOTHING_TO_DO, UNMET
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.bigquery import TABLE, TableRow
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.stage import Stage

SENSORS = Warehouse("sensors")
DAYS_S = 86_400
WRITER = ("subscriptions", "dt-events-bigquery")


@pytest.fixture
def stored(stage: Stage) -> Stage:
    """A deployment that has stored its events in BigQuery for two days; the topic has kept its messages, too."""
    bring_up(stage, bigquery=SENSORS)
    made_at = stage.clock() - 2 * DAYS_S
    stage.api.bigquery.catalog.tables["sensors", "events"]["creationTime"] = str(int(made_at * 1000))
    stage.google.things[WRITER]["labels"]["dt-pubsub-writes-since"] = str(int(made_at))
    stage.pubsub.retention["dt-events"] = "604800s"
    stage.pubsub.has_subscription("dt-rejected")
    stage.pubsub.on_idle = lambda: stage.clock.advance(2)
    stage.dt.has_device("d1")
    return stage


def happens(stage: Stage, *, is_stored: bool) -> None:
    """Let DT have an event of an hour ago, which BigQuery has, too, or not."""
    at = utc(stage.clock() - 3600, "microseconds")
    event_id = stage.dt.histories.add("d1", at, project=DT_PROJECT)
    if is_stored:
        stage.bigquery.rows.append(TableRow(event_id, "d1", "touch", at, DT_PROJECT, at))


def source(stage: Stage) -> object:
    """Return what the last audit read."""
    return stage.report.as_json()["audited"]["source"]


def test_audit_reads_the_own_table_and_finds_what_it_lacks(stored: Stage) -> None:
    happens(stored, is_stored=True)
    assert stored.deployment(bigquery=SENSORS).audit() == NOTHING_TO_DO
    happens(stored, is_stored=False)
    assert stored.deployment(bigquery=SENSORS).audit() == UNMET
    assert source(stored) == f"BigQuery table {TABLE}"


def test_without_the_setting_and_with_none_the_topic_is_read(stored: Stage) -> None:
    stored.deployment().audit()
    assert source(stored) == "topic dt-events"
    stored.deployment(bigquery=SENSORS).audit(table="none")
    assert source(stored) == "topic dt-events"


def test_a_window_that_begins_before_the_table_was_made_is_not_judged_by_it(stored: Stage) -> None:
    stored.deployment(bigquery=SENSORS).audit(since="5d")
    assert source(stored) == "topic dt-events"
    assert "table sensors.events has no events from before 2025-10-" in stored.noted


def test_a_gap_in_which_nothing_was_written_is_not_judged_by_the_table(stored: Stage) -> None:
    assert stored.deployment(bigquery=Warehouse("")).up(verify=False) == NOTHING_TO_DO
    happens(stored, is_stored=False)
    stored.clock.advance(60)
    assert stored.deployment(bigquery=SENSORS).up(verify=False) == NOTHING_TO_DO
    noted = int(stored.google.things[WRITER]["labels"]["dt-pubsub-writes-since"])
    stored.deployment(bigquery=SENSORS).audit()
    assert source(stored) == "topic dt-events"
    assert f"table sensors.events has no events from before {utc(noted + SETTLED_S)}," in stored.noted
    stored.clock.advance(2 * DAYS_S)
    stored.deployment(bigquery=SENSORS).audit(since="1d")
    assert source(stored) == f"BigQuery table {TABLE}"


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"dt-pubsub": "dt-pubsub"}},
        {"labels": {"dt-pubsub": "dt-pubsub", "dt-pubsub-writes-since": "long-ago"}},
        {"bigqueryConfig": {"table": f"{TABLE}2"}},
    ],
)
def test_a_table_that_is_filled_since_nobody_knows_when_is_not_read(stored: Stage, change: dict[str, Any]) -> None:
    stored.google.things[WRITER].update(change)
    stored.deployment(bigquery=SENSORS).audit()
    assert source(stored) == "topic dt-events"
    assert "table sensors.events does not have all events, so the topic is read" in stored.noted


def test_a_change_of_the_table_or_of_its_rows_begins_the_time_again_and_another_one_does_not(stored: Stage) -> None:
    labels, now = stored.google.things[WRITER]["labels"], str(int(stored.clock()))
    before = labels["dt-pubsub-writes-since"]
    stored.google.things[WRITER]["expirationPolicy"] = {"ttl": "86400s"}
    stored.deployment(bigquery=SENSORS).up(verify=False)
    assert stored.google.things[WRITER]["labels"]["dt-pubsub-writes-since"] == before
    stored.google.things[WRITER]["messageTransforms"] = []
    stored.deployment(bigquery=SENSORS).up(verify=False)
    assert stored.google.things[WRITER]["labels"]["dt-pubsub-writes-since"] >= now


def test_if_the_topic_keeps_nothing_the_first_fix_is_the_window_that_the_table_has(stored: Stage) -> None:
    del stored.pubsub.retention["dt-events"]
    made_at = stored.clock() - 840.5
    stored.api.bigquery.catalog.tables["sensors", "events"]["creationTime"] = str(int(made_at * 1000))
    with pytest.raises(DeployError, match="keeps no messages after their delivery") as failed:
        stored.deployment(bigquery=SENSORS).audit(since="15m")
    begin = utc(ceil(made_at))
    assert f"has no events from before {begin}" in stored.noted
    assert failed.value.fix[0] == f"python -m deploy audit --from={begin}"
    assert "PROJECT.DATASET.TABLE" not in str(failed.value)
    stored.deployment(bigquery=SENSORS).audit(since=begin)
    assert source(stored) == f"BigQuery table {TABLE}"


def test_the_window_that_the_table_has_keeps_the_end_and_the_verb(stored: Stage) -> None:
    del stored.pubsub.retention["dt-events"]
    flags = {"since": "5d", "until": "1h", "missing_only": True, "dry_run": True}
    with pytest.raises(DeployError, match="keeps no messages after their delivery") as failed:
        stored.deployment(bigquery=SENSORS).backfill(**flags)
    assert failed.value.fix[0].startswith("python -m deploy backfill --missing-only --dry-run --from=2025-10-")
    assert failed.value.fix[0].endswith("Z --to=1h")


def test_a_table_that_is_not_there_yet_or_not_ours_is_not_read(stored: Stage) -> None:
    stored.deployment(bigquery=Warehouse("elsewhere")).audit()
    assert source(stored) == "topic dt-events"
    assert "table elsewhere.events is not there yet" in stored.noted
    stored.api.bigquery.catalog.tables["sensors", "events"]["labels"] = {}
    stored.deployment(bigquery=SENSORS).audit()
    assert source(stored) == "topic dt-events"


def test_backfill_sends_only_what_the_own_table_lacks(stored: Stage) -> None:
    happens(stored, is_stored=True)
    assert stored.deployment(bigquery=SENSORS).backfill(missing_only=True, dry_run=True) == NOTHING_TO_DO
    assert f"reading what arrived from BigQuery table {TABLE}" in stored.noted
