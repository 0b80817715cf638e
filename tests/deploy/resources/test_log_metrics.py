"""Log-based metrics: owned by the beginning of their name, updated whole, and refused if their type is another."""

import pytest

from deploy.errors import NotOwned
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.stage import Stage

TOLD = Alerts(emails=("ops@example.com",), pages=runbook())
NAME = "dt-pubsub/dt-pubsub/rejected"


@pytest.fixture
def told(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    stage.api.sent.clear()
    return stage


def test_a_filter_that_was_changed_by_hand_is_set_again(told: Stage) -> None:
    wanted = told.api.metrics.items[NAME]["filter"]
    told.api.metrics.items[NAME]["filter"] = "severity>=ERROR"
    told.api.metrics.items[NAME]["disabled"] = True
    assert told.deployment(alerts=TOLD).plan() == CHANGES
    assert "filter severity>=ERROR -> " in told.shown
    assert told.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert told.api.metrics.items[NAME]["filter"] == wanted
    assert told.api.metrics.items[NAME]["disabled"] is True, "what is not ours stays"


def test_a_metric_of_another_type_is_an_error_with_the_command_that_deletes_it(told: Stage) -> None:
    told.api.metrics.items[NAME]["metricDescriptor"]["valueType"] = "DISTRIBUTION"
    with pytest.raises(NotOwned, match="has another type") as refused:
        told.deployment(alerts=TOLD).plan()
    assert f"gcloud logging metrics delete {NAME} --project=cold-chain-prod" in str(refused.value)


def test_a_metric_of_another_deployment_is_left_alone(told: Stage) -> None:
    other = "dt-pubsub/site2-pubsub/rejected"
    told.api.metrics.items[other] = {**told.api.metrics.items[NAME], "name": other}
    told.api.metrics.items["dt-pubsub-rejected"] = {"name": "dt-pubsub-rejected", "filter": "x"}
    assert told.deployment(alerts=TOLD).plan() == NOTHING_TO_DO
    assert told.deployment().down() == NOTHING_TO_DO
    assert set(told.api.metrics.items) == {other, "dt-pubsub-rejected"}
