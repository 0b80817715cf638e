"""The second half of ``up`` and ``down``: confirm, apply, and after ``up`` plan again until nothing is left."""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace

from deploy.cli.options import OF_COST, WHICH_DEPLOYMENT, Option
from deploy.context import Context
from deploy.errors import Aborted
from deploy.google.builds import estimate
from deploy.program import PROGRAM, UP
from deploy.resources.function import Function
from deploy.secret import Secret
from deploy.stages.apply import POLL_PAUSES_S, Executor
from deploy.stages.observed import Observed
from deploy.stages.plan import plan
from deploy.steps import ConnectorCall, GcloudCall, ResourceId, Step, pending
from deploy.verbs.planning import Changes, observe
from deploy.verbs.rotating import rotator_of

LAG_PAUSES_S = (2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses between two reads of DT's lists after a change, because the lists may lag behind."""

RECORD_PAUSES_S = (1.0, 2.0, 2.0, 5.0, 10.0, 10.0)
"""Pauses between two reads of the record of another run's upload, which that run writes seconds after its build."""


def again(verb: str, flags: argparse.Namespace) -> str:
    """Return the command that finishes a verb, with the flags that say what it does."""
    revision = getattr(flags, "rollback", None)
    rollback = [] if revision is None else [f"--rollback={revision}" if revision else "--rollback"]
    dataset = getattr(flags, "delete_data", None)
    data = [] if dataset is None else [f"--delete-data={dataset}" if dataset else "--delete-data"]
    everything = ["--all"] if getattr(flags, "all", False) else []
    return f"{PROGRAM} {shlex.join((verb, *rollback, *data, *everything, *given(flags, OF_COST)))}"


def deployment_flags(flags: argparse.Namespace) -> tuple[str, ...]:
    """Return the flags of the command line that say which deployment is meant; not what a file or a variable says."""
    config = getattr(flags, "config", None)
    return (*([f"--config={config}"] if config else ()), *given(flags, WHICH_DEPLOYMENT))


def given(flags: argparse.Namespace, options: Sequence[Option]) -> tuple[str, ...]:
    """Return those of the options that the command line has, as it has them."""
    words: list[str] = []
    for option in options:
        values = getattr(flags, option.place, None) or ()
        words += [f"{option.flag}={value}" for value in ([values] if isinstance(values, str) else values)]
    return tuple(words)


def confirm(context: Context, question: str) -> None:
    """Ask the user for confirmation, unless ``--yes`` was given.

    Raises:
        Aborted: the answer is no, or standard input is not a terminal.

    """
    if context.flags.yes:
        return
    agreed = context.terminal.confirm(question)
    if agreed is None:
        raise Aborted("this is not a terminal, and nothing was changed", fix=["pass --yes"])
    if not agreed:
        raise Aborted("nothing was changed")


def apply(context: Context, steps: Sequence[Step], before: Observed, finish: str = UP) -> tuple[Secret, ...]:
    """Carry out the steps; return the enabled secrets, or no secrets if the steps did not need them.

    ``finish``: the command that finishes the steps after a failure.
    """
    with context.staged() as source:
        executor = Executor(
            replace(context.spec, project_number=before.project_number),
            context.google,
            context.connectors,
            context.devices,
            context.secret_versions,
            source,
            before.url(context.spec),
            before.secrets,
            before.secret_version(context.spec),
            again=finish,
            estimates=_estimates(context, steps, before),
            sleep=context.sleep,
            now=context.now,
            retire=lambda: rotator_of(context, before).go_on(),
        )
        executor.apply(steps, context.terminal)
        context.report.done = tuple(step for step in pending(tuple(steps)) if step not in executor.put_off)
        return executor.secrets


def _estimates(context: Context, steps: Sequence[Step], before: Observed) -> dict[ResourceId, str]:
    """Return how long the build of the function takes, if there is one: a user waits for nothing else so long."""
    function = Function(context.spec)
    deploys = [step for step in steps if isinstance(step.call, GcloudCall) and step.call.needs_source]
    if not deploys:
        return {}
    return {deploys[0].id: estimate(context.google, context.spec, function.found(before.of(function)) or {})}


def converge(context: Context, changes: Changes, secrets: tuple[Secret, ...]) -> tuple[Observed, tuple[Step, ...]]:
    """Read the changed resources again, and plan; return the observed state and the steps that are left.

    If steps on connectors are left, the connectors are listed again, because DT's lists may lag behind.
    """
    observed = observe(
        context,
        lambda observer: observer.again(changes.observed, changes.steps, secrets),
        "reading the changed resources again",
    )
    observed = _after_other_runs(context, observed)
    for pause_s in (*LAG_PAUSES_S, None):
        context.report.left = left = pending(plan(context.spec, observed, context.now()))
        if pause_s is None or not any(isinstance(step.call, ConnectorCall) for step in left):
            break
        context.sleep(pause_s)
        observed = _list_connectors_again(context, observed)
    return observed, left


def _after_other_runs(context: Context, observed: Observed) -> Observed:
    """Wait until another ``up`` that deploys the function at the same time has built it, and recorded its upload.

    An upload that stays without a record is from another tool, and the next plan says so.
    """
    if not observed.unfinished_deployment(context.spec):
        return observed
    pauses = {"building": iter(POLL_PAUSES_S), "unrecorded": iter(RECORD_PAUSES_S)}
    with context.terminal.progress("waiting for another command, which has deployed the function, too"):
        while state := observed.unfinished_deployment(context.spec):
            pause_s = next(pauses[state], None)
            if pause_s is None:
                break
            context.sleep(pause_s)
            left = plan(context.spec, observed, context.now())
            observed = context.observer.again(observed, left, observed.secrets)
    return observed


def _list_connectors_again(context: Context, before: Observed) -> Observed:
    return observe(context, lambda observer: observer.connectors_and_secret_again(before), "waiting for DT's lists")
