"""A limit for the CPU of processes, as Cloud Run sets it for an instance; only on Linux.

In each period of 100 ms the kernel lets the processes of a cgroup use so much CPU time, and then stops them until the
next period: https://docs.kernel.org/scheduler/sched-bwc.html. Where no cgroup can be made, such as in a container, a
stand-in does the same with signals. A quota is used only if a busy loop has shown that it holds.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from tests.bench import measure

PERIOD_S = 0.1
TOLERANCE = (0.6, 1.1)
"""The least and the most that a busy loop may get of its quota; other programs may take some of it."""
_LOOK_S = 0.001
_BUSY_S = 2.0
"""Twenty periods: a busy loop can use the budget of one more at the beginning or at the end."""

Hold: TypeAlias = Callable[[int], AbstractContextManager[object]]
"""Limits a process, the processes that it has started and those that it starts later, until the context ends."""


@dataclass(frozen=True)
class Quota:
    """``cores``: how much CPU there is, 1 being a core; ``name``: what limits it."""

    name: str
    cores: float
    hold: Hold


@dataclass(frozen=True)
class _Place:
    """A cgroup in which a new group may be possible. ``home``: the group of this process; ``files``: what to write."""

    home: Path
    parent: Path
    files: Mapping[str, str]


class Budget:
    """How much CPU time is left in a period. What is not used is lost, and what was too much is owed. Pure."""

    def __init__(self, cores: float, now_s: float, used_s: float) -> None:
        self._a_period_s = self._left_s = cores * PERIOD_S
        self._renewed_at, self._used_s = now_s, used_s

    def may_run(self, now_s: float, used_s: float) -> bool:
        """Return whether the processes, which have used so much CPU time since their start, may run on."""
        self._left_s -= used_s - self._used_s
        self._used_s = used_s
        while now_s - self._renewed_at >= PERIOD_S:
            self._renewed_at += PERIOD_S
            self._left_s = min(self._left_s + self._a_period_s, self._a_period_s)
        return self._left_s > 0


def quotas(cores: float, root: Path = Path("/")) -> Iterator[Quota]:
    """Return the quotas to try, the kernel's first. ``root``: where ``proc`` is; tests have one of their own."""
    for place in _places(cores, root):
        yield Quota(f"{next(iter(place.files))} of a cgroup", cores, partial(_in_group, place=place))
    yield stand_in(cores)


def stand_in(cores: float) -> Quota:
    """Return the quota that needs no cgroup: signals stop and continue the processes."""
    return Quota("a stand-in for a cgroup: SIGSTOP and SIGCONT", cores, partial(_stopping, cores=cores))


def busy_loop_cores(quota: Quota, seconds: float = _BUSY_S) -> float:
    """Return how much CPU a busy loop gets, 1 being a core. Raises OSError: this machine allows no such quota.

    The loop runs in two processes, of which the second is started under the quota.
    """
    program = "import os; os.fork()\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-IS", "-c", program], start_new_session=True) as process:
        try:
            with quota.hold(process.pid):
                time.sleep(2 * PERIOD_S)
                began_at, used_s = time.perf_counter(), _cpu_s(process.pid)
                time.sleep(seconds)
                return (_cpu_s(process.pid) - used_s) / (time.perf_counter() - began_at)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def that_holds(
    candidates: Iterable[Quota], say: Callable[[str], object], measured: Callable[[Quota], float] = busy_loop_cores
) -> tuple[Quota, float] | None:
    """Return the first quota that a busy loop is held by, and the cores that it got; None if there is none."""
    for quota in candidates:
        try:
            share = measured(quota)
        except OSError as error:
            say(f"{quota.name}: {error}")
            continue
        say(f"{quota.name}: a busy loop gets {share:.3f} of a core")
        if is_held(quota, share):
            return quota, share
    return None


def is_held(quota: Quota, share: float) -> bool:
    """Return whether a busy loop that got this many cores was held by the quota."""
    least, most = TOLERANCE
    return least * quota.cores <= share <= most * quota.cores


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process and its descendants, more exactly than /proc does."""
    used_s = 0.0
    for member in measure.tree(pid):
        with contextlib.suppress(OSError):
            used_s += time.clock_gettime((~member << 3) | 2)  # clock_getcpuclockid(3), which Python lacks
    return used_s


def _places(cores: float, root: Path) -> Iterator[_Place]:
    """Return the cgroups of both versions, and of each the own group before its parents."""
    period_us = round(PERIOD_S * 1e6)
    quota_us = round(cores * period_us)
    first = {"cpu.cfs_quota_us": str(quota_us), "cpu.cfs_period_us": str(period_us)}
    second = {"cpu.max": f"{quota_us} {period_us}"}
    for line in (root / "proc/mounts").read_text("utf-8").splitlines():
        _, mount, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options.split(",")):
            top = root / mount.lstrip("/")
            home = top / _own_path(root, "" if kind == "cgroup2" else "cpu").lstrip("/")
            parents = [parent for parent in (home, *home.parents) if parent.is_relative_to(top) and parent.is_dir()]
            yield from (_Place(home, parent, second if kind == "cgroup2" else first) for parent in parents)


def _own_path(root: Path, controller: str) -> str:
    """Return the path of this process's group below the mount of a controller, or of version 2, which has no name."""
    for line in (root / "proc/self/cgroup").read_text("utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path
    return "/"


@contextlib.contextmanager
def _in_group(pid: int, place: _Place) -> Iterator[None]:
    """Move the processes into a new group, and back again; raises OSError if this machine does not allow it."""
    group = Path(tempfile.mkdtemp(prefix="dt-pubsub-bench-", dir=place.parent))
    try:
        for name, text in place.files.items():
            with (group / name).open("r+") as file:  # a mode that makes no file
                file.write(text)
        moved = set[int]()
        while found := set(measure.tree(pid)) - moved:  # again, because one may have been started just before the move
            for member in found:
                _move(member, group)
            moved |= found
        yield
    finally:
        _remove(group, place.home)


def _remove(group: Path, home: Path) -> None:
    members = group / "cgroup.procs"
    for text in members.read_text("ascii").split() if members.exists() else ():
        _move(int(text), home)
    group.rmdir()


def _move(pid: int, group: Path) -> None:
    with contextlib.suppress(ProcessLookupError):
        (group / "cgroup.procs").write_text(str(pid), "ascii")


@contextlib.contextmanager
def _stopping(pid: int, cores: float) -> Iterator[None]:
    """Let a thread stop the processes when their budget is used up, and continue them in the next period."""
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=(pid, cores, ended), name="quota")
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        _signal(pid, signal.SIGCONT)


def _keep(pid: int, cores: float, ended: threading.Event) -> None:
    budget, was_running = Budget(cores, time.perf_counter(), _cpu_s(pid)), True
    while not ended.wait(_LOOK_S):
        is_running = budget.may_run(time.perf_counter(), _cpu_s(pid))
        if not (is_running and was_running):  # again, because one may have been started just before the others stopped
            _signal(pid, signal.SIGCONT if is_running else signal.SIGSTOP)
        was_running = is_running


def _signal(pid: int, number: signal.Signals) -> None:
    for member in measure.tree(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, number)
