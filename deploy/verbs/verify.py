"""``verify``: prove the path from DT to Pub/Sub with a real event."""

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import Usage
from deploy.context import Context
from deploy.program import PROGRAM
from deploy.resources.function import Function
from deploy.stages.observe import Observer
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.planning import observe
from deploy.verbs.proving import prove

USAGE = Usage(
    "verify the path from DT to Pub/Sub with a real event",
    {NOTHING_TO_DO: "verified", FAILED: "not verified, or error"},
    options=WHICH_DEPLOYMENT,
)


def run(context: Context) -> int:
    """Read the function and its secret, and prove the path."""
    observed = observe(context, Observer.for_proof)
    described = observed.of(Function(context.spec)).get(Function.key) or {}
    if described.get("serviceConfig", {}).get("allTrafficOnLatestRevision") is False:
        context.terminal.info(f"note: not the newest revision of the function answers; `{PROGRAM} plan` says which")
    prove(context, observed)
    return NOTHING_TO_DO
