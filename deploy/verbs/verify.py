"""``verify``: prove the path with a real event."""

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import Usage
from deploy.context import Context
from deploy.stages.observe import Observer
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.planning import observe
from deploy.verbs.proving import prove

USAGE = Usage(
    "prove the path with a real event",
    {NOTHING_TO_DO: "proven", FAILED: "not proven, or error"},
    options=WHICH_DEPLOYMENT,
)


def run(context: Context) -> int:
    """Find the function and its secret, and prove the path."""
    prove(context, observe(context, Observer.for_proof))
    return NOTHING_TO_DO
