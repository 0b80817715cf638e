"""The result of a check, and how it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["holds", "FAILS", "NOT CHECKED"]


@dataclass(frozen=True)
class Finding:
    """The result of one check, and lines with details."""

    verdict: Verdict
    sentence: str
    lines: Sequence[str] = ()


def found(faults: Sequence[str], sentence: str) -> Finding:
    """Return the result of a check that was made: it holds unless there are faults."""
    return Finding("FAILS", f"{len(faults)} found", faults) if faults else Finding("holds", sentence)
