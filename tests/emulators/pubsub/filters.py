"""The filters of subscriptions: https://cloud.google.com/pubsub/docs/filtering."""

from collections.abc import Callable, Mapping

from deploy.pubsub_filter import FilterInvalid
from deploy.pubsub_filter import parse_filter as read
from tests.emulators.errors import invalid

Matches = Callable[[Mapping[str, str]], bool]
"""Whether a filter matches a message with these attributes."""


def parse_filter(text: str) -> Matches:
    """Return a filter as a function. Raises ``Refused``."""
    try:
        return read(text).matches
    except FilterInvalid as error:
        raise invalid(
            f"Invalid filter expression (filter={text}): character {error.position + 1}: {error.why}."
        ) from error
