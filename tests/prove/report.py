"""A promise as a row, and rows as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Row:
    """A promise, the measured figures, and whether the promise holds; None if it cannot be measured here."""

    promise: str
    measured: str
    holds: bool | None


VERDICTS = {True: "holds", False: "FAILS", None: "not measured"}

Say: TypeAlias = Callable[[str], object]
"""Prints a line of progress."""

Section: TypeAlias = Callable[[bool, Say], list[Row]]
"""Measures promises that belong together: ``section(short, say)``. Short: seconds instead of minutes."""


def table(rows: Sequence[Row]) -> str:
    """Return the rows as lines of text with aligned columns."""
    lines = [("promise", "measured", "verdict")]
    lines += [(row.promise, row.measured, VERDICTS[row.holds]) for row in rows]
    promise, measured, verdict = (max(len(line[column]) for line in lines) for column in range(3))
    lines.insert(1, ("-" * promise, "-" * measured, "-" * verdict))
    return "\n".join(f"{a:<{promise}}  {b:<{measured}}  {c}" for a, b, c in lines)
