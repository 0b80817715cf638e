"""``up --rollback`` against both clouds in memory."""

import argparse
from dataclasses import replace

import pytest

from deploy.errors import Aborted, ApplyFailed, DeployError, NotProven
from deploy.verbs import VERBS
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO, UNHEALTHY
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Deployment, Stage

FIRST, SECOND, THIRD = (f"dt-pubsub-{number:05}-abc" for number in (1, 2, 3))


@pytest.fixture
def twice(up: Stage) -> Stage:
    """A deployment that was deployed twice."""
    assert newer(up).up(verify=False) == NOTHING_TO_DO
    up.google.asked.clear()
    up.out.truncate(0)
    up.out.seek(0)
    return up


def newer(stage: Stage, **settings: object) -> Deployment:
    return stage.deployment(digest="d2", **settings)  # type: ignore[arg-type]


def answering(stage: Stage) -> str:
    """Return the revision that answers."""
    ready = [revision["metadata"]["name"] for revision in stage.google.revisions]
    (part,) = stage.google.traffic
    return ready[-1] if part.get("latestRevision") else str(part["revisionName"])


def test_a_rollback_is_planned_carried_out_and_proven(twice: Stage) -> None:
    twice.dt.emulator_is_allowed = False
    with pytest.raises(NotProven):  # no message comes in memory: the proof was begun
        newer(twice).roll_back()
    assert answering(twice) == FIRST
    assert f"~ update  function dt-pubsub, traffic  {SECOND} -> {FIRST} (made 2026-11-01 08:13 UTC)" in twice.shown
    assert "until the next `python -m deploy up`, which ends the rollback" in twice.shown
    assert "an unsigned request is refused" in twice.shown
    assert [line.split()[2] for line in twice.google.changes()[:1]] == ["update-traffic"]


def test_plan_and_status_show_a_rollback_and_up_ends_it(twice: Stage) -> None:
    assert newer(twice).roll_back(verify=False) == NOTHING_TO_DO

    assert newer(twice).plan() == CHANGES
    assert f"rolled back: revision {FIRST} answers all requests; this step sends them to the newest one" in twice.shown
    assert "gcloud run services update-traffic dt-pubsub --to-latest" in twice.shown
    assert newer(twice).status() == UNHEALTHY
    assert f"1.0.0 is deployed, but rolled back: revision {FIRST} answers" in twice.shown

    assert newer(twice).up(verify=False) == NOTHING_TO_DO
    assert answering(twice) == SECOND
    assert newer(twice).plan() == NOTHING_TO_DO


def test_after_a_rollback_a_new_source_answers_once_up_has_moved_the_requests(twice: Stage) -> None:
    newer(twice).roll_back(verify=False)
    twice.google.stumbles.append(("run services update-traffic", "PERMISSION_DENIED: you may not"))

    with pytest.raises(ApplyFailed, match="traffic"):
        twice.deployment(digest="d3").up(verify=False)
    assert answering(twice) == FIRST
    assert twice.deployment(digest="d3").up(verify=False) == NOTHING_TO_DO
    assert answering(twice) == THIRD


def test_a_rollback_that_was_interrupted_is_finished_by_the_same_command(twice: Stage) -> None:
    twice.google.stumbles.append(("run services update-traffic", "PERMISSION_DENIED: you may not"))
    with pytest.raises(ApplyFailed) as stopped:
        newer(twice).roll_back(verify=False)
    assert stopped.value.fix[-1] == "python -m deploy up --rollback"

    assert newer(twice).roll_back(verify=False) == NOTHING_TO_DO
    assert answering(twice) == FIRST
    twice.google.asked.clear()
    assert newer(twice).roll_back(verify=False) == NOTHING_TO_DO
    assert twice.google.changes() == []
    assert "is rolled back already" in twice.shown


def test_the_command_that_finishes_a_rollback_names_the_revision_that_was_asked_for(twice: Stage) -> None:
    twice.google.stumbles.append(("run services update-traffic", "PERMISSION_DENIED: you may not"))
    with pytest.raises(ApplyFailed) as stopped:
        newer(twice).roll_back(FIRST, verify=False)
    assert stopped.value.fix[-1] == f"python -m deploy up --rollback={FIRST}"


def test_a_split_of_the_requests_that_a_rollback_ends_is_shown_before_it_is_ended(twice: Stage) -> None:
    twice.google.traffic = [{"revisionName": FIRST, "percent": 10}, {"latestRevision": True, "percent": 90}]
    split = f"{FIRST} 10 %, the newest revision 90 %"
    with pytest.raises(Aborted):
        newer(twice, yes=False, answer="n\n").roll_back()
    assert f"this ends the split of the requests that was made by hand: {split}" in twice.shown

    newer(twice).roll_back(verify=False)
    assert answering(twice) == FIRST
    assert twice.report.as_json()["steps"][0]["changes"] == [{"setting": "traffic", "old": split, "new": FIRST}]


def test_a_rollback_asks_first(twice: Stage) -> None:
    with pytest.raises(Aborted, match="not a terminal"):
        newer(twice, yes=False).roll_back()
    with pytest.raises(Aborted, match="nothing was changed"):
        newer(twice, yes=False, answer="n\n").roll_back()
    assert answering(twice) == SECOND
    assert newer(twice, yes=False, answer="y\n").roll_back(verify=False) == NOTHING_TO_DO
    assert f"send all requests to {FIRST} in {PROJECT}? [y/N]" in twice.noted


def test_without_an_earlier_revision_nothing_is_changed(up: Stage) -> None:
    with pytest.raises(DeployError, match=f"no revision before {FIRST} that could answer"):
        up.deployment().roll_back()
    assert up.google.changes() == []


def test_without_a_function_the_error_says_so(stage: Stage) -> None:
    stage.google.has_everything_on()
    with pytest.raises(DeployError, match="nothing to roll back"):
        stage.deployment().roll_back()


def test_a_function_of_others_is_not_rolled_back(twice: Stage) -> None:
    del twice.google.things["functions", "dt-pubsub"]["labels"]["dt-pubsub"]
    with pytest.raises(DeployError, match="does not have the label"):
        newer(twice).roll_back()
    assert answering(twice) == SECOND


def test_settings_beside_a_rollback_are_refused(twice: Stage) -> None:
    context = newer(twice).context
    typed = argparse.Namespace(**vars(context.flags), verify=False, **{"function.memory": "1Gi"})
    typed.rollback = ""
    with pytest.raises(DeployError, match="--rollback changes only which revision answers, and no setting: --memory"):
        VERBS["up"].run(replace(context, flags=typed))


def test_a_change_by_another_command_meanwhile_is_told(twice: Stage) -> None:
    def meanwhile(argv: tuple[str, ...]) -> None:
        if "update-traffic" in argv:
            twice.google.traffic = [{"latestRevision": True, "percent": 100}]

    twice.google.after = meanwhile
    with pytest.raises(DeployError, match="another command has changed the traffic meanwhile"):
        newer(twice).roll_back()


def test_the_json_report_has_the_step_and_what_was_done(twice: Stage) -> None:
    newer(twice, in_json=True).roll_back(verify=False)
    report = twice.in_json()
    assert report["done"] == ["function dt-pubsub, traffic"]
    assert report["steps"][0]["changes"] == [{"setting": "traffic", "old": SECOND, "new": FIRST}]


def test_of_a_paused_connector_only_the_function_is_proven(twice: Stage) -> None:
    twice.dt.connectors[DT_PROJECT][0]["status"] = "USER_DISABLED"
    with pytest.raises(NotProven) as failed:  # the fake function answers no signed request with 200
        newer(twice).roll_back()
    assert "a signed request was answered" in failed.value.what
    assert "is paused" not in failed.value.what
