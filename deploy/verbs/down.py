"""``down``: remove both ends of a deployment, after a confirmation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import YES, Usage
from deploy.context import Context
from deploy.parallel import begun
from deploy.resources.catalog import subscriptions_of, unlisted_of
from deploy.resources.pubsub import UNREAD, subscription_id, unread_words
from deploy.spec import Spec
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.stages.plan import plan_removal
from deploy.steps import ResourceId, pending
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
    named = [subscription.name for subscription in subscriptions_of(spec)]
    with begun(lambda: count_unread(context, named)) as counted:
        observed = observe(context, Observer.for_removal)
        unread = counted()
    unlisted = unlisted_of(spec, "subscription")
    if left := unlisted.names(observed.of(unlisted)):
        unread = {**unread, **count_unread(context, left)}
    steps = plan_removal(spec, _with_unread(spec, observed, unread))
    context.show(steps, f"nothing of {spec.name} is there")
    wanted = pending(steps)
    if not wanted:
        return NOTHING_TO_DO
    deleted = {step.resource for step in wanted}
    lost = sum(count for name, count in unread.items() if str(subscription_id(name)) in deleted)
    messages = f" and {unread_words(lost)}" if lost else ""
    confirm(context, f"delete {len(wanted)} resources{messages} permanently?")
    apply(context, steps, observed, again("down", context.flags))
    context.print(
        f"{spec.name} is removed: {len(wanted)} resources{messages} are deleted; what stays is marked = above"
    )
    return NOTHING_TO_DO


def _with_unread(spec: Spec, observed: Observed, unread: Mapping[str, int]) -> Observed:
    """Add the numbers of unread messages to the facts of the subscriptions; those that are listed have all of them."""
    ids: dict[ResourceId, Any] = {subscription_id(name): count for name, count in unread.items()}
    ids[unlisted_of(spec, "subscription").id] = unread
    facts = {id_: {**found, UNREAD: ids[id_]} if id_ in ids else found for id_, found in observed.facts.items()}
    return replace(observed, facts=facts)
