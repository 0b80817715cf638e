"""``down``: remove both ends of a deployment, after a confirmation."""

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import YES, Usage
from deploy.context import Context
from deploy.stages.observe import Observer
from deploy.stages.plan import plan_removal
from deploy.steps import pending
from deploy.verbs.applying import again, apply, confirm
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.planning import observe

USAGE = Usage(
    "remove both ends of the deployment",
    {NOTHING_TO_DO: "nothing of the deployment is left", FAILED: "error"},
    options=WHICH_DEPLOYMENT,
    flags=(YES,),
    is_resumable=True,
)


def run(context: Context) -> int:
    """Read the existing resources, ask for confirmation, and delete them."""
    observed = observe(context, Observer.for_removal)
    steps = plan_removal(context.spec, observed)
    context.show(steps)
    if pending(steps):
        confirm(context, f"delete {len(pending(steps))} resources permanently?")
        apply(context, steps, observed, again("down", context.flags))
    return NOTHING_TO_DO
