"""Log-based metrics: owned by the beginning of their name, updated whole, and refused if their type is another."""

import json
from typing import Any

import pytest

from deploy.errors import NotOwned, Unusable
from deploy.resources.log_metrics import LogMetrics
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.steps import Get, RestCall
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.resources.written_alerts import FILE
from tests.deploy.stage import Stage, spec

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())
NAME = "dt-pubsub/dt-pubsub/rejected"


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    bring_up(stage, alerts=WITH_ALERTS)
    stage.api.sent.clear()
    return stage


def test_a_filter_that_was_changed_by_hand_is_set_again(alerted: Stage) -> None:
    wanted = alerted.api.metrics.items[NAME]["filter"]
    alerted.api.metrics.items[NAME]["filter"] = "severity>=ERROR"
    alerted.api.metrics.items[NAME]["disabled"] = True
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == CHANGES
    assert "filter severity>=ERROR -> " in alerted.shown
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert alerted.api.metrics.items[NAME]["filter"] == wanted
    assert alerted.api.metrics.items[NAME]["disabled"] is True, "what is not ours stays"


def test_a_metric_of_another_type_is_an_error_with_the_command_that_deletes_it(alerted: Stage) -> None:
    alerted.api.metrics.items[NAME]["metricDescriptor"]["valueType"] = "DISTRIBUTION"
    with pytest.raises(NotOwned, match="has another type") as refused:
        alerted.deployment(alerts=WITH_ALERTS).plan()
    assert f"gcloud logging metrics delete {NAME} --project=cold-chain-prod" in str(refused.value)


def test_a_metric_of_another_deployment_is_left_alone(alerted: Stage) -> None:
    other = "dt-pubsub/site2-pubsub/rejected"
    alerted.api.metrics.items[other] = {**alerted.api.metrics.items[NAME], "name": other}
    alerted.api.metrics.items["dt-pubsub-rejected"] = {"name": "dt-pubsub-rejected", "filter": "x"}
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert set(alerted.api.metrics.items) == {other, "dt-pubsub-rejected"}


URL = f"https://logging.googleapis.com/v2/projects/{PROJECT}/metrics"
METRICS = LogMetrics(spec(alerts=WITH_ALERTS))
WANTED: dict[str, Any] = json.loads(FILE.read_text("utf-8"))["metrics"][NAME]
FOUND = {
    **WANTED,
    "name": NAME,
    "version": "V2",
    "createTime": "2026-01-01T00:00:00Z",
    "updateTime": "2026-01-01T00:00:00Z",
    "resourceName": f"projects/{PROJECT}/metrics/{NAME}",
    "metricDescriptor": {
        **WANTED["metricDescriptor"],
        "name": f"projects/{PROJECT}/metricDescriptors/logging.googleapis.com/user/{NAME}",
        "type": f"logging.googleapis.com/user/{NAME}",
        "description": WANTED["description"],
    },
}


def test_a_new_metric_is_made_with_its_name() -> None:
    assert (METRICS.title, METRICS.describe) == ("log-based metrics", Get(URL, "metrics"))
    (step,) = METRICS.plan({"metrics": []})
    assert (step.action, step.resource, step.reason) == ("create", "log-based metric rejected", "not there")
    assert step.call == RestCall("POST", URL, {"name": NAME, **WANTED})


def test_a_metric_is_kept_with_all_that_google_adds() -> None:
    (step,) = METRICS.plan({"metrics": [FOUND]})
    assert (step.action, step.reason) == ("keep", "counts what it should")


def test_an_update_sends_the_whole_metric_without_the_fields_that_only_google_sets() -> None:
    (step,) = METRICS.plan({"metrics": [{**FOUND, "filter": "x", "disabled": True}]})
    assert step.action == "update"
    body = {"name": NAME, "version": "V2", "disabled": True, **WANTED}
    assert step.call == RestCall("PUT", f"{URL}/dt-pubsub%2Fdt-pubsub%2Frejected", body)


@pytest.mark.parametrize("descriptor", [None, {"metricKind": "DELTA"}, {"valueType": "INT64", "metricKind": "GAUGE"}])
def test_a_metric_of_another_type_is_unusable(descriptor: dict[str, str] | None) -> None:
    with pytest.raises(Unusable) as refused:
        METRICS.plan({"metrics": [{**FOUND, "metricDescriptor": descriptor}]})
    there = [(descriptor or {}).get(name) for name in ("metricKind", "valueType")]
    assert str(refused.value).splitlines() == [
        f"log-based metric rejected: has another type, and the type of a metric cannot be changed: {there}",
        f"  fix: gcloud logging metrics delete {NAME} --project={PROJECT}",
    ]


def test_a_metric_belongs_to_a_deployment_by_the_beginning_of_its_name() -> None:
    names = (NAME, "dt-pubsub/site2-pubsub/rejected", "dt-pubsub/dt-pubsub", "x/dt-pubsub/dt-pubsub/rejected")
    assert [METRICS.part_of(found) for found in ({}, *({"name": name} for name in names))] == [
        *("", "rejected", "", "", ""),
    ]
