"""``python -m tests.prove.mutant_runs PLAN PROCESSES``: run the tests on each mutant, in a copy of the project.

pytest collects the tests once. Each mutant is a fork of that process, in which only those tests run that call the
changed function, the quickest first, up to the first failure: mutmut's own way collects them anew for each mutant.
A test that fails is run again without the mutant: if it fails then as well, it may have noticed something else, and a
new process, in which the mutant never was, tells whether it has.
A constant's mutant, and that of a function that only modules call while they are imported, has to be there before that:
it is a fork of the process before anything is imported.
"""

import contextlib
import gc
import importlib
import importlib.machinery
import json
import os
import pickle
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.prove.mutant_kinds import Mutant, dotted

SELECTED = "MUTANT_UNDER_TEST"
"""The environment variable by which mutmut's trampolines choose a mutant; ``stats`` has them report every call."""

OPTIONS: tuple[str, ...] = ("-q", "-s", "--tb=no", "-o", "addopts=")
OPTIONS += ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # its plugins are imported before it starts
OPTIONS += tuple(word for plugin in ("cacheprovider", "randomly", "xdist", "cov") for word in ("-p", f"no:{plugin}"))
FAILING = "fails without any mutant"
"""The state of a test that fails without any mutant as well; it is left out."""

STATES = {0: "survived", 1: "killed", -signal.SIGXCPU: "timeout"}
"""What an exit status means; with any other the tests could not be run, and that is no sign that a test failed."""

DOUBTFUL = 76
"""Exit status of a process in which tests failed with the mutant, and after that without it as well."""

BROKEN = 77

ENDED_WELL = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED, pytest.ExitCode.TESTS_FAILED}
"""How pytest ends if no test failed: the last one is what it says of what a test left behind."""

OURS = {"function", "tests", "deploy", "main", "__main__"}
"""Packages that may hold what a constant's mutant changes: they are imported in its fork, all others before."""

HANGS_AFTER_S = 15.0
"""Seconds that one test may take beyond twenty times what it takes without a mutant; then it has failed."""

LONGEST_S = 60.0
"""Seconds that a mutant's tests may take beyond ten times what they take without it."""

BUSIEST_S = 20
"""Seconds of the processor that they may take beyond that: a loop without an end is soon over, however busy it is."""


Report = Callable[[str, str], None]
"""Reports a mutant's name and its state."""


@dataclass
class Timings:
    """What the tests did without a mutant: the seconds of each, and the tests that call each function.

    ``imported``: the functions that are called while the tests are imported.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    callers: dict[str, set[str]] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)

    def precedes_import(self, mutant: Mutant) -> bool:
        """Return whether a mutant has an effect only if it is there before its module is imported."""
        return bool(mutant.source) or (mutant.function in self.imported and mutant.function not in self.callers)

    def of(self, mutant: Mutant) -> list[str]:
        """Return the tests that call what is changed, those of the changed module first, the quickest first."""
        is_whole = self.precedes_import(mutant) or not mutant.function
        module = f"{dotted(mutant.module)}."
        called = (
            tests
            for function, tests in self.callers.items()
            if function == mutant.function or (is_whole and function.startswith(module))
        )
        own = mutant.tests
        tests = {test for names in called for test in names}
        if is_whole:
            tests |= {test for test in self.seconds if test.startswith(own)}
            tests = tests or set(self.seconds)  # such as what is said before any module is loaded
        return sorted(tests - set(self.failed), key=lambda test: (not test.startswith(own), self.seconds[test], test))


class Tests:
    """A pytest plugin that, in place of running what was collected, calls back with the session."""

    def __init__(self, instead: Callable[[pytest.Session], None]) -> None:
        self._instead = instead
        self.failed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Hand the session over."""
        self._instead(session)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed:
            self.failed.append(report.nodeid)


def main(plan: Path, processes: int) -> None:
    """Read the mutants and the test files, and print a JSON line for each mutant: its name and what became of it."""
    mutants, files = pickle.loads(plan.read_bytes())  # noqa: S301  # the driver wrote it a moment ago
    reports = os.fdopen(os.dup(1), "w", buffering=1)

    def report(name: str, state: str) -> None:
        reports.write(json.dumps([name, state]) + "\n")

    timings = _in_fork(lambda: _timed(files))
    for test in timings.failed:
        report(test, FAILING)
    _import(timings.libraries)
    gc.freeze()
    functions = [mutant for mutant in mutants if not timings.precedes_import(mutant)]
    os.waitpid(_fork(lambda: _run_functions(functions, files, timings, processes, report)), 0)
    early = [mutant for mutant in mutants if timings.precedes_import(mutant)]
    for mutant, state in _each([*_controls(early), *early], timings, processes, _run_early):
        _report_unless_control(report, mutant, state)


def _controls(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Return a mutant that changes nothing: were it noticed, so would be all others, whatever they change."""
    for mutant in mutants[:1]:
        source = mutant.file.read_text() if mutant.source else ""
        return [Mutant(mutant.module, "", "", source)]
    return []


def _report_unless_control(report: Report, mutant: Mutant, state: str) -> None:
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
            chosen = [items[test] for test in tests]
            for item in chosen:
                item.add_marker(pytest.mark.timeout(HANGS_AFTER_S + 20 * timings.seconds[item.nodeid]))
            failed = False
            for item, following in zip(chosen, [*chosen[1:], session], strict=True):
                os.environ[SELECTED] = mutant.name
                if _fails(plugin, item, following):
                    failed = True
                    os.environ[SELECTED] = ""
                    if not _fails(plugin, item, following):
                        return 1
            return DOUBTFUL if failed else 0

        for mutant, state in _each([*_controls(mutants), *mutants], timings, processes, run):
            _report_unless_control(report, mutant, state)

    plugin = Tests(run_all)
    os.environ[SELECTED] = ""
    return int(pytest.main([*OPTIONS, *files], plugins=[plugin]))


def _import(libraries: Sequence[str]) -> None:
    """Import what every mutant's tests need, once."""
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
        timings.imported = set(calls)
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


def _fails(plugin: Tests, item: Any, following: Any) -> bool:
    plugin.failed.clear()
    _run(item, following)
    return bool(plugin.failed)


def _run_early(mutant: Mutant, tests: Sequence[str]) -> int:
    """Run tests on a module that is changed from its first import on: a constant by another text of the module."""
    changed = str(mutant.file.resolve())
    read = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: importlib.machinery.SourceFileLoader, name: str) -> Any:
        is_changed = mutant.source and loader.path == changed
        return compile(mutant.source, changed, "exec") if is_changed else read(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    os.environ[SELECTED] = "" if mutant.source else mutant.name

    def run_all(session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        # a test that has a constant in its parameters may be called something else now
        ordered = [items.pop(test) for test in tests if test in items] + list(items.values())
        any(_fails(plugin, item, following) for item, following in zip(ordered, [*ordered[1:], session], strict=True))

    plugin = Tests(run_all)
    # file by file, because the tests of its module notice nearly every constant
    for file in dict.fromkeys(test.partition("::")[0] for test in tests):
        ended = pytest.main([*OPTIONS, file], plugins=[plugin])
        if plugin.failed or ended not in ENDED_WELL:  # a test failed, or its file could not be imported
            return 1
    return 0


def _each(
    mutants: Sequence[Mutant], timings: Timings, processes: int, run: Callable[[Mutant, Sequence[str]], int]
) -> Iterator[tuple[Mutant, str]]:
    """Run the tests of each mutant in a process of its own, and give what became of it."""
    waiting: list[tuple[Mutant, Sequence[str]]] = [(mutant, timings.of(mutant)) for mutant in mutants]
    running: dict[int, tuple[Mutant, Sequence[str], int, float]] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            mutant, tests = waiting.pop(0)
            if not tests:
                yield mutant, "no tests"
                continue
            usual_s = 10 * sum(timings.seconds[test] for test in tests)
            process = _fork(lambda mutant=mutant, tests=tests: run(mutant, tests), BUSIEST_S + usual_s)  # type: ignore[misc]
            limit_s = LONGEST_S + usual_s
            running[os.pidfd_open(process)] = mutant, tests, process, time.monotonic() + limit_s
        ready, _, _ = select.select(list(running), [], [], 1.0)
        for handle in list(running):
            mutant, tests, process, give_up_at = running[handle]
            is_late = handle not in ready and time.monotonic() > give_up_at
            if is_late:
                os.killpg(process, signal.SIGKILL)
            if is_late or handle in ready:
                _, status = os.waitpid(process, 0)
                os.close(handle)
                del running[handle]
                yield mutant, "timeout" if is_late else _state(mutant, os.waitstatus_to_exitcode(status), run, tests)


def _state(mutant: Mutant, ended: int, run: Callable[[Mutant, Sequence[str]], int], tests: Sequence[str]) -> str:
    if ended != DOUBTFUL:
        return STATES.get(ended, "broken")
    _, status = os.waitpid(_fork(lambda: run(replace(mutant, name=""), tests)), 0)
    return "survived" if status else "killed"


def _fork(run: Callable[[], int], busy_s: float | None = None) -> int:
    process = os.fork()
    if process:
        return process
    status = BROKEN
    with contextlib.suppress(BaseException):
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        if busy_s:
            resource.setrlimit(resource.RLIMIT_CPU, (int(busy_s), int(busy_s) + 1))
        status = run()
    os._exit(status)


def _in_fork(run: Callable[[], Timings]) -> Timings:
    """Run in a process that ends, so that no thread and no imported module of it is left in this one."""
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
    return pickle.loads(found)  # type: ignore[no-any-return]  # noqa: S301  # from our own fork


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
