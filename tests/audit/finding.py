"""What a check came to, and how it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["holds", "FAILS", "NOT CHECKED"]


@dataclass(frozen=True)
class Finding:
    """One check's outcome, and the lines that tell more."""

    verdict: Verdict
    sentence: str
    lines: Sequence[str] = ()


def found(faults: Sequence[str], sentence: str) -> Finding:
    """Give the finding of a check that has been made: it holds, as the sentence says, unless there are faults."""
    return Finding("FAILS", f"{len(faults)} found", faults) if faults else Finding("holds", sentence)
