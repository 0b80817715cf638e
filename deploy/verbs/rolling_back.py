"""``up --rollback``: send all requests to an earlier revision of the function, and verify it with a real event."""

from deploy.cli.options import OPTIONS, WHICH_DEPLOYMENT
from deploy.context import Context
from deploy.errors import DeployError
from deploy.program import PROGRAM
from deploy.resources.function import Function
from deploy.resources.traffic import pinned_to, plan_rollback
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.steps import Step, pending
from deploy.verbs.applying import again, apply, confirm
from deploy.verbs.exit_codes import NOTHING_TO_DO
from deploy.verbs.planning import observe
from deploy.verbs.proving import prove_after_up


def roll_back(context: Context) -> int:
    """Plan, confirm, apply and verify. If it was done before, it does nothing.

    Raises:
        DeployError: a setting was given as well, there is no earlier revision, or another command changed the traffic.

    """
    _check_flags(context)
    observed = observe(context, Observer.for_rollback, "reading the revisions")
    step = _step(context, observed)
    context.show((step,))
    if not pending((step,)):
        return NOTHING_TO_DO
    confirm(context, f"send all requests to {step.changes[0].new} in {context.spec.google_project}?")
    apply(context, (step,), observed, again("up", context.flags))
    observed = observe(context, Observer.for_rollback, "reading the traffic again")
    if (pinned := pinned_to(_service(context, observed))) != step.changes[0].new:
        what = f"another command has changed the traffic meanwhile: it is on {pinned or 'the newest revision'}"
        raise DeployError(what, where=step.resource, fix=[f"{PROGRAM} status"])
    context.print(f"revision {pinned} answers all requests until the next `{PROGRAM} up`, which ends the rollback")
    if context.flags.verify:
        prove_after_up(context, observed)
    return NOTHING_TO_DO


def _step(context: Context, observed: Observed) -> Step:
    spec, function = context.spec, Function(context.spec)
    revisions = observed.of(function).get("revisions") or []
    return plan_rollback(spec, function.id, _service(context, observed), revisions, context.flags.rollback)


def _service(context: Context, observed: Observed) -> dict[str, object]:
    service: dict[str, object] = observed.of(Function(context.spec))["service"]
    return service


def _check_flags(context: Context) -> None:
    """Refuse settings on the command line, because a rollback changes none."""
    typed = vars(context.flags)
    given = [
        option.flag for option in OPTIONS if option not in WHICH_DEPLOYMENT and typed.get(option.place) is not None
    ]
    if given:
        what = f"--rollback changes only which revision answers, and no setting: {', '.join(given)}"
        raise DeployError(what, where="rollback", fix=[again("up", context.flags)])
