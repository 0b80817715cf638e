"""Every step of ``up`` fails or is killed once, with the real gcloud: what is reported, and what the next ``up`` does.

The tests use one cloud: each ``up`` gets one step further than the one before it.
"""

import itertools
import signal
from collections import Counter
from functools import partial

from deploy.offline.clouds.faults import Fault
from tests.real_gcloud.user import REAL_GCLOUD, STEPS, Asked, User, ended, struck

pytestmark = REAL_GCLOUD

MENDED_BY_A_ROLE = "mend it: gcloud projects add-iam-policy-binding demo-proj --member=user:YOU --role="
MENDED_BY_DTS_ROLE = "mend it: in DT Studio, API Integrations > Service Accounts: give it the role Project Developer"
REMOVED = ("*/dataconnectors/*", "*/functions/dt-pubsub", "*/secrets/dt-signature", "*/topics/dt-events")
HELD = ("function dt-pubsub", "connector in ccol8iuk9smqiha4e8l0")
"""Steps during which Ctrl-C is pressed, too; the tests of the verbs press it during every step."""


def test_a_failed_step_reports_what_is_done_and_the_fix_and_the_next_up_continues_there(user: User) -> None:
    for place, step in enumerate(STEPS):
        step.fails(user)
        status, output = user.runs("up", "--yes", "--no-verify")
        assert (status, _stood_still_at(output)) == (1, step.resource), output
        assert _is_reported(output, place), output
    user.brings_up()
    user.finds_nothing_to_do()
    assert _made_more_than_once(user) == {}


ENDINGS = tuple(
    (signum, alone, done)
    for signum in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    for alone in (True, False)
    for done in (True, False)
)
"""A signal, to the process or to its group, before the request is carried out, or after that with its answer lost."""


def test_an_interrupted_up_or_down_is_finished_by_the_next_one(user: User) -> None:
    """Every step is ended in one way, and every way is used; the tests of the verbs combine all steps and ways."""
    for step, (signum, alone, done) in zip(STEPS, itertools.cycle(ENDINGS), strict=False):
        fault = step.hangs(user, done=done)
        status, output = struck(user.starts("up", "--yes", "--no-verify"), signum, partial(_came, fault), alone=alone)
        assert status == (-signal.SIGKILL if signum == signal.SIGKILL else 1), output
        user.both_clouds.faults.clear()
        assert signum == signal.SIGKILL or user.gclouds() == [], "a gcloud outlives the verb"
    user.brings_up()
    user.finds_nothing_to_do()
    user.keeps_secrets()
    for path, (signum, alone, done) in zip(REMOVED, itertools.cycle(ENDINGS), strict=False):
        fault = Asked("", "DELETE", "*", path).hangs(user, done=done)
        struck(user.starts("down", "--yes"), signum, partial(_came, fault), alone=alone)
        user.both_clouds.faults.clear()
    status, output = user.runs("down", "--yes")
    assert (status, user.both_clouds.left()) == (0, []), output


def _came(fault: Fault) -> bool:
    """Return whether the request that a fault waits for has come."""
    return fault.times == 0


def test_two_ups_at_the_same_time_make_every_resource_once(user: User) -> None:
    both = [user.starts("up", "--yes", "--no-verify") for _ in range(2)]
    output = [ended(process) for process in both]
    assert {status for status, _ in output} == {0}, output
    user.finds_nothing_to_do()
    assert len(user.connectors()) == 1


def test_an_account_that_cannot_be_impersonated_stops_down_before_dt_is_touched(user: User) -> None:
    user.brings_up()
    left = user.both_clouds.left()
    user.both_clouds.log.clear()
    impersonating = {
        **user.environ,
        "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": "nobody@demo-proj.iam.gserviceaccount.com",
    }
    status, output = user.runs("down", "--yes", environ=impersonating)
    assert (status, user.both_clouds.left()) == (1, left), output
    assert "gcloud config unset auth/impersonate_service_account" in output
    assert not [entry for entry in user.both_clouds.log.changes() if "iamcredentials" not in entry.host]


def test_an_up_that_was_killed_in_or_after_every_step_is_finished_by_the_last_up(user: User) -> None:
    for step in STEPS:
        if step.resource in HELD and not step.count(user):
            _interrupt_in(step, user)
        struck(user.starts("up", "--yes", "--no-verify"), signal.SIGKILL, partial(step.count, user))
    left = [path.name for path in user.temporary.glob("dt-pubsub-*")]
    user.brings_up()
    user.finds_nothing_to_do()
    assert left, "none was killed while its source was staged"
    assert _made_more_than_once(user) == {}
    user.keeps_secrets()
    status, output = user.runs("verify")
    assert (status, "came through DT's connector as message" in output) == (0, True), output


def _interrupt_in(step: Asked, user: User) -> None:
    """Press Ctrl-C while a step's request hangs; the terminal sends it to the children, too."""
    held = step.is_held(user)
    status, output = struck(user.starts("up", "--yes", "--no-verify"), signal.SIGINT, lambda: held.times == 0)
    stood_still_at = _stood_still_at(output)
    assert (status, stood_still_at.startswith(step.resource)) == (1, True), output
    assert f"{stood_still_at}: interrupted" in output
    assert "Traceback" not in output


def _stood_still_at(output: str) -> str:
    """Return the first step that is not done."""
    return output.partition("  not done  ")[2].partition("\n")[0]


def _is_reported(output: str, place: int) -> bool:
    """Return whether the error lists all steps that were done and not done, and the commands that fix it."""
    step, before = STEPS[place], STEPS[place - 1].resource
    left = dict.fromkeys(step.resource for step in STEPS[place:])
    mended = MENDED_BY_DTS_ROLE if step is STEPS[-1] else MENDED_BY_A_ROLE
    end = "  mend it: python -m deploy up\n"
    return (
        f"\n{step.resource}: " in output
        and (place == 0 or before == step.resource or f"\n  done      {before}" in output)
        and [line[12:] for line in output.splitlines() if line.startswith("  not done  ")] == list(left)
        and output.count(mended) == 1
        and output.endswith(end)
    )


def _made_more_than_once(user: User) -> dict[tuple[str, ...], int]:
    """Return the changing requests that succeeded twice; asking where to upload changes nothing."""
    granted = [
        request
        for request in user.both_clouds.log.changes()
        if request.status == 200 and "generateUploadUrl" not in request.path
    ]
    counts = Counter((request.method, request.host, request.path) for request in granted)
    return {asked: count for asked, count in counts.items() if count > 1}
