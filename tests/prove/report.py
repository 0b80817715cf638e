"""A promise as a row; rows as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Row:
    """What is promised, what was measured, and whether the promise holds; None: what it takes is not there."""

    promise: str
    measured: str
    holds: bool | None


VERDICTS = {True: "holds", False: "FAILS", None: "not measured"}

Say: TypeAlias = Callable[[str], object]
"""Tells what is going on, a line at a time."""

Section: TypeAlias = Callable[[bool, Say], list[Row]]
"""Measures a few promises that belong together: ``section(short, say)``. Short: seconds instead of minutes."""


def table(rows: Sequence[Row]) -> str:
    """Lay rows out one below the other, as wide as they need."""
    lines = [("promise", "measured", "verdict")]
    lines += [(row.promise, row.measured, VERDICTS[row.holds]) for row in rows]
    promise, measured, verdict = (max(len(line[column]) for line in lines) for column in range(3))
    lines.insert(1, ("-" * promise, "-" * measured, "-" * verdict))
    return "\n".join(f"{a:<{promise}}  {b:<{measured}}  {c}" for a, b, c in lines)
