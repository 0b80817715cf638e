"""Instructions and allocations between two moments of a program that runs in valgrind's callgrind.

The program starts without counting, which is several times faster. valgrind shows a program the same processor on every
machine with AVX2, and runs one thread at a time, so the counts depend on the program, the interpreter and the packages.
https://valgrind.org/docs/manual/cl-manual.html has the commands and the format of the file.
"""

import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.errors import BenchError

PROGRAMS = ("valgrind", "vgdb")

ALLOCATORS = frozenset({"malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc"})
"""The C library's functions. Python calls them for each of its own allocations if ``PYTHONMALLOC=malloc`` is set."""

_NAMED = re.compile(r"c?fn=\((\d+)\)(?: (.+))?")
_TOTAL = re.compile(r"^totals: (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Counts:
    """Counts for one event."""

    instructions: float
    allocations: float


@dataclass(frozen=True)
class Callgrind:
    """Counts in one program; ``folder`` gets valgrind's files."""

    folder: Path

    def command(self, program: Sequence[str]) -> list[str]:
        """Return the command that runs a program in valgrind."""
        return [
            *("valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", self._prefix),
            *(f"--callgrind-out-file={self.folder / 'out'}", *program),
        ]

    def count(self, pid: int, work: Callable[[], int]) -> Counts:
        """Return the counts of the work for each of the events that it returns. Raises BenchError."""
        self._tell(pid, "instrumentation on")
        self._tell(pid, "zero")
        events = work()
        before = set(self.folder.glob("out.*"))
        self._tell(pid, "dump")
        (dump,) = set(self.folder.glob("out.*")) - before
        text = dump.read_text("utf-8", "replace")
        total = _TOTAL.search(text)
        if total is None:
            raise BenchError(f"{dump.name} of callgrind has no total")
        return Counts(int(total[1]) / events, calls(text.splitlines(), ALLOCATORS) / events)

    @property
    def _prefix(self) -> str:
        return f"--vgdb-prefix={self.folder / 'vgdb'}"

    def _tell(self, pid: int, order: str) -> None:
        command = ["vgdb", f"--pid={pid}", self._prefix, *order.split()]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise BenchError(f"vgdb {order}: {ended.stderr.strip()}")


def calls(dump: Iterable[str], functions: frozenset[str]) -> int:
    """Return how often these functions were called, by the lines of a file of callgrind. Pure.

    A function's name follows its number only the first time.
    """
    names: dict[str, str] = {}
    callee, count = "", 0
    for line in dump:
        if named := _NAMED.match(line):
            names.setdefault(named[1], named[2] or "")
            if line.startswith("cfn"):
                callee = names[named[1]]
        elif line.startswith("calls=") and callee in functions:
            count += int(line[len("calls=") :].split()[0])
    return count
