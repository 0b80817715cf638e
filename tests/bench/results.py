"""The results, as the JSON of docs/performance.json: medians of the rounds, and ratios. Pure.

::

    {"compare": {"machine": "…", "plan": {…}, "not_measured": ["…"],
                 "points": [{"variant": "…", "broker": "…", "connections": 1, "median": {…}, "rounds": [{…}, …]}, …],
                 "outage": {"<variant>": {"status": 503, "seconds": 4.0}, …}},
     "share": {"<part>": <microseconds>, …},
     "counts": {"machine": "…", "counts": {"<name>": <count for one event>, …},
                "calls": {"<name>": {"<system call>": <count for one event>, …}, …}},
     "imports": {"<variant>": {"<package>": <milliseconds>, …}, …},
     "memory": {"steps": [[<events>, <MiB>], …]},
     "small": {"machine": "…", …}}  # the rest as tests.bench.small describes it

A point with ``connections`` 0 belongs to a server as a whole: its start, and its answers without a message at the
broker. A section that has not been measured is missing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.bench.figures import median

METRICS = ("p50_ms", "p99_ms", "requests_s", "cpu_us", "memory_mib", "start_ms", "sender_cpu_us")
"""Figures of which a point has the median."""

SUMS = ("right", "wrong", "missing")
"""Figures of which a point has the sum over the rounds."""


def points_of(runs: Iterable[tuple[str, str, int, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the points of runs (variant, broker, connections, figures), in the order of their first round.

    A figure that is not a number, because there was no answer to measure, is left out.
    """
    rounds: dict[tuple[str, str, int], list[Mapping[str, Any]]] = {}
    for variant, broker, connections, figures in runs:
        rounds.setdefault((variant, broker, connections), []).append(figures)
    return [
        {
            "variant": variant,
            "broker": broker,
            "connections": connections,
            "median": {name: median(values) for name in METRICS if (values := _numbers(name, figures))},
            "sum": {name: sum(values[name] for values in figures) for name in SUMS if name in figures[0]},
            "rounds": [{name: values[name] for name in METRICS if _numbers(name, [values])} for values in figures],
        }
        for (variant, broker, connections), figures in rounds.items()
    ]


def _numbers(name: str, rounds: Iterable[Mapping[str, Any]]) -> list[float]:
    return [figures[name] for figures in rounds if math.isfinite(figures.get(name, math.nan))]


class Comparison:
    """Finds points and figures in the results."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self.points: Sequence[Mapping[str, Any]] = results.get("compare", {}).get("points", [])
        self._by_name = {(point["variant"], point["broker"], point["connections"]): point for point in self.points}

    @property
    def brokers(self) -> list[str]:
        """The brokers' names, in order."""
        return list(dict.fromkeys(point["broker"] for point in self.points if point["broker"]))

    @property
    def variants(self) -> list[str]:
        """The names of the measured variants, in order."""
        return list(dict.fromkeys(point["variant"] for point in self.points if not point["connections"]))

    @property
    def connections(self) -> list[int]:
        """The numbers of connections, in ascending order."""
        return sorted({point["connections"] for point in self.points} - {0})

    def point(self, variant: str, broker: str, connections: int) -> Mapping[str, Any] | None:
        """Return a point; a variant that needs no broker has the same point for all brokers."""
        return self._by_name.get((variant, broker, connections)) or self._by_name.get((variant, "", connections))

    def figure(self, metric: str, variant: str, broker: str, connections: int) -> float | None:
        """Return the median of one metric."""
        point = self.point(variant, broker, connections)
        value = point["median"].get(metric) if point else None
        return None if value is None else float(value)

    def ratio(self, metric: str, one: str, other: str, broker: str, connections: int) -> float | None:
        """Return the median of the rounds' ratios of one variant's figure to another's."""
        return median(ratios) if (ratios := self.ratios(metric, one, other, broker, connections)) else None

    def ratios(self, metric: str, one: str, other: str, broker: str, connections: int) -> list[float]:
        """Return the ratio of one variant's figure to another's in each round; an empty list if it was not measured."""
        points = self.point(one, broker, connections), self.point(other, broker, connections)
        if not points[0] or not points[1]:
            return []
        pairs = zip(points[0]["rounds"], points[1]["rounds"], strict=False)
        return [a[metric] / b[metric] for a, b in pairs if a.get(metric) is not None and b.get(metric)]
