"""Filters of Pub/Sub subscriptions, which Google's emulator stores but does not apply."""

from deploy.offline.clouds.google.problems import Problem
from deploy.offline.errors import Refused
from deploy.offline.pubsub import filters
from deploy.offline.pubsub.filters import Matches


def parse_filter(text: str) -> Matches:
    """Return a filter as a function. Raises ``Problem``."""
    try:
        return filters.parse_filter(text)
    except Refused as refused:
        raise Problem(refused.code.name, refused.message) from refused
