"""A CPU quota holds: a busy loop gets as much CPU as the quota allows, and a quota that does not hold is not used."""

import contextlib
from pathlib import Path

import pytest

from tests.bench.quota import PERIOD_S, Budget, Quota, busy_loop_cores, is_held, quotas, stand_in, that_holds
from tests.bench.server import unlimited
from tests.pace import stretch

pytestmark = [pytest.mark.tools, pytest.mark.timeout(60)]

A_FIFTH = 0.2
A_LITTLE = 0.1
"""Cores that a busy loop gets also on a machine with much else to do; without a quota it would get more even there."""


# a busy loop


def require_held(quota: Quota) -> None:
    """Fail if a busy loop gets more than the quota, or so little that other programs cannot be the reason."""
    share = busy_loop_cores(quota, seconds=3.0)
    least, most = 0.85 * quota.cores, 1.1 * quota.cores
    assert share <= most, (quota.name, share)
    assert share >= least or share >= least / (2 * stretch()), (quota.name, share)


@pytest.mark.parametrize("cores", [A_LITTLE, A_FIFTH])
def test_a_busy_loop_gets_what_the_stand_in_allows(cores: float) -> None:
    require_held(stand_in(cores))


@pytest.mark.parametrize("cores", [A_LITTLE, A_FIFTH])
def test_a_busy_loop_gets_what_a_cgroup_allows_where_one_can_be_made(cores: float) -> None:
    for quota in quotas(cores):
        with contextlib.suppress(OSError):
            require_held(quota)


def test_a_quota_that_the_machine_refuses_or_that_does_not_hold_is_named_and_the_next_one_is_tried() -> None:
    cgroup, loose, good = (Quota(name, A_FIFTH, unlimited) for name in ("a cgroup", "loose", "good"))
    lines: list[str] = []

    def measured(quota: Quota) -> float:
        if quota is cgroup:
            raise PermissionError("read-only file system")
        return 0.9 if quota is loose else 0.21

    assert that_holds([cgroup, loose, good], lines.append, measured) == (good, 0.21)
    assert lines == [
        "a cgroup: read-only file system",
        "loose: a busy loop gets 0.900 of a core",
        "good: a busy loop gets 0.210 of a core",
    ]
    assert that_holds([cgroup, loose], lines.append, measured) is None


@pytest.mark.parametrize(("share", "held"), [(0.11, False), (0.13, True), (0.2, True), (0.22, True), (0.23, False)])
def test_a_quota_holds_if_a_busy_loop_gets_about_as_much(share: float, *, held: bool) -> None:
    assert is_held(stand_in(A_FIFTH), share) is held


# the budget of a period


def test_processes_run_until_their_budget_is_used_up_and_again_in_the_next_period() -> None:
    budget = Budget(A_FIFTH, 0.0, 3.0)
    assert budget.may_run(0.01, 3.01)
    assert not budget.may_run(0.03, 3.021)
    assert not budget.may_run(0.09, 3.021)
    assert budget.may_run(PERIOD_S, 3.021)


def test_what_a_period_did_not_use_is_lost() -> None:
    budget = Budget(A_FIFTH, 0.0, 0.0)
    assert budget.may_run(1.05, 0.0)
    assert not budget.may_run(1.07, 0.021)


def test_what_was_used_too_much_is_owed_by_the_next_periods() -> None:
    budget = Budget(A_FIFTH, 0.0, 0.0)
    assert not budget.may_run(0.05, 0.05)
    assert not budget.may_run(0.11, 0.05)
    assert budget.may_run(0.21, 0.05)


# where a cgroup may be


def names(root: Path, mounts: str, groups: str) -> list[str]:
    """Return the names of the quotas on a machine with these mounts and groups."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/mounts").write_text(mounts, "utf-8")
    (root / "proc/self/cgroup").write_text(groups, "utf-8")
    (root / "cg/user/app").mkdir(parents=True)
    return [quota.name for quota in quotas(A_FIFTH, root)]


def test_the_kernels_quota_is_tried_first_in_the_own_group_and_in_its_parents(tmp_path: Path) -> None:
    found = names(tmp_path, "tmpfs / tmpfs rw 0 0\ncgroup2 /cg cgroup2 rw,nosuid 0 0\n", "0::/user/app\n")
    assert found == ["cpu.max of a cgroup"] * 3 + ["a stand-in for a cgroup: SIGSTOP and SIGCONT"]


def test_the_first_version_of_cgroups_has_a_mount_for_cpu(tmp_path: Path) -> None:
    mounts = "cgroup /cg cgroup rw,cpu,cpuacct 0 0\ncgroup /cg/memory cgroup rw,memory 0 0\n"
    found = names(tmp_path, mounts, "3:memory:/\n2:cpu,cpuacct:/user\n")
    assert found == ["cpu.cfs_quota_us of a cgroup"] * 2 + ["a stand-in for a cgroup: SIGSTOP and SIGCONT"]


def test_a_group_without_the_controller_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    names(tmp_path, "cgroup2 /cg cgroup2 rw 0 0\n", "0::/user/app\n")
    cgroup = next(quotas(A_FIFTH, tmp_path))
    with pytest.raises(OSError, match=r"cpu\.max"):
        busy_loop_cores(cgroup)
    assert list((tmp_path / "cg/user/app").iterdir()) == []
