"""Unacknowledged messages of subscriptions, from Cloud Monitoring, which counts them once a minute. Pure.

Google shows a value up to three minutes late: https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.google.time_series import Point, points_of
from deploy.google.time_series import question as question_of

MESSAGES = "num_undelivered_messages"
OLDEST = "oldest_unacked_message_age"
"""Metrics of a subscription: the number of its unacknowledged messages, and the age of the oldest in seconds."""

WINDOW_S = 600
"""Values of the last ten minutes are requested; only the newest one is used."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The number of unacknowledged messages of one subscription, and the age of the oldest in seconds.

    ``measured_at``: when Google counted them, in seconds since 1970.
    """

    messages: int
    oldest_s: int
    measured_at: float


def question(metric: str, subscriptions: Sequence[str], now: float) -> dict[str, str]:
    """Return the parameters of ``timeSeries.list`` for one metric of these subscriptions."""
    names = ",".join(f'"{name}"' for name in subscriptions)
    wanted = (
        f'metric.type = "pubsub.googleapis.com/subscription/{metric}" AND '
        f'resource.type = "pubsub_subscription" AND resource.labels.subscription_id = one_of({names})'
    )
    return question_of(wanted, now - WINDOW_S, now)


def unread_in(messages: Iterable[Any], oldest: Iterable[Any]) -> dict[str, Unread]:
    """Return the unread messages by subscription, from the series of both metrics.

    A subscription without a value is left out.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: the series have another structure than Google documents.

    """
    ages = _newest(oldest)
    return {
        name: Unread(int(point.value), int(ages[name].value) if name in ages else 0, point.ended_at)
        for name, point in _newest(messages).items()
    }


def _newest(all_series: Iterable[Any]) -> dict[str, Point]:
    """Return the newest point of each series, by subscription."""
    newest: dict[str, Point] = {}
    for point in points_of(all_series):
        name = point.labels["subscription_id"]
        if name not in newest or point.ended_at > newest[name].ended_at:
            newest[name] = point
    return newest
