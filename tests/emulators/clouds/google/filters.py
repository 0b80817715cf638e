"""Filters of Pub/Sub subscriptions, which Google's emulator stores but does not apply."""

from tests.emulators.clouds.google.problems import Problem
from tests.emulators.errors import Refused
from tests.emulators.pubsub import filters
from tests.emulators.pubsub.filters import Matches


def parse_filter(text: str) -> Matches:
    """Return a filter as a function. Raises ``Problem``."""
    try:
        return filters.parse_filter(text)
    except Refused as refused:
        raise Problem(refused.code.name, refused.message) from refused
