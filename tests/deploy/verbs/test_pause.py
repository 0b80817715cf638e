"""``pause`` and ``resume`` against both clouds in memory."""

from typing import Any

import pytest

from deploy.errors import Aborted, ApplyFailed, DeployError, NotProven
from deploy.times import utc
from deploy.verbs.exit_codes import NOTHING_TO_DO, UNHEALTHY
from tests.deploy.fakes.dt import DT_PROJECT, SECOND
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Deployment, Stage


@pytest.fixture
def both(two: Stage) -> Stage:
    """A finished deployment with two DT projects; the recorded requests are cleared."""
    two.google.asked.clear()
    two.dt.asked.clear()
    return two


def deployment(stage: Stage, **settings: Any) -> Deployment:
    return stage.deployment(dt_projects=(DT_PROJECT, SECOND), **settings)


def statuses(stage: Stage) -> list[str]:
    return [found["status"] for project in (DT_PROJECT, SECOND) for found in stage.dt.connectors[project]]


def note(stage: Stage) -> str:
    """Return the remembered pauses."""
    words: str = stage.google.things["secrets", "dt-signature"]["annotations"].get("dt-pubsub-paused", "")
    return words


def by_hand(stage: Stage, project: str = DT_PROJECT, status: str = "USER_DISABLED") -> None:
    stage.dt.connectors[project][0]["status"] = status


def test_a_pause_pauses_all_dt_projects_and_says_before_what_dt_loses(both: Stage) -> None:
    assert deployment(both, yes=False, answer="y\n").pause() == NOTHING_TO_DO

    assert statuses(both) == ["USER_DISABLED", "USER_DISABLED"]
    assert f"During the pause DT sends nothing from {DT_PROJECT}, {SECOND}, and does not send it later" in both.shown
    assert "for up to 12 h, are dropped, too" in both.shown
    assert "keeps the events for 30 days" in both.shown
    assert "pause? [y/N]" in both.noted
    assert "PATCH https://api.disruptive-technologies.com/v2/projects/c0md3pm0p7bet3vico8g/dataconnectors" in both.shown


def test_nothing_is_paused_without_a_yes(both: Stage) -> None:
    with pytest.raises(Aborted, match="not a terminal"):
        deployment(both, yes=False).pause()
    with pytest.raises(Aborted, match="nothing was changed"):
        deployment(both, yes=False, answer="n\n").pause()
    assert statuses(both) == ["ACTIVE", "ACTIVE"]
    assert note(both) == ""


def test_a_second_pause_changes_nothing_and_asks_nothing(both: Stage) -> None:
    deployment(both).pause()
    before = note(both)
    both.google.asked.clear()
    both.dt.asked.clear()
    both.clock.advance(3600)

    assert deployment(both, yes=False).pause() == NOTHING_TO_DO
    assert (both.google.changes(), both.dt.calls("PATCH"), note(both)) == ([], [], before)


def test_up_plan_status_and_verify_respect_a_pause(both: Stage) -> None:
    deployment(both).pause()

    assert deployment(both).plan() == NOTHING_TO_DO
    assert deployment(both).up() == NOTHING_TO_DO
    assert f"is paused (USER_DISABLED) since {note(both).rpartition('@')[2]}, and stays so" in both.shown
    assert "DT sends nothing until `python -m deploy resume`" in both.shown
    assert deployment(both).status() == UNHEALTHY
    with pytest.raises(NotProven, match=r"is paused \(USER_DISABLED\)"):
        deployment(both).verify()
    assert deployment(both, settings={"LOG_LEVEL": "DEBUG"}).up(verify=False) == NOTHING_TO_DO
    assert statuses(both) == ["USER_DISABLED", "USER_DISABLED"]
    assert note(both).count("@") == 2


def test_an_up_of_a_paused_deployment_proves_the_function_and_not_the_connector(both: Stage) -> None:
    deployment(both).pause()
    with pytest.raises(NotProven) as failed:  # the fake function answers no signed request with 200
        deployment(both, settings={"LOG_LEVEL": "DEBUG"}).up()
    assert "a signed request was answered" in failed.value.what


def test_a_resume_says_of_which_time_dt_delivers_nothing(both: Stage) -> None:
    deployment(both).pause()
    begun = note(both).rpartition("@")[2]
    both.clock.advance(3600)

    assert deployment(both, in_json=False).resume(verify=False) == NOTHING_TO_DO

    assert statuses(both) == ["ACTIVE", "ACTIVE"]
    assert f"was paused at {begun}" in both.shown
    assert f"{SECOND}: DT delivers no events from {begun} to " in both.shown
    assert f"`python -m deploy backfill --from={begun} --to=" in both.shown
    assert note(both) == f"none@{utc(both.clock())}@{begun}"
    assert [gap.as_json()["from"] for gap in both.report.undelivered or ()] == [begun, begun]
    assert deployment(both).plan() == NOTHING_TO_DO


def test_a_second_resume_changes_nothing(both: Stage) -> None:
    deployment(both).pause()
    deployment(both).resume(verify=False)
    both.google.asked.clear()
    both.dt.asked.clear()

    assert deployment(both).resume() == NOTHING_TO_DO
    assert (both.google.changes(), both.dt.calls("PATCH")) == ([], [])


def test_a_resume_is_proven_with_a_real_event(both: Stage) -> None:
    deployment(both).pause()
    both.dt.emulator_is_allowed = False
    with pytest.raises(NotProven, match="only the proof failed"):  # no message comes in memory: the proof was begun
        deployment(both).resume()
    assert "an unsigned request is refused" in both.shown
    assert statuses(both) == ["ACTIVE", "ACTIVE"]


def test_what_a_person_paused_in_dt_studio_stays_paused_also_after_pause_and_resume(both: Stage) -> None:
    by_hand(both)
    deployment(both).pause()
    assert note(both).startswith(f"{SECOND}/")

    assert deployment(both).resume(verify=False) == NOTHING_TO_DO
    assert statuses(both) == ["USER_DISABLED", "ACTIVE"]
    assert "was paused in DT Studio, and not by `python -m deploy pause`" in both.shown

    assert deployment(both).resume(all_of_them=True, verify=False) == NOTHING_TO_DO
    assert statuses(both) == ["ACTIVE", "ACTIVE"]
    assert "since when is not known" in both.shown
    assert [gap.as_json()["from"] for gap in both.report.undelivered or ()] == [None]


def test_the_command_that_finishes_a_resume_of_everything_resumes_everything(both: Stage) -> None:
    by_hand(both, project=SECOND)
    both.dt.refuses.append(SECOND)
    with pytest.raises(ApplyFailed) as failed:
        deployment(both).resume(all_of_them=True, verify=False)
    assert failed.value.fix[-1] == "python -m deploy resume --all"


def test_a_connector_that_dt_switched_off_is_resumed_and_called_that(both: Stage) -> None:
    by_hand(both, status="SYSTEM_DISABLED")
    assert deployment(both).resume(verify=False) == NOTHING_TO_DO
    assert statuses(both) == ["ACTIVE", "ACTIVE"]
    assert "switched off by DT, after five days of failed deliveries, and not paused" in both.shown
    assert f"{DT_PROJECT}: DT had switched the connector off after five days of failed deliveries" in both.shown


def test_a_connector_that_dt_switched_off_can_be_paused_so_that_up_leaves_it(both: Stage) -> None:
    by_hand(both, status="SYSTEM_DISABLED")
    deployment(both).pause()
    assert deployment(both).up(verify=False) == NOTHING_TO_DO
    assert statuses(both) == ["USER_DISABLED", "USER_DISABLED"]


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_failure_in_the_second_dt_project_says_what_is_done_and_the_next_run_finishes(both: Stage, verb: str) -> None:
    before, after = ("ACTIVE", "USER_DISABLED") if verb == "pause" else ("USER_DISABLED", "ACTIVE")
    if verb == "resume":
        deployment(both).pause()
    begun = note(both)
    both.dt.refuses.append(SECOND)

    with pytest.raises(ApplyFailed) as failed:
        _run(both, verb)

    assert statuses(both) == [after, before]
    assert f"  done      connector in {DT_PROJECT}" in failed.value.what
    assert f"  not done  connector in {SECOND}" in failed.value.what
    assert failed.value.fix[-1] == f"python -m deploy {verb}"
    if verb == "resume":
        assert f"{DT_PROJECT}: DT delivers no events from" in both.shown
        assert note(both) == begun
    assert _run(both, verb) == NOTHING_TO_DO
    assert statuses(both) == [after, after]
    assert note(both).count("/") == (2 if verb == "pause" else 0)


def test_a_pause_that_was_killed_after_its_note_is_finished_by_the_next_one(both: Stage) -> None:
    both.google.after = lambda argv: _killed() if "--update-annotations" in " ".join(argv) else None
    with pytest.raises(ApplyFailed, match="interrupted"):
        deployment(both).pause()
    assert statuses(both) == ["ACTIVE", "ACTIVE"]
    assert note(both).count("@") == 2
    both.google.after = lambda _: None

    assert deployment(both).plan() == NOTHING_TO_DO  # the note alone is nothing
    assert deployment(both).pause() == NOTHING_TO_DO
    assert statuses(both) == ["USER_DISABLED", "USER_DISABLED"]


def test_a_resume_whose_note_was_not_cleared_clears_it_the_next_time(both: Stage) -> None:
    deployment(both).pause()
    both.google.stumbles.append(("secrets update", "PERMISSION_DENIED: you may not"))
    with pytest.raises(ApplyFailed):
        deployment(both).resume(verify=False)
    assert statuses(both) == ["ACTIVE", "ACTIVE"]

    assert deployment(both).resume() == NOTHING_TO_DO
    assert note(both) == f"none@{utc(both.clock())}@{utc(both.clock())}"
    assert "and resumed since" in both.shown


def test_connectors_of_others_are_neither_paused_nor_resumed(both: Stage) -> None:
    foreign = both.dt.has_connector()
    deployment(both).pause()
    assert foreign["status"] == "ACTIVE"
    foreign["status"] = "USER_DISABLED"
    deployment(both).resume(all_of_them=True, verify=False)
    assert foreign["status"] == "USER_DISABLED"


def test_a_dt_project_that_is_no_longer_named_is_paused_too(both: Stage) -> None:
    assert both.deployment().pause() == NOTHING_TO_DO
    assert statuses(both) == ["USER_DISABLED", "USER_DISABLED"]
    assert both.deployment().plan() == NOTHING_TO_DO
    assert "is left, and is paused: the project is no longer named" in both.shown


def test_a_project_without_a_connector_is_named(both: Stage) -> None:
    both.dt.connectors[SECOND].clear()
    assert deployment(both).pause() == NOTHING_TO_DO
    assert "there is no connector of this deployment" in both.shown


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_before_a_deployment_the_error_says_how_to_make_it_or_find_the_others(both: Stage, verb: str) -> None:
    with pytest.raises(DeployError, match=f"nothing is deployed by this name in {PROJECT}") as refused:
        deployment(both, name="site2-pubsub").run(verb, all=False)
    assert refused.value.fix == ("python -m deploy up", f"python -m deploy list --project={PROJECT}")
    assert statuses(both) == ["ACTIVE", "ACTIVE"]


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_deployment_without_any_connector_is_an_error_that_names_the_command_that_makes_it(
    both: Stage, verb: str
) -> None:
    for project in (DT_PROJECT, SECOND):
        both.dt.connectors[project].clear()
    with pytest.raises(DeployError, match="there is no connector of this deployment") as refused:
        deployment(both).run(verb, all=False)
    assert refused.value.fix[0] == "python -m deploy up"


def test_what_is_remembered_of_a_dt_project_that_dt_does_not_show_stays(both: Stage) -> None:
    deployment(both).pause()
    hidden = both.dt.connectors.pop(SECOND)
    with pytest.raises(DeployError, match="DT does not show it"):
        both.deployment().resume(verify=False)
    assert note(both).startswith(f"{SECOND}/")
    with pytest.raises(DeployError, match="DT does not show it"):
        both.deployment().pause()
    assert note(both).count("@") == 2

    both.dt.connectors[SECOND] = hidden
    assert deployment(both).resume(verify=False) == NOTHING_TO_DO
    assert (statuses(both), note(both)) == (["ACTIVE", "ACTIVE"], f"none@{utc(both.clock())}@{utc(both.clock())}")


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_dt_project_that_dt_hides_is_an_error_after_all_others_are_done(both: Stage, verb: str) -> None:
    if verb == "resume":
        deployment(both).pause()
    both.dt.connectors.pop(SECOND)
    for _ in ("changes", "finds nothing to change"):
        with pytest.raises(DeployError, match="so a connector of this deployment in it is") as refused:
            both.deployment().run(verb, all=False, verify=False)
        assert refused.value.where == f"DT project {SECOND}"
        assert "Project Developer" in refused.value.fix[0]
    assert both.dt.connectors[DT_PROJECT][0]["status"] == ("USER_DISABLED" if verb == "pause" else "ACTIVE")


def test_a_connector_that_up_makes_during_a_pause_is_paused_and_resumed_with_the_others(up: Stage) -> None:
    up.deployment().pause()
    begun = note(up).rpartition("@")[2]
    up.dt.connectors[SECOND] = []

    assert deployment(up, digest="d2").up(verify=False) == NOTHING_TO_DO

    assert statuses(up) == ["USER_DISABLED", "USER_DISABLED"]
    assert f"not there; paused like the others, which are since {begun}" in up.shown
    assert deployment(up, digest="d2").plan() == NOTHING_TO_DO
    annotations = up.google.things["secrets", "dt-signature"]["annotations"]
    assert annotations["dt-pubsub-dt-projects"] == f"{DT_PROJECT}+{SECOND}"
    assert annotations["dt-pubsub-deployed"] == "1790000002"
    assert deployment(up, digest="d2").resume(verify=False) == NOTHING_TO_DO
    assert statuses(up) == ["ACTIVE", "ACTIVE"]
    assert note(up) == f"none@{utc(up.clock())}@{begun}"


def test_a_connector_that_was_made_during_a_pause_has_its_own_note_after_another_pause(up: Stage) -> None:
    up.deployment().pause()
    up.dt.connectors[SECOND] = []
    deployment(up).up(verify=False)
    by_hand(up, status="ACTIVE")
    deployment(up).pause()
    assert "/new@" not in note(up)
    assert note(up).count("@") == 2


@pytest.mark.parametrize("state", ["never paused", "paused by hand", "resumed by hand"])
def test_a_connector_that_up_makes_is_active_unless_pause_has_paused_all_others(up: Stage, state: str) -> None:
    if state == "resumed by hand":
        up.deployment().pause()
        by_hand(up, status="ACTIVE")
    elif state == "paused by hand":
        by_hand(up)
    up.dt.connectors[SECOND] = []
    deployment(up).up(verify=False)
    assert up.dt.connectors[SECOND][0]["status"] == "ACTIVE"


def test_a_pause_during_a_deployment_by_another_command_is_remembered(both: Stage) -> None:
    def meanwhile(argv: tuple[str, ...]) -> None:
        if "deploy" in argv:
            deployment(both).pause()

    both.google.after = meanwhile
    assert deployment(both, digest="d2").up(verify=False) == NOTHING_TO_DO
    assert note(both).count("@") == 2
    assert deployment(both, digest="d2").plan() == NOTHING_TO_DO
    assert deployment(both).resume(verify=False) == NOTHING_TO_DO
    assert statuses(both) == ["ACTIVE", "ACTIVE"]


def test_the_other_notes_of_the_secret_stay(both: Stage) -> None:
    before = dict(both.google.things["secrets", "dt-signature"]["annotations"])
    deployment(both).pause()
    deployment(both).resume(verify=False)
    after = both.google.things["secrets", "dt-signature"]["annotations"]
    assert {name: after[name] for name in before} == before


def test_resume_waits_until_dt_lists_the_connector_as_active(both: Stage) -> None:
    deployment(both).pause()
    both.dt.asked.clear()
    both.dt.emulator_is_allowed, both.dt.statuses_behind = False, 5
    with pytest.raises(NotProven) as failed:
        deployment(both).resume()
    assert "is paused" not in f"{failed.value}{both.noted}"
    assert both.dt.statuses_behind == 0


def _run(stage: Stage, verb: str) -> int:
    return deployment(stage).pause() if verb == "pause" else deployment(stage).resume(verify=False)


def _killed() -> None:
    raise KeyboardInterrupt
