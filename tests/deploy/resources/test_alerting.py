"""Alerts from the first ``up`` to ``down``: made last, planned again before each change, removed without a trace."""

import re

import pytest

from deploy.errors import ApplyFailed, GcloudFailed, NotReady
from deploy.google.calls import Call
from deploy.resources.alerting import is_complete
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.steps import GcloudCall, RestCall
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage
from tests.emulators.clouds.google.problems import Problem, aborted

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())
POLICIES = f"https://monitoring.googleapis.com/v3/projects/{PROJECT}/alertPolicies"
KEYS = {
    *("no-events", "server-errors", "unauthorized", "backlog", "signed-refused", "faults", "memory", "instances"),
    "rejected",
}


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    bring_up(stage, alerts=WITH_ALERTS)
    stage.api.sent.clear()
    stage.google.asked.clear()
    stage.out.truncate(0)
    stage.out.seek(0)
    return stage


def test_an_up_makes_channel_metric_dashboard_and_policies_and_a_plan_is_empty_then(alerted: Stage) -> None:
    assert set(alerted.api.policies) == KEYS
    assert [name.split("/")[2] for name in alerted.api.left()] == [
        "notificationChannels",
        *["alertPolicies"] * len(KEYS),
        "dashboards",
        "metrics",
        "exclusions",
    ]
    (channel,) = alerted.api.channels.names()
    assert all(policy["notificationChannels"] == [channel] for policy in alerted.api.policies.values())
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert alerted.api.changes() == []


def test_a_plan_without_a_setting_says_that_alerts_are_there_and_not_compared(alerted: Stage) -> None:
    assert alerted.deployment().plan() == NOTHING_TO_DO
    assert "nothing to do: all but the alerts is as it should be" in alerted.shown
    note = f"note: {len(KEYS)} alert policies of this deployment were not compared, and stay: python -m deploy plan"
    assert f"{note} --alert-email=ADDRESS, or [alerts] in deploy.toml, compares them" in alerted.noted


def test_a_plan_says_nothing_of_alerts_if_there_are_none_or_if_they_cannot_be_listed(alerted: Stage) -> None:
    alerted.api.stumbles.append(("GET", "/alertPolicies", Problem("PERMISSION_DENIED", "no")))
    assert alerted.deployment().plan() == NOTHING_TO_DO
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    assert alerted.deployment(alerts=Alerts(emails=())).up(verify=False) == NOTHING_TO_DO
    assert alerted.deployment().plan() == NOTHING_TO_DO
    assert "were not compared" not in alerted.noted
    assert alerted.shown.count("nothing to do: everything is as it should be") == 3


def test_up_ends_with_the_dashboard_who_gets_the_alerts_and_how_to_keep_the_setting(stage: Stage) -> None:
    deployment = stage.deployment(alerts=WITH_ALERTS)
    vars(deployment.context.flags)["alerts.emails"] = ["ops@example.com"]
    assert deployment.up(verify=False) == NOTHING_TO_DO
    lines = [line.partition("  ") for line in stage.shown.splitlines()]
    last = {head: rest.strip() for head, _, rest in lines}
    url = "https://console.cloud.google.com/monitoring/dashboards/builder/dt-pubsub-dt-pubsub"
    assert last["dashboard"] == f"{url}?project={PROJECT}"
    assert last["alerts"] == (
        "to ops@example.com (docs/alerts.md); unless deploy.toml has this line, the next up leaves them as they are: "
        'alerts = { emails = ["ops@example.com"] }'
    )


def test_a_setting_of_deploy_toml_is_kept_already(alerted: Stage) -> None:
    assert alerted.deployment(alerts=WITH_ALERTS, digest="d2").up(verify=False) == NOTHING_TO_DO
    assert re.search(r"^alerts +to ops@example.com \(docs/alerts.md\)$", alerted.shown, re.MULTILINE)


def test_a_plan_shows_each_request_with_its_body_and_json_has_all_of_it(up: Stage) -> None:
    assert up.deployment(alerts=WITH_ALERTS).plan() == CHANGES
    assert "+ create  notification channel ops@example.com  " in up.shown
    assert f'POST {POLICIES} {{"displayName": "dt-pubsub: no events arrive"' in up.shown
    assert "characters; `python -m deploy plan --commands` shows all of them)" in up.shown
    assert '"notificationChannels": ["<its name>: ops@example.com"]' not in up.shown
    up.out.truncate(0)
    up.out.seek(0)
    up.deployment(alerts=WITH_ALERTS, in_json=True).plan()
    calls = [step["call"] for step in up.in_json()["steps"] if step["resource"].startswith("alert policy ")]
    assert len(calls) == len(KEYS)
    assert all('"notificationChannels": ["<its name>: ops@example.com"]' in call for call in calls)


def test_alerts_come_after_the_connectors_so_that_a_metric_that_is_too_new_delays_no_event(stage: Stage) -> None:
    stage.deployment(alerts=WITH_ALERTS).plan()
    made = [line.split("  ")[1] for line in stage.shown.splitlines() if line.startswith("+")]
    connector = next(place for place, title in enumerate(made) if title.startswith("connector in"))
    assert [title.partition(",")[0].split(" ")[0] for title in made[connector + 1 :]] == [
        *("notification", "log-based", "dashboard"),
        *["alert"] * len(KEYS),
    ]


def test_a_policy_whose_metric_is_too_new_is_made_after_a_wait_which_is_shown(stage: Stage) -> None:
    stage.api.metrics.lag_s = 240
    began_at = stage.clock()
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert stage.noted.count("Cannot find metric(s) that match type") > 3
    assert "again in 30 s" in stage.noted
    assert 240 <= stage.clock() - began_at < 400
    assert set(stage.api.policies) == KEYS


def test_a_policy_whose_metric_is_too_new_for_too_long_is_made_by_the_next_up(stage: Stage) -> None:
    stage.api.metrics.lag_s = 3600
    with pytest.raises(ApplyFailed) as failed:
        stage.deployment(alerts=WITH_ALERTS).up(verify=False)
    assert failed.value.where == "alert policy rejected"
    assert "in ten minutes: python -m deploy up" in failed.value.fix
    assert set(stage.api.policies) == KEYS - {"rejected"}
    assert len(stage.dt.connectors["c0md3pm0p7bet3vico8g"]) == 1
    stage.clock.advance(3600)
    stage.api.sent.clear()
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert stage.api.changes() == [("POST", POLICIES)]


@pytest.mark.parametrize(("method", "end"), [("POST", "/alertPolicies"), ("POST", "/notificationChannels")])
def test_an_answer_that_is_lost_after_google_has_made_something_makes_nothing_twice(
    stage: Stage, method: str, end: str
) -> None:
    stage.api.lost = [(method, end)]
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert stage.api.lost == []
    assert len(stage.api.left()) == len(KEYS) + 4  # with the exclusion of the log, which has no alert


@pytest.mark.parametrize("end", ["/metrics", "/dashboards"])
def test_a_lost_answer_of_a_resource_whose_name_is_ours_is_no_error(stage: Stage, end: str) -> None:
    stage.api.lost = [("POST", end)]
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO


def test_what_passes_by_itself_is_repeated_and_what_does_not_stops_the_up(stage: Stage) -> None:
    stage.api.stumbles = [("POST", "/alertPolicies", aborted("Too many changes at once.")) for _ in range(3)]
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    stage.api.channels.policies.items.clear()
    stage.api.stumbles = [("POST", "/alertPolicies", Problem("INVALID_ARGUMENT", "Field x is not valid."))]
    with pytest.raises(ApplyFailed, match="alert policy no-events: Field x is not valid") as failed:
        stage.deployment(alerts=WITH_ALERTS).up(verify=False)
    assert failed.value.fix[-1] == "python -m deploy up"


def test_without_an_address_alerts_are_listed_and_not_changed(alerted: Stage) -> None:
    assert alerted.deployment().plan() == NOTHING_TO_DO
    assert alerted.deployment().up(verify=False) == NOTHING_TO_DO
    assert {sent for sent in alerted.api.sent if "/exclusions" not in sent[1]} == {("GET", POLICIES)}
    assert alerted.api.changes() == []
    assert set(alerted.api.policies) == KEYS


def test_a_policy_that_this_version_does_not_have_or_that_is_there_twice_is_deleted(alerted: Stage) -> None:
    policies = alerted.api.channels.policies.items
    first = dict(alerted.api.policies["memory"])
    policies[f"projects/{PROJECT}/alertPolicies/9"] = {**first, "name": f"projects/{PROJECT}/alertPolicies/9"}
    labels = {**first["userLabels"], "dt-pubsub-policy": "older"}
    older = f"projects/{PROJECT}/alertPolicies/7"
    policies[older] = {**first, "name": older, "userLabels": labels}
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == CHANGES
    assert "- delete  alert policy memory" in alerted.shown
    assert "is there twice" in alerted.shown
    assert "- delete  alert policy older" in alerted.shown
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert len(policies) == len(KEYS)


def test_a_down_leaves_nothing_also_if_its_settings_name_no_alerts(alerted: Stage) -> None:
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert alerted.api.left() == []
    methods = [url.partition(f"/projects/{PROJECT}/")[2].partition("/")[0] for method, url in alerted.api.changes()]
    assert methods == ["exclusions", *["alertPolicies"] * len(KEYS), "dashboards", "metrics", "notificationChannels"]
    alerted.api.sent.clear()
    assert alerted.deployment(alerts=WITH_ALERTS).down() == NOTHING_TO_DO
    assert alerted.api.changes() == []


def test_a_down_leaves_the_alerts_of_others_and_of_other_deployments(alerted: Stage) -> None:
    for policy in alerted.api.channels.policies.items.values():
        policy["userLabels"]["dt-pubsub"] = "site2-pubsub"
    for channel in alerted.api.channels.items.values():
        channel["userLabels"] = {}
    before = set(alerted.api.left())
    assert alerted.deployment(alerts=WITH_ALERTS).down() == NOTHING_TO_DO
    assert {name.split("/")[2] for name in before - set(alerted.api.left())} == {"dashboards", "metrics", "exclusions"}


def test_a_policy_that_loses_its_label_during_a_down_is_left(alerted: Stage) -> None:
    taken = alerted.api.policies["unauthorized"]["name"]

    def before(call: Call) -> None:
        if call.method == "DELETE":
            alerted.api.channels.policies.items[taken]["userLabels"] = {"team": "payments"}

    alerted.api.before = before
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert alerted.api.channels.policies.names() == [taken]


def test_a_down_that_is_interrupted_is_finished_by_the_next(alerted: Stage) -> None:
    alerted.api.stumbles = [("DELETE", "/dashboards/dt-pubsub-dt-pubsub", Problem("PERMISSION_DENIED", "No."))]
    with pytest.raises(ApplyFailed, match="dashboard dt-pubsub-dt-pubsub"):
        alerted.deployment().down()
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert alerted.api.left() == []


def test_a_deletion_whose_answer_is_lost_is_done(alerted: Stage) -> None:
    alerted.api.lost = [("DELETE", "/dashboards/dt-pubsub-dt-pubsub")]
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert alerted.api.left() == []


def test_a_user_who_may_not_list_alerts_can_remove_a_deployment_without_them(alerted: Stage) -> None:
    alerted.api.estate.denied = {"monitoring.alertPolicies.list"}
    assert alerted.deployment().down() == NOTHING_TO_DO
    assert "= keep    alert policies" in alerted.shown
    assert "if there are any, they are left" in alerted.shown
    with pytest.raises(GcloudFailed, match=r"monitoring\.alertPolicies\.list"):
        alerted.deployment(alerts=WITH_ALERTS).down()


def test_permissions_for_alerts_are_checked_before_an_up_only_if_there_are_alerts(stage: Stage) -> None:
    stage.held -= {"monitoring.alertPolicies.create"}
    assert stage.deployment().plan() == CHANGES
    with pytest.raises(NotReady, match=r"you lack monitoring\.alertPolicies\.create"):
        stage.deployment(alerts=WITH_ALERTS).plan()


def test_the_apis_of_alerts_are_enabled_only_with_alerts(stage: Stage) -> None:
    stage.deployment().up(verify=False)
    stage.google.services -= {"monitoring.googleapis.com"}
    assert stage.deployment().plan() == NOTHING_TO_DO
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert {"logging.googleapis.com", "monitoring.googleapis.com"} <= stage.google.services


def test_a_list_shows_left_over_alerts_and_hides_them_from_those_who_may_not_see_them(alerted: Stage) -> None:
    function = ("functions", "dt-pubsub")
    del alerted.google.things[function]
    assert alerted.deployment().list() == NOTHING_TO_DO
    left = "alert policy backlog"
    assert left in alerted.shown
    assert "notification channel ops@example.com" in alerted.shown
    assert "log-based metric rejected" in alerted.shown
    assert "dashboard dt-pubsub-dt-pubsub" in alerted.shown
    alerted.out.truncate(0)
    alerted.out.seek(0)
    alerted.api.estate.denied = {"monitoring.alertPolicies.list"}
    assert alerted.deployment().list() == NOTHING_TO_DO
    assert left not in alerted.shown


def test_an_access_token_is_asked_for_once_for_all_requests(alerted: Stage) -> None:
    alerted.deployment(alerts=WITH_ALERTS).plan()
    assert len(alerted.api.sent) >= 4
    assert [argv[:2] for argv in alerted.google.asked].count(("config", "config-helper")) == 1


def test_alerts_that_are_no_longer_wanted_are_removed_and_a_plan_is_empty_then(alerted: Stage) -> None:
    nobody = Alerts(emails=())
    assert alerted.deployment(alerts=nobody).plan() == CHANGES
    assert alerted.deployment(alerts=nobody).up(verify=False) == NOTHING_TO_DO
    assert alerted.api.left() == alerted.api.exclusions.names()
    assert [url.split("/")[6].partition("?")[0] for _, url in alerted.api.changes()][-1] == "notificationChannels"
    assert alerted.deployment(alerts=nobody).plan() == NOTHING_TO_DO


def test_a_request_is_complete_unless_it_has_a_placeholder_for_a_name_that_google_has_not_given_yet() -> None:
    assert is_complete(RestCall("POST", "u", {"notificationChannels": ["projects/p/notificationChannels/1"]}))
    assert not is_complete(RestCall("POST", "u", {"notificationChannels": ["<its name>: ops@example.com"]}))
    assert is_complete(GcloudCall(("x",)))
    assert is_complete(None)
