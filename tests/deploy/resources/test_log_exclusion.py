"""The exclusion of Cloud Run's own log entries: ours alone is changed and removed, beside those of others."""

from typing import Any

import pytest

from deploy.errors import NotOwned, Unusable
from deploy.google.calls import Call
from deploy.resources.alert_definitions import alerts_of, log_metrics_of
from deploy.resources.log_exclusion import LogExclusion
from deploy.spec import Alerts, CostSettings
from deploy.steps import RestCall
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage, spec

OURS = "dt-pubsub-dt-pubsub-requests"
THEIRS: dict[str, Any] = {"name": "health-checks", "filter": "httpRequest.requestUrl:healthz", "description": "ours"}
ERRORS = CostSettings(request_logs="errors")
ALL = CostSettings(request_logs="all")


@pytest.fixture
def quiet(up: Stage) -> Stage:
    """A deployment whose answers 2xx have no entry of Cloud Run, beside an exclusion of somebody else."""
    up.api.exclusions.items[THEIRS["name"]] = dict(THEIRS)
    up.api.sent.clear()
    return up


def test_it_leaves_out_only_answers_2xx_of_this_function_in_this_region(quiet: Stage) -> None:
    assert quiet.api.exclusions.items[OURS]["filter"] == (
        'resource.type="cloud_run_revision" resource.labels.service_name="dt-pubsub" '
        'resource.labels.location="europe-west1" log_id("run.googleapis.com/requests") '
        "httpRequest.status>=200 httpRequest.status<300"
    )


def test_a_plan_has_the_command_that_does_the_same_by_hand(stage: Stage) -> None:
    stage.deployment().plan()
    assert (
        "gcloud logging sinks update _Default --project=cold-chain-prod '--add-exclusion=name=dt-pubsub-" in stage.shown
    )


def test_a_change_by_hand_is_planned_and_set_again_with_only_its_own_fields(quiet: Stage) -> None:
    wanted = quiet.api.exclusions.items[OURS]["filter"]
    quiet.api.exclusions.items[OURS] |= {"filter": "severity=DEFAULT", "disabled": True}
    assert quiet.deployment(cost=ERRORS).plan() == CHANGES
    assert quiet.deployment(cost=ERRORS).up(verify=False) == NOTHING_TO_DO
    assert (quiet.api.exclusions.items[OURS]["filter"], "disabled" in quiet.api.exclusions.items[OURS]) == (
        wanted,
        False,
    )
    ((method, url),) = quiet.api.changes()
    assert (method, url.partition("?")[2]) == ("PATCH", "updateMask=description,disabled,filter")


def test_without_the_setting_an_existing_deployment_keeps_what_it_has(quiet: Stage) -> None:
    del quiet.api.exclusions.items[OURS]
    assert quiet.deployment().plan() == NOTHING_TO_DO


@pytest.mark.parametrize("remove", ["setting", "down"])
def test_it_is_removed_and_the_exclusions_of_others_stay(quiet: Stage, remove: str) -> None:
    if remove == "down":
        assert quiet.deployment().down() == NOTHING_TO_DO
    else:
        assert quiet.deployment(cost=ALL).up(verify=False) == NOTHING_TO_DO
        assert quiet.deployment(cost=ALL).plan() == NOTHING_TO_DO
    assert quiet.api.exclusions.items == {THEIRS["name"]: THEIRS}


def test_an_exclusion_that_somebody_adds_meanwhile_is_not_lost(quiet: Stage) -> None:
    """``gcloud logging sinks update`` would send the list of before, without the other one."""
    del quiet.api.exclusions.items[OURS]
    added = {"name": "noise", "filter": "severity=DEBUG"}

    def before(call: Call) -> None:
        if call.method == "POST":
            quiet.api.exclusions.items["noise"] = added

    quiet.api.before = before
    assert quiet.deployment(cost=ERRORS).up(verify=False) == NOTHING_TO_DO
    assert set(quiet.api.exclusions.items) == {OURS, THEIRS["name"], "noise"}


def test_an_answer_that_is_lost_makes_nothing_twice(stage: Stage) -> None:
    stage.api.lost = [("POST", "/exclusions")]
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert stage.api.lost == []
    assert list(stage.api.exclusions.items) == [OURS]


def test_an_exclusion_of_its_name_that_is_not_ours_is_an_error_and_left_by_down(quiet: Stage) -> None:
    quiet.api.exclusions.items[OURS]["description"] = "made by hand"
    with pytest.raises(NotOwned, match="does not name this deployment") as refused:
        quiet.deployment(cost=ERRORS).plan()
    assert f"--remove-exclusions={OURS}" in str(refused.value)
    assert quiet.deployment().down() == NOTHING_TO_DO
    assert OURS in quiet.api.exclusions.items


def test_a_down_without_the_permission_to_list_exclusions_says_so_and_removes_the_rest(quiet: Stage) -> None:
    quiet.api.estate.denied = {"logging.exclusions.list"}
    assert quiet.deployment().down() == NOTHING_TO_DO
    assert "log exclusions" in quiet.shown
    assert "if there are any, they are left" in quiet.shown
    assert quiet.google.things == {}


def test_no_alert_and_no_metric_reads_the_entries_that_are_left_out() -> None:
    """Metrics of Cloud Run are not made of logs, and the others read only the function's own lines."""
    with_alerts = spec(alerts=Alerts(emails=("ops@example.com",)), cost=ERRORS)
    assert 'log_id("run.googleapis.com/requests")' in LogExclusion(with_alerts).body["filter"]
    conditions = [condition for alert in alerts_of(with_alerts) for condition in alert.body["conditions"]]
    of_logs = [part["conditionMatchedLog"]["filter"] for part in conditions if "conditionMatchedLog" in part]
    of_logs += [metric.body["filter"] for metric in log_metrics_of(with_alerts)]
    assert len(of_logs) == 3
    assert all("jsonPayload.reason=" in wanted for wanted in of_logs)


OWNED = LogExclusion(spec(cost=ERRORS))
LISTED = f"https://logging.googleapis.com/v2/projects/{PROJECT}/exclusions"
SINK = ("gcloud", "logging", "sinks", "update", "_Default", f"--project={PROJECT}")
THERE = {"name": OURS, **OWNED.body}


def by_hand(verb: str) -> tuple[str, ...]:
    fields = {"name": OURS, "description": OWNED.body["description"], "filter": OWNED.body["filter"]}
    return (*SINK, f"--{verb}-exclusion={','.join(f'{key}={value}' for key, value in fields.items())}")


def test_an_exclusion_that_is_not_there_is_made_with_its_name_and_its_fields() -> None:
    (step,) = OWNED.plan({"exclusions": [THEIRS]})
    assert (step.action, step.resource) == ("create", f"log exclusion {OURS}")
    assert step.call == RestCall("POST", LISTED, THERE, by_hand("add"))


def test_an_exclusion_that_differs_is_changed_by_its_fields_alone() -> None:
    (step,) = OWNED.plan({"exclusions": [{**THERE, "disabled": True}, THEIRS]})
    assert (step.action, step.reason) == ("update", "disabled true -> false")
    mask = f"{LISTED}/{OURS}?updateMask=description,disabled,filter"
    assert step.call == RestCall("PATCH", mask, OWNED.body, by_hand("update"))


@pytest.mark.parametrize("there", [THERE, {key: value for key, value in THERE.items() if key != "disabled"}])
def test_an_exclusion_as_it_is_to_be_is_kept_also_if_google_leaves_out_what_is_false(there: dict[str, Any]) -> None:
    (step,) = OWNED.plan({"exclusions": [there]})
    assert (step.action, step.reason) == ("keep", "leaves Cloud Run's entries of answers 2xx out of the log")
    assert OWNED.body["description"] == "Cloud Run's entries of answers 2xx of dt-pubsub (dt-pubsub=dt-pubsub)"


def test_a_removal_deletes_our_exclusion_alone_and_shows_the_command_that_does_the_same() -> None:
    (step,) = OWNED.removal({"exclusions": [THEIRS, THERE]})
    assert (step.action, step.resource) == ("delete", f"log exclusion {OURS}")
    assert step.call == RestCall("DELETE", f"{LISTED}/{OURS}", by_hand=(*SINK, f"--remove-exclusions={OURS}"))


def test_a_taken_name_is_an_error_with_the_command_that_frees_it() -> None:
    with pytest.raises(Unusable) as refused:
        OWNED.plan({"exclusions": [{**THERE, "description": "made by hand"}]})
    error = refused.value
    assert error.what == "exists, but its description does not name this deployment: (dt-pubsub=dt-pubsub)"
    assert (error.where, error.fix) == (f"log exclusion {OURS}", (f"{' '.join(SINK)} --remove-exclusions={OURS}",))
