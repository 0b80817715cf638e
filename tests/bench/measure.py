"""CPU time, memory and cores of processes. Read from /proc, so only on Linux."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_ALLOWED = sorted(os.sched_getaffinity(0))

SERVER_CORE = set(_ALLOWED[:1])
"""The core of the serving process."""

OTHER_CORES = set(_ALLOWED[1:]) or SERVER_CORE
"""The cores of all other processes: the sender, the broker and the benchmark itself."""

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return the ids of a process and of its descendants; only its own id if it has ended."""
    pids = [pid]
    for member in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{member}/task").iterdir():
                pids += map(int, (task / "children").read_text("ascii").split())
    return pids


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU, user and system, that a process and its descendants have used so far."""
    return sum(_own_cpu_s(member) for member in tree(pid))


def memory_bytes(pid: int) -> int:
    """Return the memory of a process and its descendants; shared memory counts once (PSS)."""
    return sum(_own_memory_bytes(member) for member in tree(pid))


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process and its descendants have had so far; shared memory counts for each."""
    return sum(_own_peak_bytes(member) for member in tree(pid))


@contextlib.contextmanager
def on(where: set[int]) -> Iterator[None]:
    """Run on these cores; processes that are started meanwhile stay on them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, where)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _own_cpu_s(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
    return 0.0


def _own_memory_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return 0


def _own_peak_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
        return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return 0
