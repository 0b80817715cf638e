"""``up``: create or update both ends, and verify them with a real event."""

from deploy.cli.usage import YES, Flag, Usage
from deploy.context import Context
from deploy.errors import ApplyFailed
from deploy.program import PROGRAM
from deploy.resources.billing import Billing
from deploy.steps import OldSecretRemoval, pending
from deploy.verbs.applying import again, apply, confirm, converge
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.orientation import know_next_steps, show_next_steps
from deploy.verbs.pausing import report_undelivered
from deploy.verbs.planning import Changes, plan_changes, show_plan
from deploy.verbs.proving import prove_after_up
from deploy.verbs.rolling_back import roll_back
from deploy.verbs.unread import losses
from deploy.verbs.upgrading import confirm_upgrade, show_upgrade

NO_VERIFY = Flag(
    "--no-verify", {"dest": "verify", "action": "store_false", "help": "do not verify the path afterwards"}
)

ROLLBACK = Flag(
    "--rollback",
    {
        "nargs": "?",
        "const": "",
        "metavar": "REVISION",
        "help": "instead, send all requests to the last earlier revision that is good, or to this one",
    },
)

USAGE = Usage(
    "create or update both ends, and verify them with a real event",
    {NOTHING_TO_DO: "done and verified, or nothing to do", FAILED: "error, or incomplete"},
    flags=(YES, NO_VERIFY, ROLLBACK),
    is_resumable=True,
    offers_init=True,
)


def run(context: Context) -> int:
    """Plan, confirm, apply and verify. If nothing has to change, it does nothing."""
    if context.flags.rollback is not None:
        return roll_back(context)
    changes = plan_changes(context)
    cost = show_plan(context, changes)
    upgrade = show_upgrade(context, changes)
    if not pending(changes.steps):
        know_next_steps(changes.context, changes.observed, cost)
        context.print(f"where everything is: {PROGRAM} status --links")
        return NOTHING_TO_DO
    spec, context = context.spec, changes.context
    confirm_upgrade(context, upgrade)
    lost = losses(context.spec, changes.observed, changes.steps)
    confirm(context, f"change {spec.google_project} and DT project {', '.join(spec.dt_projects)}{lost}?")
    finish = again("up", context.flags)
    try:
        secrets = apply(context, changes.steps, changes.observed, finish)
    except ApplyFailed as error:
        report_undelivered(context, error.done, {})
        raise
    report_undelivered(context, changes.steps, {})
    observed, left = converge(context, changes, secrets)
    if reset := tuple(step for step in left if step.id == Billing(context.spec).id):
        context.print("the deployment has reset how Cloud Run bills the function; it is set again")
        changes = Changes(context, observed, reset)
        observed, left = converge(context, changes, apply(context, reset, observed, finish) or secrets)
    context.print("nothing is left to do" if not left else "these changes are still left:")
    for step in left:
        context.print(f"  {step.resource}: {step.reason}")
    know_next_steps(context, observed, cost)
    if context.flags.verify:
        prove_after_up(context, observed)
    show_next_steps(context)
    is_unfinished = any(not isinstance(step.call, OldSecretRemoval) for step in left)
    return FAILED if is_unfinished else NOTHING_TO_DO
