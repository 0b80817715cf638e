"""Compares counts with those of the baseline. Pure.

The baseline has counts for each minor version of Python, because each executes other instructions for the same code.
The counts of instructions are compared relative to the yardstick, a function that has none of this project's code. So
another build of the same Python, or another version of a package, does not look like a change of this project.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LIMIT = 0.05
"""The growth from which on a count is an error."""


@dataclass(frozen=True)
class Change:
    """One count: in the baseline, after adjustment to this machine's Python, and now."""

    name: str
    before: float
    now: float

    @property
    def growth(self) -> float:
        """The growth as a share of the count before."""
        return self.now / self.before - 1

    @property
    def is_error(self) -> bool:
        """Whether the count has grown by the limit or more."""
        return self.growth >= LIMIT


def changes(before: Mapping[str, float], now: Mapping[str, float], yardstick: str) -> list[Change]:
    """Return the change of each count that both have. Instructions are adjusted by the yardstick."""
    adjustment = now[yardstick] / before[yardstick]
    return [
        Change(name, before[name] * (adjustment if name.endswith("instructions") else 1), count)
        for name, count in now.items()
        if name in before
    ]


def table(found: list[Change]) -> str:
    """Write one line for each count."""
    width = max(len(change.name) for change in found)
    head = f"{'for one event':<{width}} {'baseline':>11} {'now':>11}  change"
    lines = [
        f"{change.name:<{width}} {_figure(change.before):>11} {_figure(change.now):>11}  {change.growth:+7.1%}"
        for change in found
    ]
    return "\n".join([head, *lines])


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
