"""System calls between two moments of a program that runs in strace, by name."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("strace",)

SETTLE_S = 0.1
"""Seconds after which an idle program has made the calls that follow its last answer."""

_BEGUN = re.compile(r"\d+ +(\w+)\(")
OF_STRACE = frozenset({"restart_syscall"})
"""Calls that follow only from a stop of the traced program."""


@dataclass(frozen=True)
class Strace:
    """Counts in one program; ``trace`` is the file that strace writes."""

    trace: Path

    def command(self, program: Sequence[str]) -> list[str]:
        """Return the command that runs a program, with its threads, in strace."""
        return ["strace", "-f", "-qq", "--signal=none", "-s", "0", "-o", str(self.trace), *program]

    def count(self, work: Callable[[], int]) -> dict[str, float]:
        """Return the calls of the work, by name, for each of the events that it returns."""
        time.sleep(SETTLE_S)
        begins_at = self.trace.stat().st_size
        events = work()
        time.sleep(SETTLE_S)
        with self.trace.open("rb") as trace:
            trace.seek(begins_at)
            counted = by_name(trace.read().decode("ascii", "replace").splitlines())
        return {name: count / events for name, count in counted.items()}


def by_name(lines: Iterable[str]) -> Mapping[str, int]:
    """Return how often each call was begun, by the lines of strace. Pure."""
    begun = Counter(found[1] for line in lines if (found := _BEGUN.match(line)))
    return {name: count for name, count in begun.most_common() if name not in OF_STRACE}
