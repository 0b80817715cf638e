"""The number of unread messages of subscriptions, which ``down`` deletes with them."""

from collections.abc import Mapping, Sequence

from deploy.context import Context
from deploy.errors import DeployError
from deploy.google.backlog import MESSAGES, question, unread_in


def count_unread(context: Context, subscriptions: Sequence[str]) -> Mapping[str, int]:
    """Return the number of unread messages of each subscription, as Google counted them in the last minutes.

    A subscription that Google has no number for is left out: all are, if Google does not answer, or if its answer
    cannot be understood. ``down`` goes on without the numbers.
    """
    try:
        wanted = question(MESSAGES, subscriptions, context.now())
        counted = unread_in(context.read_time_series(context.spec.google_project, wanted), ())
    except (DeployError, AttributeError, KeyError, TypeError, ValueError):
        return {}
    return {name: unread.messages for name, unread in counted.items()}
