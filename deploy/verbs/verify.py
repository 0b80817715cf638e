"""``verify``: prove the path from DT to Pub/Sub with a real event; ``--report`` also answers the open questions."""

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import YES, Flag, Usage
from deploy.context import Context
from deploy.pages import page
from deploy.program import PROGRAM
from deploy.resources.function import Function
from deploy.stages.observe import Observer
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, PARTIAL
from deploy.verbs.first_contact import FirstContact
from deploy.verbs.planning import observe
from deploy.verbs.proving import prove

USAGE = Usage(
    "verify the path from DT to Pub/Sub with a real event",
    {
        NOTHING_TO_DO: "verified",
        FAILED: "not verified, or error",
        PARTIAL: "report incomplete",
    },
    options=WHICH_DEPLOYMENT,
    flags=(
        Flag(
            "--report",
            {
                "metavar": "FILE",
                "help": "also measure what only the real clouds can tell, into FILE; asks first, takes about ten "
                f"minutes ({page('first-contact.md')})",
            },
        ),
        YES,
    ),
)


def run(context: Context) -> int:
    """Read the function and its secret, prove the path, and make the report if there is to be one."""
    contact = FirstContact.of(context)
    observed = observe(context, Observer.for_proof)
    described = observed.of(Function(context.spec)).get(Function.key) or {}
    if described.get("serviceConfig", {}).get("allTrafficOnLatestRevision") is False:
        context.terminal.info(f"note: not the newest revision of the function answers; `{PROGRAM} plan` says which")
    if contact is None:
        prove(context, observed)
        return NOTHING_TO_DO
    site = contact.agreed(observed)
    prove(context, observed)
    return NOTHING_TO_DO if contact.report(site) else PARTIAL
