"""Alerts from the first ``up`` to ``down``: made last, planned again before each change, removed without a trace."""

import pytest

from deploy.errors import ApplyFailed, GcloudFailed, NotReady
from deploy.google.https import Call
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage
from tests.emulators.clouds.google.problems import Problem, aborted

TOLD = Alerts(emails=("ops@example.com",), pages=runbook())
POLICIES = f"https://monitoring.googleapis.com/v3/projects/{PROJECT}/alertPolicies"
KEYS = {
    *("no-events", "server-errors", "unauthorized", "backlog", "signed-refused", "faults", "memory", "instances"),
    "rejected",
}


@pytest.fixture
def told(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    stage.api.sent.clear()
    stage.google.asked.clear()
    stage.out.truncate(0)
    stage.out.seek(0)
    return stage


def test_an_up_makes_channel_metric_dashboard_and_policies_and_a_plan_is_empty_then(told: Stage) -> None:
    assert set(told.api.policies) == KEYS
    assert [name.split("/")[2] for name in told.api.left()] == [
        "notificationChannels",
        *["alertPolicies"] * len(KEYS),
        "dashboards",
        "metrics",
    ]
    (channel,) = told.api.channels.names()
    assert all(policy["notificationChannels"] == [channel] for policy in told.api.policies.values())
    assert told.deployment(alerts=TOLD).plan() == NOTHING_TO_DO
    assert told.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert told.api.changes() == []


def test_a_plan_shows_each_request_with_its_body_and_json_has_all_of_it(up: Stage) -> None:
    assert up.deployment(alerts=TOLD).plan() == CHANGES
    assert "+ create  notification channels, ops@example.com  " in up.shown
    assert f'POST {POLICIES} {{"displayName": "dt-pubsub dt-pubsub: no events arrive"' in up.shown
    assert "characters; with --json all of them)" in up.shown
    assert '"notificationChannels": ["<its name>: ops@example.com"]' not in up.shown
    up.out.truncate(0)
    up.out.seek(0)
    up.deployment(alerts=TOLD, in_json=True).plan()
    calls = [step["call"] for step in up.in_json()["steps"] if step["resource"].startswith("alert policies")]
    assert len(calls) == len(KEYS)
    assert all('"notificationChannels": ["<its name>: ops@example.com"]' in call for call in calls)


def test_alerts_come_after_the_connectors_so_that_a_metric_that_is_too_new_delays_no_event(stage: Stage) -> None:
    stage.deployment(alerts=TOLD).plan()
    made = [line.split("  ")[1] for line in stage.shown.splitlines() if line.startswith("+")]
    connector = next(place for place, title in enumerate(made) if title.startswith("connector in"))
    assert [title.partition(",")[0].split(" ")[0] for title in made[connector + 1 :]] == [
        *("notification", "log-based", "dashboard"),
        *["alert"] * len(KEYS),
    ]


def test_a_policy_whose_metric_is_too_new_is_made_after_a_wait_which_is_shown(stage: Stage) -> None:
    stage.api.metrics.lag_s = 240
    began_at = stage.clock()
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert stage.noted.count("Cannot find metric(s) that match type") > 3
    assert "again in 30 s" in stage.noted
    assert 240 <= stage.clock() - began_at < 400
    assert set(stage.api.policies) == KEYS


def test_a_policy_whose_metric_is_too_new_for_too_long_is_made_by_the_next_up(stage: Stage) -> None:
    stage.api.metrics.lag_s = 3600
    with pytest.raises(ApplyFailed) as failed:
        stage.deployment(alerts=TOLD).up(verify=False)
    assert failed.value.where == "alert policies, rejected"
    assert "in ten minutes: python -m deploy up" in failed.value.fix
    assert set(stage.api.policies) == KEYS - {"rejected"}
    assert len(stage.dt.connectors["c0md3pm0p7bet3vico8g"]) == 1
    stage.clock.advance(3600)
    stage.api.sent.clear()
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert stage.api.changes() == [("POST", POLICIES)]


@pytest.mark.parametrize(("method", "end"), [("POST", "/alertPolicies"), ("POST", "/notificationChannels")])
def test_an_answer_that_is_lost_after_google_has_made_something_makes_nothing_twice(
    stage: Stage, method: str, end: str
) -> None:
    stage.api.lost = [(method, end)]
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert stage.api.lost == []
    assert len(stage.api.left()) == len(KEYS) + 3


@pytest.mark.parametrize("end", ["/metrics", "/dashboards"])
def test_a_lost_answer_of_a_resource_whose_name_is_ours_is_no_error(stage: Stage, end: str) -> None:
    stage.api.lost = [("POST", end)]
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO


def test_what_passes_by_itself_is_repeated_and_what_does_not_stops_the_up(stage: Stage) -> None:
    stage.api.stumbles = [("POST", "/alertPolicies", aborted("Too many changes at once.")) for _ in range(3)]
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    stage.api.channels.policies.items.clear()
    stage.api.stumbles = [("POST", "/alertPolicies", Problem("INVALID_ARGUMENT", "Field x is not valid."))]
    with pytest.raises(ApplyFailed, match="alert policies, no-events: Field x is not valid") as failed:
        stage.deployment(alerts=TOLD).up(verify=False)
    assert failed.value.fix[-1] == "python -m deploy up"


def test_without_an_address_nothing_of_alerts_is_read_or_changed(told: Stage) -> None:
    assert told.deployment().plan() == NOTHING_TO_DO
    assert told.deployment().up(verify=False) == NOTHING_TO_DO
    assert told.api.sent == []
    assert set(told.api.policies) == KEYS


def test_a_policy_that_this_version_does_not_have_or_that_is_there_twice_is_deleted(told: Stage) -> None:
    policies = told.api.channels.policies.items
    first = dict(told.api.policies["memory"])
    policies[f"projects/{PROJECT}/alertPolicies/9"] = {**first, "name": f"projects/{PROJECT}/alertPolicies/9"}
    labels = {**first["userLabels"], "dt-pubsub-policy": "older"}
    older = f"projects/{PROJECT}/alertPolicies/7"
    policies[older] = {**first, "name": older, "userLabels": labels}
    assert told.deployment(alerts=TOLD).plan() == CHANGES
    assert "- delete  alert policies, memory" in told.shown
    assert "is there twice" in told.shown
    assert "- delete  alert policies, older" in told.shown
    assert told.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert len(policies) == len(KEYS)


def test_a_down_leaves_nothing_also_if_its_settings_name_no_alerts(told: Stage) -> None:
    assert told.deployment().down() == NOTHING_TO_DO
    assert told.api.left() == []
    methods = [url.partition(f"/projects/{PROJECT}/")[2].partition("/")[0] for method, url in told.api.changes()]
    assert methods == [*["alertPolicies"] * len(KEYS), "dashboards", "metrics", "notificationChannels"]
    told.api.sent.clear()
    assert told.deployment(alerts=TOLD).down() == NOTHING_TO_DO
    assert told.api.changes() == []


def test_a_down_leaves_the_alerts_of_others_and_of_other_deployments(told: Stage) -> None:
    for policy in told.api.channels.policies.items.values():
        policy["userLabels"]["dt-pubsub"] = "site2-pubsub"
    for channel in told.api.channels.items.values():
        channel["userLabels"] = {}
    before = set(told.api.left())
    assert told.deployment(alerts=TOLD).down() == NOTHING_TO_DO
    assert {name.split("/")[2] for name in before - set(told.api.left())} == {"dashboards", "metrics"}


def test_a_policy_that_loses_its_label_during_a_down_is_left(told: Stage) -> None:
    taken = told.api.policies["unauthorized"]["name"]

    def before(call: Call) -> None:
        if call.method == "DELETE":
            told.api.channels.policies.items[taken]["userLabels"] = {"team": "payments"}

    told.api.before = before
    assert told.deployment().down() == NOTHING_TO_DO
    assert told.api.channels.policies.names() == [taken]


def test_a_down_that_is_interrupted_is_finished_by_the_next(told: Stage) -> None:
    told.api.stumbles = [("DELETE", "/dashboards/dt-pubsub-dt-pubsub", Problem("PERMISSION_DENIED", "No."))]
    with pytest.raises(ApplyFailed, match="dashboard dt-pubsub-dt-pubsub"):
        told.deployment().down()
    assert told.deployment().down() == NOTHING_TO_DO
    assert told.api.left() == []


def test_a_deletion_whose_answer_is_lost_is_done(told: Stage) -> None:
    told.api.lost = [("DELETE", "/dashboards/dt-pubsub-dt-pubsub")]
    assert told.deployment().down() == NOTHING_TO_DO
    assert told.api.left() == []


def test_who_may_not_list_alerts_can_remove_a_deployment_without_them_and_is_told(told: Stage) -> None:
    told.api.estate.denied = {"monitoring.alertPolicies.list"}
    assert told.deployment().down() == NOTHING_TO_DO
    assert "= keep    alert policies" in told.shown
    assert "if there are alerts, they are left" in told.shown
    with pytest.raises(GcloudFailed, match=r"monitoring\.alertPolicies\.list"):
        told.deployment(alerts=TOLD).down()


def test_permissions_for_alerts_are_checked_before_an_up_only_if_there_are_alerts(stage: Stage) -> None:
    stage.held -= {"monitoring.alertPolicies.create"}
    assert stage.deployment().plan() == CHANGES
    with pytest.raises(NotReady, match=r"you lack monitoring\.alertPolicies\.create"):
        stage.deployment(alerts=TOLD).plan()


def test_the_apis_of_alerts_are_enabled_only_with_alerts(stage: Stage) -> None:
    stage.deployment().up(verify=False)
    stage.google.services -= {"monitoring.googleapis.com"}
    assert stage.deployment().plan() == NOTHING_TO_DO
    assert stage.deployment(alerts=TOLD).up(verify=False) == NOTHING_TO_DO
    assert {"logging.googleapis.com", "monitoring.googleapis.com"} <= stage.google.services


def test_a_list_shows_left_over_alerts_and_hides_them_from_those_who_may_not_see_them(told: Stage) -> None:
    function = ("functions", "dt-pubsub")
    del told.google.things[function]
    assert told.deployment().list() == NOTHING_TO_DO
    left = "alert policies, backlog"
    assert left in told.shown
    assert "notification channels, ops@example.com" in told.shown
    assert "log-based metrics, rejected" in told.shown
    assert "dashboard dt-pubsub-dt-pubsub" in told.shown
    told.out.truncate(0)
    told.out.seek(0)
    told.api.estate.denied = {"monitoring.alertPolicies.list"}
    assert told.deployment().list() == NOTHING_TO_DO
    assert left not in told.shown


def test_an_access_token_is_asked_for_once_for_all_requests(told: Stage) -> None:
    told.deployment(alerts=TOLD).plan()
    assert len(told.api.sent) >= 4
    assert [argv[:2] for argv in told.google.asked].count(("config", "config-helper")) == 1


def test_alerts_that_are_no_longer_wanted_are_removed_and_a_plan_is_empty_then(told: Stage) -> None:
    nobody = Alerts(emails=())
    assert told.deployment(alerts=nobody).plan() == CHANGES
    assert told.deployment(alerts=nobody).up(verify=False) == NOTHING_TO_DO
    assert told.api.left() == []
    assert [url.split("/")[6].partition("?")[0] for _, url in told.api.changes()][-1] == "notificationChannels"
    assert told.deployment(alerts=nobody).plan() == NOTHING_TO_DO
