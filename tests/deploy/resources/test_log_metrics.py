"""Log-based metrics: owned by the beginning of their name, updated whole, and refused if their type is another."""

import pytest

from deploy.errors import NotOwned
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.stage import Stage

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())
NAME = "dt-pubsub/dt-pubsub/rejected"


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
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
