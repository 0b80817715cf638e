"""``resume``: let DT send events again, say which ones it does not deliver, and verify the path with a real event."""

from collections.abc import Sequence

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.errors import ApplyFailed
from deploy.resources.pausing import ACTIVE, plan_resume
from deploy.stages.observed import Observed
from deploy.steps import ConnectorCall, Step, pending
from deploy.times import utc
from deploy.verbs.applying import LAG_PAUSES_S, again, apply
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.pausing import closed_steps, note_steps, owned, read, report_undelivered, require_all_shown
from deploy.verbs.planning import observe
from deploy.verbs.proving import prove_after_up
from deploy.verbs.up import NO_VERIFY

YES = Flag("--yes", {"action": "store_true", "help": "accepted as by pause; resume asks nothing"})

ALL = Flag("--all", {"action": "store_true", "help": "also the connectors that were paused in DT Studio"})

USAGE = Usage(
    "resume the connectors that pause has paused, and verify them with a real event",
    {NOTHING_TO_DO: "DT sends, except from what was paused in DT Studio", FAILED: "error, or not verified"},
    options=WHICH_DEPLOYMENT,
    flags=(YES, ALL, NO_VERIFY),
    is_resumable=True,
)


STILL = "as it was: paused, if it was paused before"


def run(context: Context) -> int:
    """Resume the connectors, forget the pause, and verify.

    The note goes last: if this is killed before, the next ``resume`` still knows who paused the rest.

    Raises:
        DeployError: DT hides a DT project in which a connector may be left. All others are resumed before.

    """
    observed = read(context)
    ours, since = owned(context, observed), observed.memory(context.spec).paused_since
    steps = plan_resume(ours, since, by_hand=context.flags.all)
    resumed = pending(steps)
    steps = (*steps, *note_steps(context, observed, {}, utc(context.now())), *closed_steps(observed))
    context.show(steps)
    if not pending(steps):
        require_all_shown(observed, STILL)
        return NOTHING_TO_DO
    try:
        apply(context, steps, observed, again("resume", context.flags))
    except ApplyFailed as error:
        report_undelivered(context, error.done, since)
        raise
    report_undelivered(context, resumed, since)
    if resumed and context.flags.verify:
        prove_after_up(context, _listed_again(context, observed, resumed))
    require_all_shown(observed, STILL)
    return NOTHING_TO_DO


def _listed_again(context: Context, before: Observed, resumed: Sequence[Step]) -> Observed:
    """List the connectors until DT shows the resumed ones as active, because DT's lists may lag behind."""
    observed = before
    calls = [step.call for step in resumed if isinstance(step.call, ConnectorCall)]
    for pause_s in (0.0, *LAG_PAUSES_S):
        context.sleep(pause_s)
        observed = observe(context, lambda observer: observer.connectors_again(before), "reading the connectors again")
        listed = {connector.id: connector.status for found in observed.connectors.values() for connector in found}
        if all(listed.get(call.connector, ACTIVE) == ACTIVE for call in calls):
            break
    return observed
