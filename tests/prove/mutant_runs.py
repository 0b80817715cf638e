"""``python -m tests.prove.mutant_runs PLAN PROCESSES``: run the tests on each mutant, in a copy of the project.

pytest collects the tests once. Each mutant runs in a fork of that process, and only with the tests that call the
changed function, the fastest first, up to the first failure. (mutmut itself collects the tests again for each mutant.)
The mutant of a constant must exist before the module is imported, so it runs in a fork made before that.
"""

import contextlib
import gc
import importlib
import importlib.machinery
import json
import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.prove.mutant_kinds import Mutant

SELECTED = "MUTANT_UNDER_TEST"
"""The environment variable by which mutmut's trampolines choose a mutant; with ``stats`` they report every call."""

OPTIONS: tuple[str, ...] = ("-q", "-s", "--tb=no", "-o", "addopts=", "-o", "timeout=30")
OPTIONS += ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # because its plugins are imported before it starts
OPTIONS += tuple(word for plugin in ("cacheprovider", "randomly", "xdist", "cov") for word in ("-p", f"no:{plugin}"))
FAILING = "fails without any mutant"
"""The state of a test that also fails without a mutant; it is left out."""

BROKEN = 77
"""Exit status of a process whose tests could not run, which does not mean that a test failed."""

STATES = {0: "survived", BROKEN: "broken"}
"""The meaning of exit statuses; any other status, or a signal, means that a test detected the mutant."""

OURS = {"function", "tests", "deploy", "main", "__main__"}
"""Packages that can contain the changed constant: they are imported in the fork, all others before."""

LONGEST_S = 30.0
"""Seconds that the tests of a mutant may take beyond ten times their time without it."""


@dataclass
class Timings:
    """A run without a mutant: the seconds of each test, and the tests that call each function."""

    seconds: dict[str, float] = field(default_factory=dict)
    callers: dict[str, set[str]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)

    def of(self, mutant: Mutant) -> list[str]:
        """Return the tests that call the changed function, those of its module first, then the fastest first."""
        module = f"function.{mutant.module}."
        called = (
            tests
            for function, tests in self.callers.items()
            if function == mutant.function or (not mutant.function and function.startswith(module))
        )
        own = f"tests/function/test_{mutant.module}.py"
        tests = {test for names in called for test in names}
        if not mutant.function:
            tests |= {test for test in self.seconds if test.startswith(own)}
        return sorted(tests - set(self.failed), key=lambda test: (not test.startswith(own), self.seconds[test], test))


class Tests:
    """A pytest plugin that passes the session to a function instead of running the collected tests."""

    def __init__(self, instead: Callable[[pytest.Session], None]) -> None:
        self._instead = instead
        self.failed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Pass the session to the function."""
        self._instead(session)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a failure."""
        if report.failed:
            self.failed.append(report.nodeid)


def main(plan: Path, processes: int) -> None:
    """Read the mutants and the test files, and print a JSON line for each mutant: its name and its state."""
    mutants, files = pickle.loads(plan.read_bytes())  # noqa: S301  # the driver wrote it a moment ago
    told = os.fdopen(os.dup(1), "w", buffering=1)

    def report(name: str, state: str) -> None:
        told.write(json.dumps([name, state]) + "\n")

    timings = _in_fork(lambda: _timed(files))
    for test in timings.failed:
        report(test, FAILING)
    _import(timings.libraries)
    gc.freeze()
    functions = [mutant for mutant in mutants if not mutant.source]
    os.waitpid(_fork(lambda: _run_functions(functions, files, timings, processes, report)), 0)
    constants = [mutant for mutant in mutants if mutant.source]
    for mutant, state in _each([*_controls(constants), *constants], timings, processes, _run_constant):
        _report_unless_control(report, mutant, state)


def _controls(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Return a mutant that changes nothing: if a test detected it, the test would detect every mutant."""
    for mutant in mutants[:1]:
        source = Path("function", f"{mutant.module}.py").read_text() if mutant.source else ""
        return [Mutant(mutant.module, "", "", source)]
    return []


def _report_unless_control(report: Callable[[str, str], None], mutant: Mutant, state: str) -> None:
    if mutant.name:
        report(mutant.name, state)
    elif state != "survived":
        report(f"the tests of {mutant.module}", FAILING)


def _run_functions(
    mutants: Sequence[Mutant],
    files: Sequence[str],
    timings: Timings,
    processes: int,
    report: Callable[[str, str], None],
) -> int:
    def run_all(session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}

        def run(mutant: Mutant, tests: Sequence[str]) -> int:
            os.environ[SELECTED] = mutant.name
            return int(_fails(session, [items[test] for test in tests], plugin))

        for mutant, state in _each([*_controls(mutants), *mutants], timings, processes, run):
            _report_unless_control(report, mutant, state)

    plugin = Tests(run_all)
    os.environ[SELECTED] = ""
    return int(pytest.main([*OPTIONS, *files], plugins=[plugin]))


def _import(libraries: Sequence[str]) -> None:
    """Import once what the tests of every mutant need."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for library in libraries:
        with contextlib.suppress(Exception):
            importlib.import_module(library)


def _timed(files: Sequence[str]) -> Timings:
    timings, calls = Timings(), set[str]()

    def note(function: str, **_: Any) -> None:
        calls.add(function)

    trampolines: Any = importlib.import_module("mutmut.mutation.trampoline")
    trampolines.record_trampoline_hit = note

    def run_all(session: pytest.Session) -> None:
        for number, item in enumerate(session.items):
            calls.clear()
            began = time.monotonic()
            _run(item, session.items[number + 1] if number + 1 < len(session.items) else session)
            timings.seconds[item.nodeid] = time.monotonic() - began
            for function in calls:
                timings.callers.setdefault(function, set()).add(item.nodeid)

    os.environ[SELECTED] = "stats"
    plugin = Tests(run_all)
    pytest.main([*OPTIONS, *files], plugins=[plugin])
    timings.failed = plugin.failed
    timings.libraries = [name for name in sys.modules if name.partition(".")[0] not in OURS]
    return timings


def _run(item: Any, following: Any) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _fails(session: pytest.Session, items: Sequence[Any], plugin: Tests) -> bool:
    for item, following in zip(items, [*items[1:], session], strict=True):
        _run(item, following)
        if plugin.failed:
            return True
    return False


def _run_constant(mutant: Mutant, tests: Sequence[str]) -> int:
    """Run tests on a module that has another text from its first import on."""
    changed = str(Path("function", f"{mutant.module}.py").resolve())
    read = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: importlib.machinery.SourceFileLoader, name: str) -> Any:
        return compile(mutant.source, changed, "exec") if loader.path == changed else read(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    os.environ[SELECTED] = ""

    def run_all(session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        # a test with the constant in its parameters may have another name now
        _fails(session, [items.pop(test) for test in tests if test in items] + list(items.values()), plugin)

    plugin = Tests(run_all)
    # file by file, because the tests of its module detect nearly every constant
    for file in dict.fromkeys(test.partition("::")[0] for test in tests):
        ended = pytest.main([*OPTIONS, file], plugins=[plugin])
        if plugin.failed or ended not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            return 1
    return 0


def _each(
    mutants: Sequence[Mutant], timings: Timings, processes: int, run: Callable[[Mutant, Sequence[str]], int]
) -> Iterator[tuple[Mutant, str]]:
    """Run the tests of each mutant in a process of its own, and return the states."""
    waiting = [(mutant, timings.of(mutant)) for mutant in mutants]
    running: dict[int, tuple[Mutant, int, float]] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            mutant, tests = waiting.pop(0)
            if not tests:
                yield mutant, "no tests"
                continue
            process = _fork(lambda mutant=mutant, tests=tests: run(mutant, tests))  # type: ignore[misc]
            limit_s = LONGEST_S + 10 * sum(timings.seconds[test] for test in tests)
            running[os.pidfd_open(process)] = mutant, process, time.monotonic() + limit_s
        ready, _, _ = select.select(list(running), [], [], 1.0)
        for handle in list(running):
            mutant, process, give_up_at = running[handle]
            is_late = handle not in ready and time.monotonic() > give_up_at
            if is_late:
                os.killpg(process, signal.SIGKILL)
            if is_late or handle in ready:
                _, status = os.waitpid(process, 0)
                os.close(handle)
                del running[handle]
                yield mutant, "timeout" if is_late else STATES.get(os.waitstatus_to_exitcode(status), "killed")


def _fork(run: Callable[[], int]) -> int:
    process = os.fork()
    if process:
        return process
    status = BROKEN
    with contextlib.suppress(BaseException):
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        status = run()
    os._exit(status)


def _in_fork(run: Callable[[], Timings]) -> Timings:
    """Run in another process, so that it leaves no thread and no imported module in this one."""
    read, write = os.pipe()

    def hand_back() -> int:
        with os.fdopen(write, "wb") as pipe:
            pipe.write(pickle.dumps(run()))
        return 0

    process = _fork(hand_back)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        found = pipe.read()
    os.waitpid(process, 0)
    if not found:
        sys.exit("the tests could not be run without any mutant")
    return pickle.loads(found)  # type: ignore[no-any-return]  # noqa: S301  # from this program's own fork


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
