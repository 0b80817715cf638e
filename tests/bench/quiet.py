"""Whether other programs used the machine during a measurement: how many of its cores they used."""

import contextlib
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import measure

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_IDLE = (3, 4)  # idle, and waiting for a disk
_GUEST = 8  # and beyond: user time includes them already


@dataclass
class Watch:
    """``others``: cores that other programs used meanwhile, on average; set at the end."""

    others: float = 0.0


@contextlib.contextmanager
def watch() -> Iterator[Watch]:
    """Watch the machine; processes that this process has started do not count as others."""
    watched = Watch()
    began_at, busy_s, ours_s = time.perf_counter(), _busy_s(), _ours_s()
    yield watched
    took_s = time.perf_counter() - began_at
    watched.others = max(0.0, (_busy_s() - busy_s) - (_ours_s() - ours_s)) / took_s


def wait_until_quiet(others: float, patience_s: float) -> bool:
    """Wait until other programs use fewer than this many cores; return false after the limit."""
    gives_up_at = time.monotonic() + patience_s
    while time.monotonic() < gives_up_at:
        with watch() as watched:
            time.sleep(0.5)
        if watched.others < others:
            return True
    return False


def _busy_s() -> float:
    """Return the seconds of CPU that all programs have used, and that the host has taken from a virtual machine."""
    ticks = [int(text) for text in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1 : _GUEST + 1]]
    return (sum(ticks) - sum(ticks[column] for column in _IDLE)) / _TICKS_A_SECOND


def _ours_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return measure.cpu_s(os.getpid()) + ended.ru_utime + ended.ru_stime
