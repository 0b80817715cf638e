"""Unacknowledged messages of subscriptions, from Cloud Monitoring, which counts them once a minute. Pure.

Google shows a value up to three minutes late: https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MESSAGES = "num_undelivered_messages"
OLDEST = "oldest_unacked_message_age"
"""Metrics of a subscription: the number of its unacknowledged messages, and the age of the oldest in seconds."""

WINDOW_S = 600
"""Values of the last ten minutes are requested; only the newest one is used."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The number of unacknowledged messages of one subscription, and the age of the oldest in seconds."""

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
    """Return the unread messages by subscription, from the series of both metrics.

    A subscription without a value is left out.

    Raises:
        KeyError, TypeError, ValueError: the series have another structure than Google documents.

    """
    ages = _newest_values(oldest)
    return {name: Unread(count, ages.get(name, 0)) for name, count in _newest_values(messages).items()}


def _newest_values(all_series: Iterable[Any]) -> dict[str, int]:
    """Return the newest value of each series by subscription. Google writes integers as text."""
    return {
        series["resource"]["labels"]["subscription_id"]: int(_value(max(series["points"], key=_end_time)))
        for series in all_series
        if series.get("points")
    }


def _value(point: Mapping[str, Any]) -> str:
    value: str = point["value"]["int64Value"]
    return value


def _end_time(point: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(point["interval"]["endTime"])


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
