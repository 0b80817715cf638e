"""Steps of ``up`` and ``down`` fail or are killed, with the real gcloud: what is reported, and what the next run does.

One cloud is driven forward: every ``up`` goes further than the one before it. One command of a kind is struck, because
a second one would only repeat what gcloud does; test_interrupted strikes all of them, with the clouds in memory.
"""

import signal
from collections import Counter
from functools import partial

import pytest

from tests.emulators.clouds.faults import Fault
from tests.real_gcloud.user import REAL_GCLOUD, SIDE_BY_SIDE, STEPS, Asked, User, ended, struck

pytestmark = REAL_GCLOUD

FIXED_BY_A_ROLE = "fix: gcloud projects add-iam-policy-binding demo-proj --member="
FIXED_BY_DTS_ROLE = "hint: in DT Studio, API Integrations > Service Accounts: give it the role Project Developer"
REMOVED = ("*/dataconnectors/*", "*/functions/dt-pubsub", "*/secrets/dt-signature", "*/topics/dt-events")
REFUSED = (
    *("APIs", "service account dt-pubsub", "subscription dt-events", "secretAccessor on secret dt-signature"),
    *("function dt-pubsub", "public invocation", "connector in ccol8iuk9smqiha4e8l0"),
)
"""Steps that are refused: one for each API, because gcloud reports a refusal in other words for each API."""

ENDED = (
    *("service account dt-pubsub", "subscription dt-events", "secret dt-signature", "publisher on topic dt-events"),
    *("function dt-pubsub", "secret dt-signature, record of the deployed source", "connector in ccol8iuk9smqiha4e8l0"),
)
"""Steps in the midst of which ``up`` is ended; of these the secret and its first version are two requests."""


@pytest.mark.thorough
def test_a_failed_step_reports_what_is_done_and_the_fix_and_the_next_up_continues_there(user: User) -> None:
    for step in _steps(REFUSED):
        step.fails(user)
        status, output = user.runs("up", "--yes", "--no-verify")
        assert (status, _first_not_done(output)) == (1, step.resource), output
        assert _is_reported(output, STEPS.index(step)), output
    user.brings_up()
    user.finds_nothing_to_do()
    assert _made_more_than_once(user) == {}


ENDINGS = tuple(
    (signum, alone, done)
    for done in (True, False)
    for alone in (True, False)
    for signum in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
)
"""A signal, to the process alone or to its group, with the request's work done and its answer lost, or not yet done.

The first of them end an ``up`` and the others a ``down``; test_interrupted ends each at every step."""


@pytest.mark.thorough
def test_an_up_that_was_ended_in_any_way_is_finished_by_the_next(user: User) -> None:
    steps = _steps(ENDED)
    assert len(steps) + len(REMOVED) == len(ENDINGS)
    for step, ending in zip(steps, ENDINGS, strict=False):
        _end_in(step, user, *ending)
    left = [path.name for path in user.temporary.glob("dt-pubsub-*")]
    user.brings_up()
    user.finds_nothing_to_do()
    assert left, "none was killed while its source was staged"
    assert len(user.connectors()) == 1
    user.keeps_secrets()
    status, output = user.runs("verify")
    assert (status, "came through DT's connector as message" in output) == (0, True), output


def test_a_down_that_was_ended_in_any_way_is_finished_by_the_next(owner: User) -> None:
    for path, (signum, alone, done) in zip(REMOVED, ENDINGS[-len(REMOVED) :], strict=True):
        fault = Asked("", "DELETE", "*", path).hangs(owner, done=done)
        struck(owner.starts("down", "--yes"), signum, partial(_came, fault), alone=alone)
        owner.both_clouds.faults.clear()
    status, output = owner.runs("down", "--yes")
    assert (status, owner.both_clouds.left()) == (0, []), output


def _end_in(step: Asked, user: User, signum: signal.Signals, alone: bool, done: bool) -> None:  # noqa: FBT001
    """End an ``up`` in the midst of a step. Ended by Ctrl-C or SIGTERM it says where it stood still."""
    fault = step.hangs(user, done=done)
    status, output = struck(user.starts("up", "--yes", "--no-verify"), signum, partial(_came, fault), alone=alone)
    user.both_clouds.faults.clear()
    if signum == signal.SIGKILL:
        assert status == -signal.SIGKILL, output
        return
    first_not_done = _first_not_done(output)
    assert (status, first_not_done.startswith(step.resource)) == (1, True), output
    assert f"{first_not_done}: interrupted" in output
    assert "Traceback" not in output
    assert user.gclouds() == [], "a gcloud outlives the verb"


def _steps(resources: tuple[str, ...]) -> list[Asked]:
    return [step for step in STEPS if step.resource in resources]


def _came(fault: Fault) -> bool:
    """Whether the request that a fault is for has come."""
    return fault.times == 0


def test_two_ups_at_the_same_time_leave_one_of_each_and_a_deployment_that_works(user: User) -> None:
    both = [user.starts("up", "--yes", "--no-verify") for _ in range(2)]
    ends = [ended(process) for process in both]
    assert {status for status, _ in ends} == {0}, ends
    user.finds_nothing_to_do()
    assert len(user.connectors()) == 1
    status, proved = user.runs("verify")
    assert (status, "came through DT's connector as message" in proved) == (0, True), proved
    assert user.both_clouds.dt.devices.names() == []


def test_an_account_that_cannot_be_impersonated_stops_down_before_dt_is_touched(owner: User) -> None:
    left = owner.both_clouds.left()
    nobody = {**owner.environ, "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": "nobody@demo-proj.iam.gserviceaccount.com"}
    status, output = owner.runs("down", "--yes", environ=nobody)
    assert (status, owner.both_clouds.left()) == (1, left), output
    assert "gcloud config unset auth/impersonate_service_account" in output
    assert not [entry for entry in owner.both_clouds.log.changes() if "iamcredentials" not in entry.host]


def _first_not_done(output: str) -> str:
    """Return the first step that is not done."""
    return output.partition("  not done  ")[2].partition("\n")[0]


def _is_reported(output: str, place: int) -> bool:
    """Return whether the output names the steps that are not done and those that are, and the commands that fix it."""
    step = STEPS[place]
    beside = next((group for group in SIDE_BY_SIDE if step.resource in group), (step.resource,))
    refused_before = REFUSED[: REFUSED.index(step.resource)][-1:]  # is done now; what ran beside it was done then
    left = dict.fromkeys(
        other.resource for other in STEPS[place:] if other.resource == step.resource or other.resource not in beside
    )
    fixed = FIXED_BY_DTS_ROLE if step is STEPS[-1] else FIXED_BY_A_ROLE
    end = "  fix: python -m deploy up\n"
    return (
        f"\nerror: {step.resource}: " in output
        and all(f"\n  done      {resource}" in output for resource in refused_before)
        and [line[12:] for line in output.splitlines() if line.startswith("  not done  ")] == list(left)
        and output.count(fixed) == 1
        and output.endswith(end)
    )


def _made_more_than_once(user: User) -> dict[tuple[str, ...], int]:
    """Return the requests for a change that were granted twice. A request for an upload address changes nothing."""
    changes = [entry for entry in user.both_clouds.log.changes() if "generateUploadUrl" not in entry.path]
    counts = Counter((entry.method, entry.host, entry.path) for entry in changes if entry.status == 200)
    return {asked: count for asked, count in counts.items() if count > 1}
