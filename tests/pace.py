"""Upper bounds of time on a machine that other programs use, too.

A bound in a test holds on an idle machine. If the bound is exceeded, this module measures how much slower the machine
is at this moment, and multiplies the bound by that. On an idle machine the factor is 1, so the bound stays the same.
The measurement runs in a process of its own, so that a test that keeps its own process busy does not widen its bound.

Lower bounds and counts do not depend on the machine, and are compared unchanged.
"""

import subprocess
import sys

WORK_S = 0.2
"""Seconds of CPU that the measurement uses."""

_MEASURE = f"""
import time
began_at, used = time.perf_counter(), time.process_time()
while time.process_time() - used < {WORK_S}:
    pass
print((time.perf_counter() - began_at) / (time.process_time() - used))
"""


def within(seconds: float, limit_s: float) -> bool:
    """Return whether something took no longer than allowed, on a machine as busy as this one is now."""
    return seconds <= limit_s or seconds <= limit_s * stretch()


def stretch() -> float:
    """Return how many times longer work takes now than on an idle machine: 1.0 if this one is idle."""
    command = [sys.executable, "-IS", "-c", _MEASURE]
    return max(1.0, float(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
