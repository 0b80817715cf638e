"""The dashboard: one page with a fixed id, replaced whole, which keeps what is not ours."""

import pytest

from deploy.resources.dashboard import Dashboard, dashboard_id
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage, spec

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())
NAME = f"projects/{PROJECT}/dashboards/dt-pubsub-dt-pubsub"


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    stage.api.sent.clear()
    return stage


def test_a_title_that_was_changed_is_set_again_and_labels_stay(alerted: Stage) -> None:
    alerted.api.dashboards.items[NAME] |= {"displayName": "Mine", "labels": {"team": ""}}
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == CHANGES
    assert "displayName Mine -> dt-pubsub dt-pubsub" in alerted.shown
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert alerted.api.dashboards.items[NAME]["labels"] == {"team": ""}
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO


def test_a_change_between_plan_and_update_is_read_first_so_that_googles_etag_is_the_newest(alerted: Stage) -> None:
    alerted.api.dashboards.items[NAME]["displayName"] = "Mine"

    def changed(argv: tuple[str, ...]) -> None:
        if argv[:2] == ("billing", "projects"):
            alerted.api.dashboards.items[NAME]["etag"] = "another"

    alerted.google.before = changed
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO


def test_two_deployments_have_two_dashboards() -> None:
    assert dashboard_id(spec()) != dashboard_id(spec(name="site2-pubsub"))
    other = Dashboard(spec(name="site2-pubsub"))
    assert other.part_of({"name": NAME}) == ""
    assert other.part_of({"name": f"projects/{PROJECT}/dashboards/dt-pubsub-site2-pubsub"})
