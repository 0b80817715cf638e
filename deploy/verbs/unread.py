"""The number of unread messages of subscriptions, which ``down`` and ``up --bigquery=none`` delete with them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deploy.context import Context
from deploy.errors import DeployError
from deploy.google.backlog import MESSAGES, question, unread_in
from deploy.resources.catalog import retired, unlisted_of
from deploy.resources.pubsub import UNREAD, subscription_id, unread_words
from deploy.spec import Spec
from deploy.stages.observed import Observed
from deploy.steps import ResourceId, Step


def count_unread(context: Context, subscriptions: Sequence[str]) -> Mapping[str, int]:
    """Return the number of unread messages of each subscription, as Google counted them in the last minutes.

    A subscription that Google has no number for is left out: all are, if Google does not answer, or if its answer
    cannot be understood. The verb goes on without the numbers.
    """
    try:
        wanted = question(MESSAGES, subscriptions, context.now())
        counted = unread_in(context.read_time_series(context.spec.google_project, wanted), ())
    except (DeployError, AttributeError, KeyError, TypeError, ValueError):
        return {}
    return {name: unread.messages for name, unread in counted.items()}


def with_unread(spec: Spec, observed: Observed, unread: Mapping[str, int]) -> Observed:
    """Add the numbers of unread messages to the facts of the subscriptions; those that are listed have all of them."""
    ids: dict[ResourceId, Any] = {subscription_id(name): count for name, count in unread.items()}
    ids[unlisted_of(spec, "subscription").id] = unread
    facts = {id_: {**found, UNREAD: ids[id_]} if id_ in ids else found for id_, found in observed.facts.items()}
    return replace(observed, facts=facts)


def with_unread_of_retired(context: Context, observed: Observed) -> Observed:
    """Add the numbers of unread messages of the subscriptions that a plan removes, if there are any."""
    spec = context.spec
    names = [subscription.name for subscription in retired(spec) if subscription.found(observed.of(subscription))]
    return with_unread(spec, observed, count_unread(context, names)) if names else observed


def losses(spec: Spec, observed: Observed, steps: Sequence[Step]) -> str:
    """Return what the steps of a plan delete, as the end of a question; empty if they delete no messages."""
    deleted = {step.id for step in steps if step.action == "delete"}
    lost = []
    for subscription in retired(spec):
        count = observed.of(subscription).get(UNREAD)
        if subscription.id in deleted and count != 0:
            lost.append(f"{subscription.title} with {'unread messages' if count is None else unread_words(count)}")
    return f", and delete {' and '.join(lost)} permanently" if lost else ""
