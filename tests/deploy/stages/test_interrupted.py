"""After an interruption, a lost answer or a concurrent run, the next ``up`` finishes, and ``down`` removes all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from deploy.errors import ApplyFailed, DeployError, GcloudFailed
from deploy.stages.ownership import Ownership
from deploy.stages.waves import waves
from deploy.steps import Argv, GcloudCall, Step, pending
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.dt import DT_PROJECT
from tests.deploy.fakes.gcloud import PROJECT, gcloud_alone
from tests.deploy.stage import Stage

CHANGES = 13
"""The gcloud commands of a first ``up``, which also creates DT's connector."""

REMOVALS = 7
VERBS = {"create", "update", "delete", "enable", "deploy", "add", "add-iam-policy-binding"}
CREATED = (
    "iam service-accounts create dt-pubsub",
    "pubsub topics create dt-events",
    "pubsub topics create dt-rejected",
    "pubsub subscriptions create dt-events",
    "pubsub subscriptions create dt-rejected",
    "secrets create dt-signature",
    "functions deploy dt-pubsub",
)
FALSE_ABSENCES = (
    (
        "NOT_FOUND: Failed to impersonate [ci@demo.iam.gserviceaccount.com]. Make sure the account that's trying to "
        'impersonate it has access to the service account itself and the "roles/iam.serviceAccountTokenCreator" role. '
        "Not found; Gaia id not found for email ci@demo.iam.gserviceaccount.com"
    ),
    f"NOT_FOUND: Failed to impersonate [dt-pubsub@{PROJECT}.iam.gserviceaccount.com]. Unknown service account",
    (
        "HTTPError 404: <!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title><p>The requested URL "
        "<code>/v1/projects/p/topics/dt-events</code> was not found on this server."
    ),
    "ResponseError: status=[404], code=[Ok], message=[<html><body>Resource not found (resource=dt-events)</body>]",
    f"Projects instance [{PROJECT}] not found: Requested entity was not found.",
    "NOT_FOUND: Requested project not found or user does not have access to it (project=p).",
    "NOT_FOUND: Requested entity was not found.",
    "NOT_FOUND: Resource not found (resource=another-thing).",
    "NOT_FOUND: Method not found.",
)


class Killed(BaseException):
    """The process was killed, so no handler of it runs."""


def is_change(argv: Argv) -> bool:
    return bool(VERBS & set(argv[:4]))


def at(place: int, do: Callable[[Argv], None]) -> Callable[[Argv], None]:
    """Return a hook that calls a function once, at the change with this number."""
    numbers = iter(range(1000))

    def hook(argv: Argv) -> None:
        if is_change(argv) and next(numbers) == place:
            do(argv)

    return hook


def raising(error: type[BaseException]) -> Callable[[Argv], None]:
    def hook(_: Argv) -> None:
        raise error

    return hook


@contextmanager
def unhooked(stage: Stage) -> Iterator[None]:
    """Remove the hooks when the context ends, and suppress the expected errors."""
    with suppress(Killed, DeployError):
        yield
    stage.google.before = stage.google.after = lambda _: None


def finished() -> Stage:
    """Return a stage with a finished deployment."""
    stage = Stage()
    bring_up(stage)
    return stage


def is_up(stage: Stage) -> bool:
    """Return whether another ``up`` finishes both ends without duplicates, and the plan is then empty."""
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO, stage.shown
    assert stage.deployment().plan() == NOTHING_TO_DO
    (connector,) = stage.dt.connectors[DT_PROJECT]
    return bool(connector["httpConfig"]["signatureSecret"] == stage.secret()) and len(stage.google.things) == 7


def is_down(stage: Stage) -> bool:
    """Return whether another ``down`` removes everything on both ends."""
    assert stage.deployment().down() == NOTHING_TO_DO
    return stage.google.things == {} and stage.dt.connectors[DT_PROJECT] == []


@pytest.mark.parametrize("line", CREATED)
def test_a_resource_that_exists_because_an_answer_was_lost_is_finished(line: str) -> None:
    stage = Stage()
    stage.google.lost = [line]
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert stage.google.lost == []
    assert sum(argv[:2] == ("functions", "deploy") for argv in stage.google.asked) == 1
    assert len(stage.google.versions["dt-signature"]) == 1
    assert is_up(stage)


def test_a_build_whose_answer_was_lost_is_awaited_before_its_children_are_made() -> None:
    stage = Stage()
    stage.google.lost = ["functions deploy dt-pubsub"]
    states: list[int] = []
    stage.google.before = lambda argv: states.append(stage.google.build_looks) if argv[0] == "run" else None
    stage.deployment().up(verify=False)
    assert states[-1] == 0
    assert stage.clock.seconds > 0


@pytest.mark.parametrize("line", [*CREATED[:5], CREATED[5]])
def test_a_resource_of_others_that_appears_during_up_is_left_alone(line: str) -> None:
    stage = Stage()
    kind, _, name = line.split()[-3:]
    theirs = {"name": f"projects/{PROJECT}/{kind}/{name}", "labels": {"team": "other"}, "description": "theirs"}

    def appear(argv: Argv) -> None:
        if " ".join(argv).startswith(line):
            stage.google.things.setdefault((kind, name), theirs)

    stage.google.versions["dt-signature"] = ["another secret, which is long enough"]
    stage.google.before = appear
    with pytest.raises(ApplyFailed, match="does not have the label dt-pubsub=dt-pubsub"):
        stage.deployment().up(verify=False)
    assert stage.google.things[kind, name] == {**theirs, "labels": {"team": "other"}}
    assert stage.dt.connectors[DT_PROJECT] == []


@pytest.mark.parametrize("sentence", FALSE_ABSENCES)
@pytest.mark.parametrize("verb", ["plan", "up", "verify", "status", "down"])
def test_a_404_that_is_not_of_the_resource_itself_stops_every_verb(verb: str, sentence: str) -> None:
    stage = finished()
    connectors = [*stage.dt.connectors[DT_PROJECT]]
    stage.google.broken, stage.dt.asked[:] = sentence, []
    if verb == "status":
        assert stage.deployment().status() == FAILED, "nothing is called missing"
    else:
        with pytest.raises(DeployError) as failed:
            getattr(stage.deployment(), verb)()
        failures = getattr(failed.value, "failures", [failed.value])
        assert "NOT_FOUND" not in {getattr(failure, "code", "") for failure in failures}
    assert stage.dt.connectors[DT_PROJECT] == connectors
    assert {request.method for request in stage.dt.asked} <= {"GET"}


def test_down_changes_nothing_at_dt_before_google_has_been_read() -> None:
    stage = finished()
    stage.google.stumbles = [("functions describe", "PERMISSION_DENIED: Permission 'a.b' denied")]
    stage.dt.asked.clear()
    with pytest.raises(GcloudFailed, match="PERMISSION_DENIED"):
        stage.deployment().down()
    assert {request.method for request in stage.dt.asked} <= {"GET"}


def test_a_service_that_gcloud_calls_absent_is_read_a_second_way() -> None:
    stage = finished()
    stage.google.stumbles = [("run services describe", "Cannot find service [dt-pubsub]")]
    with pytest.raises(DeployError, match="but it has a policy"):
        stage.deployment().plan()


def test_down_waits_for_a_build_as_up_does() -> None:
    stage = finished()
    stage.google.build_looks = 20
    assert is_down(stage)
    assert stage.clock.seconds > 90


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", [Killed, KeyboardInterrupt])
@pytest.mark.parametrize("place", range(CHANGES))
def test_an_up_that_ends_at_any_change_is_finished_by_the_next_up_and_removed_by_down(
    place: int, how: type[BaseException], when: str
) -> None:
    stage = Stage()
    setattr(stage.google, when, at(place, raising(how)))
    with unhooked(stage):
        stage.deployment().up(verify=False)
    assert is_up(stage)
    assert is_down(stage)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", [Killed, KeyboardInterrupt])
@pytest.mark.parametrize("place", range(REMOVALS))
def test_a_down_that_ends_at_any_change_is_finished_by_the_next_down(
    place: int, how: type[BaseException], when: str
) -> None:
    stage = finished()
    setattr(stage.google, when, at(place, raising(how)))
    with unhooked(stage):
        stage.deployment().down()
    assert is_down(stage)


def test_a_first_up_has_exactly_the_changes_that_these_tests_interrupt() -> None:
    stage = Stage()
    stage.deployment().up(verify=False)
    assert sum(is_change(argv) for argv in stage.google.asked) == CHANGES
    stage.google.asked.clear()
    stage.deployment().down()
    assert sum(is_change(argv) for argv in stage.google.asked) == REMOVALS


@pytest.mark.parametrize("place", range(CHANGES))
def test_an_up_refused_at_any_change_lists_its_steps_and_is_finished_by_the_next_up(place: int) -> None:
    stage = Stage()
    refused: list[Argv] = []

    def refuse(argv: Argv) -> None:
        refused.append(argv)
        raise GcloudFailed("PERMISSION_DENIED", "User not authorized", where=" ".join(argv))

    stage.google.before = at(place, refuse)
    with pytest.raises(ApplyFailed) as stopped:
        stage.deployment().up(verify=False)
    steps = pending(tuple(stage.report.steps or ()))
    groups = waves(steps, Ownership(stage.deployment().context.spec, gcloud_alone(stage.google)).resource_of)
    (failed,) = (step for step in steps if step.resource == stopped.value.where)
    assert isinstance(failed.call, GcloudCall)
    assert failed.call.argv[:3] == refused[0][:3]
    last = next(number for number, group in enumerate(groups) if failed in group)
    done = [step.resource for group in groups[: last + 1] for step in group if step != failed]
    assert [line for line in str(stopped.value).splitlines() if "  done  " in line or "  not done  " in line] == [
        *(f"  done      {resource}" for resource in done),
        *(f"  not done  {step.resource}" for step in steps if step.resource not in done),
    ]
    assert is_up(stage)


@pytest.mark.parametrize("place", range(CHANGES))
def test_a_gcloud_that_outlives_a_killed_up_does_not_disturb_the_next_up(place: int) -> None:
    """Only the process was killed: its gcloud command still runs, just before the same command of the next ``up``."""
    stage = Stage()
    left: list[Argv] = []

    def kill(argv: Argv) -> None:
        left.append(argv)
        raise Killed

    stage.google.before = at(place, kill)
    with unhooked(stage):
        stage.deployment().up(verify=False)
    (orphan,) = left
    stage.google.before = at(0, lambda argv: _carry_out(stage, orphan) if argv == orphan else None)
    assert is_up(stage)
    assert is_down(stage)


def _carry_out(stage: Stage, orphan: Argv) -> None:
    stage.google.before = lambda _: None
    with stage.deployment().context.staged() as folder:
        stage.google(orphan, stdin="5e" * 32 if "--data-file=-" in orphan else None, folder=folder, timeout_s=1)


@pytest.mark.parametrize("place", range(CHANGES))
def test_two_concurrent_ups_leave_one_of_each_resource(place: int) -> None:
    stage = Stage()

    def another(_: Argv) -> None:
        stage.google.before = lambda _: None
        stage.deployment().up(verify=False)

    stage.google.before = at(place, another)
    assert stage.deployment().up(verify=False) == NOTHING_TO_DO
    assert is_up(stage)
    assert len(stage.google.versions["dt-signature"]) == 1


def test_an_up_that_is_interrupted_just_after_its_last_step_says_that_every_step_is_done() -> None:
    stage = Stage()
    deployment = stage.deployment()
    terminal = deployment.context.terminal
    show = terminal.done

    def interrupt(step: Step, seconds: float) -> None:
        show(step, seconds)
        if step == pending(tuple(stage.report.steps or ()))[-1]:
            raise KeyboardInterrupt

    terminal.done = interrupt  # type: ignore[method-assign]
    with pytest.raises(ApplyFailed, match="interrupted") as stopped:
        deployment.up(verify=False)
    assert "not done" not in str(stopped.value)
    assert is_up(stage)


def test_two_concurrent_downs_remove_everything() -> None:
    for place in range(REMOVALS):
        stage = finished()

        def another(_: Argv, stage: Stage = stage) -> None:
            stage.google.before = lambda _: None
            stage.deployment().down()

        stage.google.before = at(place, another)
        assert is_down(stage)
