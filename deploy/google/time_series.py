"""Questions to Cloud Monitoring, and the points of its answers. Pure.

https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list: a filter names exactly one metric type,
points come newest first, and 64-bit integers are written as text. A value becomes visible up to three minutes late.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.times import utc


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a series. ``labels``: those of its metric and its resource. ``ended_at``: seconds since 1970."""

    labels: Mapping[str, str]
    ended_at: float
    value: float


def question(wanted: str, since: float, until: float, **aggregation: str) -> dict[str, str]:
    """Return the parameters of ``timeSeries.list`` for a filter. ``aggregation``: such as ``alignmentPeriod``."""
    return {
        "filter": wanted,
        "interval.startTime": utc(since),
        "interval.endTime": utc(until),
        **{f"aggregation.{name}": value for name, value in aggregation.items()},
    }


def points_of(all_series: Any) -> Iterator[Point]:
    """Return all points of an answer.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it has another structure than Google documents.

    """
    for series in all_series:
        labels = {**series.get("resource", {}).get("labels", {}), **series.get("metric", {}).get("labels", {})}
        for point in series.get("points", ()):
            interval, value = point["interval"], point["value"]
            ended_at = datetime.fromisoformat(interval["endTime"]).timestamp()
            number = value["int64Value"] if "int64Value" in value else value["doubleValue"]
            yield Point(labels, ended_at, float(number))
