"""Upper bounds of time on a machine that others use, too.

What a test promises is a bound on a machine that is the test's own. If a bound is exceeded, the machine is asked how
much longer work takes there at this moment than it should, and the bound is as many times wider. On a quiet machine
that is once: nothing is loosened there. It is asked in a process of its own, so that a test that keeps this one busy
does not excuse itself.

Lower bounds and counts depend on no machine: they are compared as they are.
"""

import subprocess
import sys

WORK_S = 0.2
"""Seconds of CPU by which the pace is measured."""

_MEASURE = f"""
import time
began_at, used = time.perf_counter(), time.process_time()
while time.process_time() - used < {WORK_S}:
    pass
print((time.perf_counter() - began_at) / (time.process_time() - used))
"""


def within(seconds: float, limit_s: float) -> bool:
    """Whether something took no longer than it may, on a machine as busy as this one is now."""
    return seconds <= limit_s or seconds <= limit_s * stretch()


def stretch() -> float:
    """Return how many times longer work takes now than on a machine of its own: 1.0 if this one is quiet."""
    command = [sys.executable, "-IS", "-c", _MEASURE]
    return max(1.0, float(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
