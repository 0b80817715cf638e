"""``pause``: let DT send no events, in all DT projects of the deployment, until ``resume``."""

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import YES, Usage
from deploy.context import Context
from deploy.program import PROGRAM
from deploy.resources.pausing import losses, paused_after_pause, plan_pause
from deploy.steps import pending
from deploy.times import utc
from deploy.verbs.applying import again, apply, confirm
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.pausing import closed_steps, note_steps, owned, read, require_all_shown

USAGE = Usage(
    "pause the connectors of all DT projects: DT sends no events until resume, and never those of the pause",
    {NOTHING_TO_DO: "paused, or paused before", FAILED: "error, or some are not paused"},
    options=WHICH_DEPLOYMENT,
    flags=(YES,),
    is_resumable=True,
)


STILL = "not paused: it may still send events"


def run(context: Context) -> int:
    """Say what DT loses, ask for confirmation, remember the pause, and pause the connectors.

    The note comes first: if this is killed before a connector is paused, its note counts for nothing.

    Raises:
        DeployError: DT hides a DT project in which a connector may be left. All others are paused before.

    """
    observed = read(context)
    ours, since = owned(context, observed), observed.memory(context.spec).paused_since
    steps = plan_pause(ours, since)
    if not pending(steps):
        context.show((*steps, *closed_steps(observed)))
        require_all_shown(observed, STILL)
        return NOTHING_TO_DO
    note = note_steps(context, observed, paused_after_pause(ours, since, utc(context.now())))
    steps = (*note, *steps, *closed_steps(observed))
    context.show(steps)
    context.print(losses(pending(steps)))
    confirm(context, "pause?")
    apply(context, steps, observed, again("pause", context.flags))
    context.print(f"paused, also for `{PROGRAM} up`; `{PROGRAM} resume` lets DT send again")
    require_all_shown(observed, STILL)
    return NOTHING_TO_DO
