"""Worker threads: if the main thread leaves early, it does not wait for workers that only sleep."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy import parallel
from deploy.parallel import MAX_WORKERS, begun, wait_for, worker_pool
from tests.blackbox.serving import eventually
from tests.forks import Forks
from tests.leftovers import interrupting
from tests.pace import in_time

LONG_S = 60.0
SOON_S = 15.0
"""Seconds: far less than the sleeps of the tests, and far more than any machine needs to react."""
OBEYS_S = 2.0

DOWN = 'echo "ERROR: (gcloud.x) UNAVAILABLE: the service is down" >&2; exit 1'


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """A process that has imported the command, and runs it in forks."""
    with Forks("deploy.cli.parser", "deploy.wiring") as made:
        yield made


def test_ctrl_c_ends_every_sleep_and_waiting_work_never_starts() -> None:
    sleeping: list[Future[None]] = []
    begun_at = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _sleep_and_press_ctrl_c(sleeping)
    in_time(time.monotonic() - begun_at, SOON_S)
    assert all(future.cancelled() or isinstance(future.exception(), CancelledError) for future in sleeping)
    assert sleeping[-1].cancelled()


def _sleep_and_press_ctrl_c(sleeping: "list[Future[None]]") -> None:
    with worker_pool() as pool:
        sleeping += [pool.submit(parallel.sleep, LONG_S) for _ in range(2 * MAX_WORKERS)]
        raise KeyboardInterrupt


def test_a_signal_that_arrives_in_another_thread_is_handled_at_once() -> None:
    begun_at = time.monotonic()
    with interrupting(signal.SIGINT), pytest.raises(KeyboardInterrupt), worker_pool() as pool:
        wait_for(pool.submit(_take_ctrl_c_and_sleep))
    in_time(time.monotonic() - begun_at, SOON_S)


def _take_ctrl_c_and_sleep() -> None:
    time.sleep(0.3)  # so that the main thread waits by then
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    parallel.sleep(LONG_S)


def test_started_work_runs_beside_the_following_code_and_its_thread_ends_with_it() -> None:
    may_end = threading.Event()
    with begun(lambda: may_end.wait(SOON_S)) as ended:
        may_end.set()  # nothing has waited for it so far
        assert ended()
        assert ended()
        give_up_at = time.monotonic() + SOON_S
        while parallel.are_left():
            assert time.monotonic() < give_up_at


def test_leaving_early_does_not_wait_for_started_work() -> None:
    waiting: list[Future[None]] = []
    begun_at = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _wait_for_what_is_begun_and_press_ctrl_c(waiting)
    in_time(time.monotonic() - begun_at, SOON_S)
    assert isinstance(waiting[0].exception(SOON_S), CancelledError)


def _wait_for_what_is_begun_and_press_ctrl_c(waiting: "list[Future[None]]") -> None:
    with begun(lambda: parallel.sleep(LONG_S)) as ended, worker_pool() as pool:
        waiting.append(pool.submit(ended))
        raise KeyboardInterrupt


def test_an_error_of_started_work_is_raised_where_its_result_is_read() -> None:
    with pytest.raises(ZeroDivisionError), begun(lambda: 1 / 0) as ended:
        ended()


def test_waiting_returns_every_result_even_of_work_that_sleeps_long() -> None:
    with worker_pool() as pool:
        slept = [pool.submit(parallel.sleep, 0.01) for _ in range(2 * MAX_WORKERS)]
    assert [wait_for(future) for future in slept] == [None] * 2 * MAX_WORKERS


def test_the_main_thread_alone_sleeps_for_the_full_time() -> None:
    begun_at = time.monotonic()
    parallel.sleep(0.05)
    assert time.monotonic() - begun_at >= 0.05


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_verb_that_waits_for_google_ends_at_once_on_a_signal(
    tmp_path: Path, forks: Forks, signum: signal.Signals
) -> None:
    (tmp_path / "gcloud").write_text(f"#!/bin/sh\n{DOWN}\n", "utf-8")
    (tmp_path / "gcloud").chmod(0o700)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DT_")}
    flags = ("--project=cold-chain-prod", "--region=europe-west1", "--dt-project=c0md3pm0p7bet3vico8g")
    shown = tmp_path / "shown"
    path = f"{tmp_path}:{environ['PATH']}"
    plan = forks.begin(("deploy", "plan", *flags), {2: shown}, {**environ, "PATH": path})
    while not shown.exists() or "again in 4 s" not in shown.read_text("utf-8"):
        assert plan.poll() is None
        time.sleep(0.01)
    signalled_at = time.monotonic()
    os.kill(plan.pid, signum)
    status, errors = plan.wait(), shown.read_text("utf-8")
    assert (status, "interrupted" in errors) == (1, True), errors
    in_time(time.monotonic() - signalled_at, SOON_S)


HANGS = """#!/bin/sh
[ "$1" = {answers} ] && exit 0
echo $$ >> {pids}
{ignores}
sleep 300 &
echo $! >> {pids}
wait
"""


@pytest.mark.parametrize("ignores", ["", "trap '' INT TERM"], ids=["obeys", "ignores signals"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("verb", "answers"),
    [("down", "config"), ("verify", "config"), ("verify", "nothing")],
    ids=["in the main thread", "in others", "gcloud's configuration"],
)
def test_a_signal_while_reading_ends_the_verb_and_all_gcloud_processes(
    tmp_path: Path, forks: Forks, verb: str, answers: str, signum: signal.Signals, ignores: str
) -> None:
    pids = tmp_path / "pids"
    (tmp_path / "gcloud").write_text(HANGS.format(pids=pids, ignores=ignores, answers=answers), "utf-8")
    (tmp_path / "gcloud").chmod(0o700)
    flags = ("--project=cold-chain-prod", "--region=europe-west1", "--dt-project=c0md3pm0p7bet3vico8g")
    keys = dict.fromkeys(("DT_SERVICE_ACCOUNT_KEY_ID", "DT_SERVICE_ACCOUNT_SECRET", "DT_SERVICE_ACCOUNT_EMAIL"), "x")
    shown, path = tmp_path / "shown", f"{tmp_path}:{os.environ['PATH']}"
    process = forks.begin(("deploy", verb, *flags), {2: shown}, {**os.environ, **keys, "PATH": path})
    while not pids.exists() or len(pids.read_text("utf-8").split()) < 2:
        assert process.poll() is None, shown.read_text("utf-8")
        time.sleep(0.01)
    signalled_at = time.monotonic()
    os.kill(process.pid, signum)
    status, errors = process.wait(), shown.read_text("utf-8")
    assert (status, "interrupted" in errors) == (1, True), errors
    in_time(time.monotonic() - signalled_at, OBEYS_S)
    started = [int(pid) for pid in pids.read_text("utf-8").split()]
    assert eventually(lambda: not any(map(_runs, started))), "what was killed has ended a moment later"


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_ctrl_c_does_not_wait_long_for_a_blocked_read() -> None:
    silent = threading.Event()
    begun_at = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _wait_and_press_ctrl_c(silent)
    assert parallel.are_left()
    in_time(time.monotonic() - begun_at, SOON_S)
    silent.set()


def _wait_and_press_ctrl_c(silent: threading.Event) -> None:
    with worker_pool() as pool:
        pool.submit(silent.wait, LONG_S)
        raise KeyboardInterrupt


def test_ctrl_c_waits_only_once_for_blocked_reads_of_pools_inside_of_each_other() -> None:
    silent = threading.Event()
    begun_at = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _wait_in_three_pools_and_press_ctrl_c(silent)
    took_s = time.monotonic() - begun_at
    silent.set()
    in_time(took_s, 1.5 * parallel.LEAVE_S)


def _wait_in_three_pools_and_press_ctrl_c(silent: threading.Event) -> None:
    with begun(lambda: silent.wait(LONG_S)), worker_pool(is_optional=True) as optional, worker_pool() as pool:
        for other in (optional, pool):
            other.submit(silent.wait, LONG_S)
        raise KeyboardInterrupt


def test_ctrl_c_wakes_a_worker_of_the_outer_pool_while_it_waits_for_the_inner_one() -> None:
    silent = threading.Event()
    sleeping: list[Future[None]] = []
    with pytest.raises(KeyboardInterrupt):
        _sleep_outside_of_a_blocked_read_and_press_ctrl_c(silent, sleeping)
    silent.set()
    assert isinstance(sleeping[0].exception(0), CancelledError), "it has ended by then"


def _sleep_outside_of_a_blocked_read_and_press_ctrl_c(silent: threading.Event, sleeping: "list[Future[None]]") -> None:
    with worker_pool() as outer, worker_pool() as inner:
        inner.submit(silent.wait, LONG_S)
        sleeping.append(outer.submit(parallel.sleep, LONG_S))
        raise KeyboardInterrupt


def test_a_pool_in_which_ctrl_c_is_handled_still_works_after_it() -> None:
    with worker_pool(is_endless=True) as outer:
        with suppress(KeyboardInterrupt), worker_pool():
            raise KeyboardInterrupt
        assert outer.submit(lambda: 7).result(SOON_S) == 7


def test_a_failure_inside_does_not_cancel_the_pool_outside() -> None:
    with worker_pool() as outer:
        with suppress(ZeroDivisionError), worker_pool():
            raise ZeroDivisionError
        assert outer.submit(lambda: 7).result(SOON_S) == 7


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_waits_for_optional_work_that_still_runs(fails: bool) -> None:  # noqa: FBT001
    silent = threading.Event()
    begun_at = time.monotonic()
    with suppress(ZeroDivisionError), worker_pool(is_optional=True) as pool:
        pool.submit(silent.wait, LONG_S)
        if fails:
            with worker_pool():  # it joins only its own workers
                raise ZeroDivisionError
    took_s = time.monotonic() - begun_at
    silent.set()
    in_time(took_s, parallel.LEAVE_S / 2)


def test_a_result_is_waited_for_until_the_time_is_over() -> None:
    silent = threading.Event()
    asked = iter([False, False, True])
    with worker_pool(is_optional=True) as pool:
        with pytest.raises(TimeoutError):
            wait_for(pool.submit(silent.wait, LONG_S), lambda: next(asked))
        done = pool.submit(lambda: 7)
        assert done.result(SOON_S) == 7
        assert wait_for(done, lambda: True) == 7, "a result that is there needs no time"
    silent.set()
    assert list(asked) == []


@pytest.mark.parametrize("place", range(2 * len(parallel.ENDING)))
def test_a_second_signal_between_two_handlers_leaves_none_of_them_replaced(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``place``: after so many handlers were replaced or restored, SIGTERM comes, whose handler raises."""
    replace, calls = signal.signal, 0

    def stumbles(number: int, handler: Any) -> Any:
        nonlocal calls
        before = replace(number, handler)
        calls += 1
        if calls == place + 1 and signal.getsignal(signal.SIGTERM) is interrupt:
            signal.raise_signal(signal.SIGTERM)
        return before

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = {number: replace(number, interrupt) for number in parallel.ENDING}
    monkeypatch.setattr(signal, "signal", stumbles)
    try:
        with suppress(KeyboardInterrupt), parallel.signals_wait():
            pass
        left = [number for number in parallel.ENDING if signal.getsignal(number) is not interrupt]
    finally:
        for number, handler in previous.items():
            replace(number, handler)
    assert left == []
