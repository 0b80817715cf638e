"""What waits on a subscription to be read: asked of Cloud Monitoring, which counts it once a minute. Pure.

Google shows a figure up to three minutes late: https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MESSAGES = "num_undelivered_messages"
OLDEST = "oldest_unacked_message_age"
"""Metrics of a subscription: a number of messages, and seconds."""

WINDOW_S = 600
"""Seconds back to which figures are asked for; the newest counts."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Messages of one subscription that nobody has acknowledged, and the age of the oldest, in seconds."""

    messages: int
    oldest_s: int


def question(metric: str, subscriptions: Sequence[str], now: float) -> dict[str, str]:
    """Return the parameters of ``timeSeries.list`` for one metric of these subscriptions."""
    names = ",".join(f'"{name}"' for name in subscriptions)
    return {
        "filter": f'metric.type = "pubsub.googleapis.com/subscription/{metric}" AND '
        f'resource.type = "pubsub_subscription" AND resource.labels.subscription_id = one_of({names})',
        "interval.startTime": _timestamp(now - WINDOW_S),
        "interval.endTime": _timestamp(now),
    }


def unread_in(messages: Iterable[Any], oldest: Iterable[Any]) -> dict[str, Unread]:
    """Return what is unread by subscription, from the series of both metrics; one without a figure is left out.

    Raises:
        KeyError, TypeError, ValueError: the series have another shape than Google documents.

    """
    ages = _newest_values(oldest)
    return {name: Unread(count, ages.get(name, 0)) for name, count in _newest_values(messages).items()}


def _newest_values(series: Iterable[Any]) -> dict[str, int]:
    """Take the newest point of each series; Google puts it first, and writes whole numbers as text."""
    return {
        one["resource"]["labels"]["subscription_id"]: int(_value(max(one["points"], key=_ended_at)))
        for one in series
        if one.get("points")
    }


def _value(point: Mapping[str, Any]) -> str:
    value: str = point["value"]["int64Value"]
    return value


def _ended_at(point: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(point["interval"]["endTime"])


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
