"""Percentiles and medians. Pure."""

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the percentile of the values; not a number if there are none."""
    if not values:
        return float("nan")
    return sorted(values)[min(int(len(values) * percent / 100), len(values) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the median of the values; not a number if there are none."""
    return statistics.median(values) if values else float("nan")
