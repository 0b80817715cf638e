"""``down``: remove both ends of a deployment, after a confirmation."""

from collections.abc import Mapping
from dataclasses import replace

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import YES, Usage
from deploy.context import Context
from deploy.parallel import begun
from deploy.resources.pubsub import UNREAD, subscription_id, unread_words
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.stages.plan import plan_removal
from deploy.steps import pending
from deploy.verbs.applying import again, apply, confirm
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.planning import observe
from deploy.verbs.unread import count_unread

USAGE = Usage(
    "remove both ends of the deployment",
    {NOTHING_TO_DO: "nothing of the deployment is left", FAILED: "error"},
    options=WHICH_DEPLOYMENT,
    flags=(YES,),
    is_resumable=True,
)


def run(context: Context) -> int:
    """Read the existing resources, ask for confirmation, and delete them."""
    spec = context.spec
    context.dt.require_credentials()
    with begun(lambda: count_unread(context, (spec.topic, spec.rejected_topic))) as counted:
        observed = observe(context, Observer.for_removal)
        unread = counted()
    steps = plan_removal(spec, _with_unread(observed, unread))
    context.show(steps, f"nothing of {spec.name} is there")
    wanted = pending(steps)
    if not wanted:
        return NOTHING_TO_DO
    deleted = {step.id for step in wanted}
    lost = sum(count for name, count in unread.items() if subscription_id(name) in deleted)
    messages = f" and {unread_words(lost)}" if lost else ""
    confirm(context, f"delete {len(wanted)} resources{messages} permanently?")
    apply(context, steps, observed, again("down", context.flags))
    context.print(
        f"{spec.name} is removed: {len(wanted)} resources{messages} are deleted; what stays is marked = above"
    )
    return NOTHING_TO_DO


def _with_unread(observed: Observed, unread: Mapping[str, int]) -> Observed:
    """Add the numbers of unread messages to the facts of the subscriptions."""
    ids = {subscription_id(name): count for name, count in unread.items()}
    facts = {id_: {**found, UNREAD: ids[id_]} if id_ in ids else found for id_, found in observed.facts.items()}
    return replace(observed, facts=facts)
