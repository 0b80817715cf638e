"""A run of tests that leaves something behind fails, and reports what.

Three things count: a process, a listening socket of the tests' own process, and a file in the run's own folder for
temporary files. The run ends such processes and removes such files.

A process belongs to the run if its parent, its group or its session does. A thread watches this while the tests run, so
a process is found although its parent has ended. A process also belongs to the run if the run's folder is in its
environment. Only Linux shows all this; on other systems only the folder is checked.

SIGTERM ends a run as Ctrl-C does: fixtures are torn down.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

LOOKS_EVERY_S = 0.5
PATIENCE_S = 5.0
"""Seconds that processes have to end by themselves after the last test."""

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a run as Ctrl-C does; Windows has no SIGHUP."""

PROC = Path("/proc")
LISTENS = "0A"
"""TCP_LISTEN in /proc/net/tcp: proc(5)."""

PREFIX = "tests-of-dt-pubsub-"
OUTPUT = "listening"

T = TypeVar("T")


@dataclass(frozen=True)
class Program:
    """A process as the kernel shows it: proc(5). ``began`` distinguishes two processes with the same id."""

    pid: int
    parent: int
    group: int
    session: int
    began: int
    state: str = "S"

    @property
    def key(self) -> tuple[int, int]:
        """What identifies this process among all that ever ran."""
        return self.pid, self.began

    @property
    def runs(self) -> bool:
        """Whether it runs, and is not only an exit status that its parent has not read yet."""
        return self.state not in {"Z", "X"}


def programs() -> list[Program]:
    """Return all processes of the machine; none on a system without /proc."""
    if not PROC.is_dir():
        return []
    found = (_program(name) for name in os.listdir(PROC) if name.isdigit())  # noqa: PTH208  # twice a second
    return [program for program in found if program]


def _program(pid: str) -> Program | None:
    try:
        with open(f"{PROC}/{pid}/stat", "rb") as stat:  # noqa: PTH123  # the same
            fields = stat.read().rpartition(b")")[2].split(None, 20)
    except OSError:  # the process has ended
        return None
    parent, group, session, began = (int(fields[at]) for at in (1, 2, 3, 19))
    return Program(int(pid), parent, group, session, began, fields[0].decode("ascii"))


class Family:
    """The processes that descend from ``root``, without ``root`` itself.

    The kernel reuses ids. So a parent counts as long as it lives, and a group or a session counts until the look after
    the last one that found a member of it.
    """

    def __init__(self, root: Program) -> None:
        self._root = root
        self._members: set[tuple[int, int]] = set()
        self._groups: set[int] = set()

    def look(self, now: Iterable[Program]) -> list[Program]:
        """Return those of the current processes that belong to the run."""
        there = {program.pid: program for program in now}
        members = {program.key for program in there.values() if program.key in self._members or self._by_group(program)}
        while children := {program.key for program in there.values() if self._child(program, there, members)}:
            members |= children
        family = [program for program in there.values() if program.key in members]
        self._members = members
        self._groups = {pid for program in family for pid in (program.group, program.session)}
        self._groups -= {self._root.group, self._root.session}
        return family

    def _by_group(self, program: Program) -> bool:
        return bool({program.group, program.session} & self._groups)

    def _child(self, program: Program, there: Mapping[int, Program], members: set[tuple[int, int]]) -> bool:
        parent = there.get(program.parent)
        return program.key not in members and parent is not None and parent.key in {self._root.key, *members}


class Watch:
    """Watches the processes of this run in a thread, until the tests have ended."""

    def __init__(self, mark: str, look: Callable[[], list[Program]] = programs) -> None:
        self._mark = mark
        self._look = look
        here = [program for program in look() if program.pid == os.getpid()]
        self._family = Family(here[0] if here else Program(os.getpid(), 0, 0, 0, 0))
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="leftovers", daemon=True)
        self._thread.start()

    def left(self) -> list[Program]:
        """Return the processes that still run after they have had time to end."""
        self._closed.set()
        self._thread.join()
        return eventually_none(self._there)

    def _there(self) -> list[Program]:
        now = self._look()
        family = self._family.look(now)
        here = {os.getpid(), *(program.pid for program in family)}
        marked = [program for program in now if program.pid not in here and self._mark in environment(program)]
        return [program for program in (*family, *marked) if program.runs]

    def _keep_looking(self) -> None:
        while not self._closed.wait(LOOKS_EVERY_S):
            self._family.look(self._look())


def environment(program: Program) -> str:
    """Return the environment that a process was started with, as one text; an empty one if it may not be read."""
    try:
        return (PROC / str(program.pid) / "environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def eventually_none(look: Callable[[], list[T]]) -> list[T]:
    """Look repeatedly until nothing is found, or the time is over; return what was found last."""
    gives_up_at = time.monotonic() + PATIENCE_S
    while (found := look()) and time.monotonic() < gives_up_at:
        time.sleep(LOOKS_EVERY_S)
    return found


def command(program: Program) -> str:
    """Return the command line of a process."""
    try:
        line = (PROC / str(program.pid) / "cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        line = ""
    return line.replace("\0", " ").strip() or "(its command line is not shown)"


def listening() -> list[str]:
    """Return the addresses that this process listens on, in the kernel's spelling: proc(5), /proc/net/tcp."""
    mine = _open_files()
    found = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            rows = [line.split() for line in (PROC / "self" / "net" / name).read_text("ascii").splitlines()[1:]]
            found += [row[1] for row in rows if row[3] == LISTENS and f"socket:[{row[9]}]" in mine]
    return found


def _open_files() -> set[str]:
    found: set[str] = set()
    for file in (PROC / "self" / "fd").glob("*"):
        with contextlib.suppress(OSError):  # it was closed meanwhile
            found.add(str(file.readlink()))
    return found


def _sockets() -> list[str]:
    return [f"listening socket of process {os.getpid()}: {address}" for address in eventually_none(listening)]


class Worker:
    """A pytest plugin in each worker of a run. It reports the sockets that the worker still listens on."""

    def __init__(self) -> None:
        _obey(_once(lambda: None))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Report the worker's own sockets; the main process checks processes and folders."""
        vars(session.config)["workeroutput"][OUTPUT] = _sockets()


class Run:
    """A pytest plugin in the main process of a run, with or without workers."""

    def __init__(self, *, workers: bool) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._before = {name: os.environ.get(name) for name in ("TMPDIR", "PYTEST_DEBUG_TEMPROOT")}
        os.environ.setdefault(
            "PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir()
        )  # pytest's own folders stay where they are
        os.environ["TMPDIR"], tempfile.tempdir = str(self._folder), None
        self._watch = Watch(f"TMPDIR={self._folder}")
        self._found: list[str] = []
        _obey(_once(_interrupt_children if workers else lambda: None))

    @pytest.hookimpl(optionalhook=True)  # without xdist there are no workers, and no such hook
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a worker's report of the sockets that it still listened on."""
        self._found += getattr(node, "workeroutput", {}).get(OUTPUT, [])

    @pytest.hookimpl(wrapper=True, trylast=True)  # before the hook that prints the summary
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Find what is left after everything else, the workers included, has ended."""
        try:
            return (yield)
        finally:
            self._found += [*self._processes(), *_sockets(), *self._files()]
            self._clear_up()
            if self._found and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report what was left."""
        if self._found:
            terminalreporter.section("left behind by the tests, and removed", red=True)
            for line in self._found:
                terminalreporter.line(line)

    def _processes(self) -> list[str]:
        left = self._watch.left()
        lines = [f"process {program.pid}: {command(program)}" for program in left]
        for program in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(program.pid, signal.SIGKILL)
        return lines

    def _files(self) -> list[str]:
        return [f"temporary file or folder: {path.name}" for path in sorted(self._folder.iterdir())]

    def _clear_up(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        tempfile.tempdir = None


def _once(first: Callable[[], None]) -> Callable[[], None]:
    """Return a handler that ends the tests at its first call, and ignores further calls so that they end in order."""
    called: list[bool] = []

    def end() -> None:
        if not called:
            called.append(True)
            first()
            raise KeyboardInterrupt

    return end


def _obey(end: Callable[[], None]) -> None:
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, lambda _number, _frame: end())


@contextlib.contextmanager
def interrupting(number: signal.Signals) -> Iterator[None]:
    """Let a signal be a test's own: it raises KeyboardInterrupt, as often as it comes, and ends no run."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def _interrupt_children() -> None:
    for program in programs():
        if program.parent == os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(program.pid, signal.SIGINT)
