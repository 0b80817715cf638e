"""The gate counts what it says, and fails when an event costs 5 % more."""

import json

import pytest

from tests.bench.counts import __main__ as command
from tests.bench.counts.__main__ import BASELINE, PYTHON, judged, main
from tests.bench.counts.baseline import changes
from tests.bench.counts.callgrind import ALLOCATORS, calls
from tests.bench.counts.names import YARDSTICK
from tests.bench.counts.strace import by_name

ROOMS = "function/ alone: instructions"
CALLS = "whole process, 64 connections: system calls"
BEFORE = {YARDSTICK: 300_000.0, ROOMS: 400_000.0, CALLS: 2.5}


def test_a_cost_that_grows_by_5_percent_is_an_error_that_says_what_grew_and_how_to_accept_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert judged({PYTHON: BEFORE}, BEFORE | {ROOMS: 420_000.0}) == 1
    said = capsys.readouterr().err
    assert f"{ROOMS} +5.0%" in said
    assert CALLS not in said
    assert "make bench-gate GATE=--accept" in said
    assert judged({PYTHON: BEFORE}, BEFORE | {CALLS: 2.63}) == 1


def test_a_cost_that_grows_by_less_or_shrinks_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert judged({PYTHON: BEFORE}, BEFORE | {ROOMS: 419_000.0, CALLS: 1.0}) == 0
    assert "no count has grown by 5% or more" in capsys.readouterr().out


def test_another_build_of_python_that_executes_more_for_everything_is_no_error() -> None:
    slower = {YARDSTICK: 330_000.0, ROOMS: 440_000.0, CALLS: 2.5}
    assert [round(change.growth, 6) for change in changes(BEFORE, slower, YARDSTICK)] == [0, 0, 0]


def test_a_count_that_the_baseline_does_not_have_is_not_compared() -> None:
    found = changes(BEFORE, BEFORE | {"new": 1.0}, YARDSTICK)
    assert [change.name for change in found] == list(BEFORE)


def test_a_python_without_a_baseline_is_reported_as_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert judged({"2.7": BEFORE}, BEFORE) == 0
    assert capsys.readouterr().out.startswith("NOT CHECKED: baseline.json has no counts for Python")


def test_the_baseline_has_every_count_of_each_python() -> None:
    baseline = json.loads(BASELINE.read_text("utf-8"))
    assert all(len(counts) == 7 and YARDSTICK in counts for counts in baseline.values())


def test_without_valgrind_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "missing_programs", lambda: ["valgrind", "vgdb"])
    assert main([]) == 1
    said = capsys.readouterr().err
    assert (
        said == "error: valgrind and vgdb not found\n  fix: install them: on Debian, apt-get install valgrind strace\n"
    )


def test_calls_of_an_allocator_are_counted_also_where_its_name_is_not_repeated() -> None:
    dump = [
        "fn=(1) main",
        "12 5",
        "cfn=(2) malloc",
        "calls=3 0",
        "12 90",
        "cfn=(3) strlen",
        "calls=100 0",
        "12 7",
        "fn=(4) other",
        "cfn=(2)",
        "calls=2 0",
        "cfn=(5) realloc",
        "calls=1 0",
    ]
    assert calls(dump, ALLOCATORS) == 6


def test_a_system_call_that_another_thread_interrupts_in_the_trace_counts_once() -> None:
    trace = [
        '5238  recvfrom(8, ""..., 262144, 0, NULL, NULL) = 891',
        "5238  epoll_wait(4,  <unfinished ...>",
        "5720  <... epoll_wait resumed>[{events=EPOLLIN}], 100, 86400000) = 1",
        "5720  futex(0x7f33ce2bb980, FUTEX_WAKE_PRIVATE, 1) = 1",
        "5238  <... epoll_wait resumed>[{events=EPOLLIN}], 4, 16) = 1",
        "5238  restart_syscall(<... resuming interrupted read ...>) = 1",
        "5238  +++ exited with 0 +++",
    ]
    assert by_name(trace) == {"recvfrom": 1, "epoll_wait": 1, "futex": 1}
