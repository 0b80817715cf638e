"""Rollback, pause and resume as their users run them, with the real gcloud and a function that really answers."""

import json
import signal
from functools import partial
from typing import Any

from tests.emulators.clients import ask
from tests.emulators.clouds.faults import Fault
from tests.emulators.clouds.google.revision import Revision
from tests.real_gcloud.user import DT_REFUSAL, THOROUGH, Asked, User, struck

pytestmark = THOROUGH

VERSIONS = "https://secretmanager.googleapis.com/v1/projects/demo-proj/secrets/dt-signature:addVersion"
SETTING = {"DEPLOY_SETTINGS": "LOG_LEVEL=DEBUG"}
TRAFFIC = Asked("function dt-pubsub, traffic", "PUT", "*-run.googleapis.com", "*/services/dt-pubsub")


def test_the_revision_before_answers_after_a_rollback_until_the_next_up(owner: User) -> None:
    first = _answering(owner)
    _adds_a_secret(owner)
    owner.brings_up(**SETTING)
    second = _answering(owner)
    assert second is not first

    status, output = owner.runs("up", "--rollback", "--yes")
    assert status == 0, output
    assert f"{second.name} -> {first.name} (made " in output
    assert "the function accepts the newest secret" in output, "an older revision reads the present secret"
    assert "came through DT's connector as message" in output
    assert _answering(owner) is first
    event = output.partition(": event ")[2].split()[0]
    assert (event in first.log(), event in second.log()) == (True, False)

    environ = {**owner.environ, **SETTING}
    status, output = owner.runs("status", environ=environ)
    assert (status, f"rolled back: revision {first.name} answers" in output) == (3, True), output
    status, output = owner.runs("plan", environ=environ)
    assert status == 2, output
    assert "gcloud run services update-traffic dt-pubsub --to-latest" in output
    owner.both_clouds.log.clear()
    status, output = owner.runs("up", "--rollback", "--yes")
    assert (status, owner.changes()) == (0, []), output

    owner.brings_up(**SETTING)
    assert _answering(owner) is second
    status, output = owner.runs("plan", environ=environ)
    assert (status, owner.both_clouds.log.not_played()) == (0, []), output


def test_a_rollback_that_was_killed_is_finished_and_a_new_deployment_ends_it(owner: User) -> None:
    first = _answering(owner)
    owner.brings_up(**SETTING)
    fault = TRAFFIC.hangs(owner, done=False)
    status, output = struck(
        owner.starts("up", "--rollback", "--yes", "--no-verify"), signal.SIGINT, partial(_came, fault)
    )
    owner.both_clouds.faults.clear()
    assert (status, "fix: python -m deploy up --rollback" in output) == (1, True), output
    status, output = owner.runs("up", "--rollback", "--yes", "--no-verify")
    assert (status, _answering(owner)) == (0, first), output

    owner.brings_up(DEPLOY_SETTINGS="LOG_LEVEL=WARNING")
    newest = owner.both_clouds.google.run.services["dt-pubsub"].revisions[-1]
    assert _answering(owner) is newest
    status, output = owner.runs("up", f"--rollback={first.name}", "--yes", "--no-verify")
    assert (status, _answering(owner)) == (0, first), output


def test_without_an_earlier_revision_and_without_the_permission_the_error_says_what_to_do(owner: User) -> None:
    status, output = owner.runs("up", "--rollback", "--yes")
    assert (status, "there is no revision before" in output) == (1, True), output
    assert "hint: check out the version that worked, then python -m deploy up" in output

    owner.both_clouds.google.estate.denied.add("run.revisions.list")
    status, output = owner.runs("up", "--rollback", "--yes")
    assert (status, "fix: gcloud" in output) == (1, True), output
    status, output = owner.runs("up", "--yes", environ={**owner.environ, **SETTING})
    assert (status, "you lack run.revisions.list" in output) == (1, True), output


def test_a_pause_lets_dt_send_nothing_and_a_resume_lets_it_send_again(owner: User) -> None:
    status, output = owner.runs("pause", "--yes")
    assert (status, _statuses(owner)) == (0, ["USER_DISABLED"]), output
    assert "does not send it later" in output
    status, output = owner.runs("up", "--yes", environ={**owner.environ, **SETTING})
    assert (status, _statuses(owner)) == (0, ["USER_DISABLED"]), output
    assert "is paused, so DT's own connector was not tried" in output
    status, output = owner.runs("status", environ={**owner.environ, **SETTING})
    assert (status, "until `python -m deploy resume`" in output) == (3, True), output

    status, output = owner.runs("resume", "--json")
    assert (status, _statuses(owner)) == (0, ["ACTIVE"]), output
    report = json.loads(output[output.index("{") :])
    assert report["verified"][0]["wholePath"]
    (gap,) = report["undelivered"]
    assert gap["dtProject"] == owner.both_clouds.dt.tenant.project
    assert gap["from"] < gap["until"]
    owner.both_clouds.log.clear()
    status, output = owner.runs("resume")
    assert (status, owner.changes()) == (0, []), output


def test_a_pause_or_resume_that_was_killed_or_refused_is_finished_by_the_next(owner: User) -> None:
    for verb, words, before, after in (
        ("pause", ("--yes",), "ACTIVE", "USER_DISABLED"),
        ("resume", ("--no-verify",), "USER_DISABLED", "ACTIVE"),
    ):
        patch = Asked("connector", "PATCH", "api.disruptive-technologies.com", "*/dataconnectors/*")
        owner.both_clouds.faults.fail(403, DT_REFUSAL, host=patch.host, method="PATCH", path=patch.path)
        status, output = owner.runs(verb, *words)
        assert (status, _statuses(owner)) == (1, [before]), output
        assert f"fix: python -m deploy {verb}" in output

        fault = patch.hangs(owner, done=False)
        struck(owner.starts(verb, *words), signal.SIGKILL, partial(_came, fault))
        owner.both_clouds.faults.clear()
        status, output = owner.runs(verb, *words)
        assert (status, _statuses(owner)) == (0, [after]), output
    status, output = owner.runs("resume")
    assert (status, "nothing to do" in output) == (0, True), output


def _answering(user: User) -> Revision:
    found = user.both_clouds.google.run.services["dt-pubsub"].revision
    assert found
    return found


def _statuses(user: User) -> list[Any]:
    return [connector["status"] for connector in user.connectors()]


def _adds_a_secret(user: User) -> None:
    """Add a secret version after the first revision, by hand. The next ``up`` gives it to the connector."""
    answer = ask(user.both_clouds, "POST", VERSIONS, {"payload": {"data": "bmV3" * 16}})
    assert answer.status == 200


def _came(fault: Fault) -> bool:
    return fault.times == 0
