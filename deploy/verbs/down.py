"""``down``: remove what ``up`` made, on both ends, after asking."""

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import YES, Usage
from deploy.context import Context
from deploy.stages.observe import Observer
from deploy.stages.plan import plan_removal
from deploy.steps import pending
from deploy.verbs.applying import apply, confirm
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.planning import observe

USAGE = Usage(
    "remove what up made, on both ends",
    {NOTHING_TO_DO: "nothing of it is left", FAILED: "error"},
    options=WHICH_DEPLOYMENT,
    flags=(YES,),
    is_resumable=True,
)


def run(context: Context) -> int:
    """Read what is there, confirm, and delete it."""
    observed = observe(context, Observer.for_removal)
    steps = plan_removal(context.spec, observed)
    context.show(steps)
    if pending(steps):
        confirm(context, f"delete {len(pending(steps))} things for good?")
        apply(context, steps, observed)
    return NOTHING_TO_DO
