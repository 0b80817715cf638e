"""Upper bounds of time on a machine that other programs use, too.

A bound in a test holds on an idle machine. If the bound is exceeded, this module estimates how much slower the machine
is, and multiplies the bound by that. On an idle machine the factor is 1, so the bound stays the same. Two estimates are
made, and the larger one counts: a process of its own works for a moment, which shows the pace now; and the kernel's
load average of the last minute shows how busy the machine was while the time was measured.

``in_time`` fails a test only at its end, as ``Late``, if everything else in it was right. So a late test never hides a
failure of another kind, and ``tests/again.py`` can tell the two apart.

Lower bounds and counts do not depend on the machine, and are compared unchanged.
"""

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

WORK_S = 0.2
"""Seconds of CPU that the measurement uses."""

_MEASURE = f"""
import time
began_at, used = time.perf_counter(), time.process_time()
while time.process_time() - used < {WORK_S}:
    pass
print((time.perf_counter() - began_at) / (time.process_time() - used))
"""

_late: list[str] = []


class Late(AssertionError):
    """Everything that the test checked is right, but it took too long."""


def in_time(seconds: float, limit_s: float, why: str = "") -> None:
    """Promise an upper bound: if it is exceeded, the test fails at its end, if it has not failed before."""
    if not within(seconds, limit_s):
        caller = traceback.extract_stack(limit=2)[0]
        _late.append(f"{Path(caller.filename).name}:{caller.lineno}: {seconds:.2f} s instead of {limit_s:.2f} s {why}")


class InTime:
    """A pytest plugin that fails a test that is right but late."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Run a test, and raise ``Late`` once it has passed, if it took too long."""
        _late.clear()
        yield
        if _late:
            raise Late("; ".join(_late))


def within(seconds: float, limit_s: float) -> bool:
    """Return whether something took no longer than allowed, on a machine as busy as this one is."""
    return seconds <= limit_s or seconds <= limit_s * stretch()


def stretch() -> float:
    """Return how many times longer work takes than on an idle machine: 1.0 if this one is idle."""
    wanted = os.getloadavg()[0] / (os.cpu_count() or 1)
    command = [sys.executable, "-IS", "-c", _MEASURE]
    now = float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return max(1.0, now, wanted)
