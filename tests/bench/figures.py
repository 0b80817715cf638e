"""Percentiles and medians. Pure."""

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the value that so many percent of the values do not exceed; not a number when there is none."""
    if not values:
        return float("nan")
    return sorted(values)[min(int(len(values) * percent / 100), len(values) - 1)]


def median(values: Sequence[float]) -> float:
    """Give the middle value; not a number when there is none."""
    return statistics.median(values) if values else float("nan")
