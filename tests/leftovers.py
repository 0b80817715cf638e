"""Whatever the tests start ends with them: a run that leaves something behind fails, and says what.

Three things count: a process, a listening socket of the tests' own process, and something in the folder for temporary
files, of which a run has one of its own. What is found is ended and removed.

A process belongs to the run if its parent, its group or its session does, which is watched while the tests run; so it
is found although its parent has ended. It does, too, if that folder stands in its environment. Linux alone shows all
that; elsewhere the folder is all that is looked at.

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
"""Seconds that what is about to end has, after the last test."""

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that end a run as Ctrl-C does; Windows has no SIGHUP."""

PROC = Path("/proc")
LISTENS = "0A"
"""TCP_LISTEN in /proc/net/tcp: proc(5)."""

PREFIX = "tests-of-dt-pubsub-"
OUTPUT = "listening"

T = TypeVar("T")


@dataclass(frozen=True)
class Program:
    """A process as the kernel shows it: proc(5). ``began`` tells two processes with the same id apart."""

    pid: int
    parent: int
    group: int
    session: int
    began: int
    state: str = "S"

    @property
    def key(self) -> tuple[int, int]:
        """What no other process ever has."""
        return self.pid, self.began

    @property
    def runs(self) -> bool:
        """Whether it is more than an exit status that waits to be read."""
        return self.state not in {"Z", "X"}


def programs() -> list[Program]:
    """Return all processes of the machine; none where there is no /proc."""
    found = (_program(folder) for folder in PROC.glob("[0-9]*"))
    return [program for program in found if program]


def _program(folder: Path) -> Program | None:
    try:
        fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:  # it has ended
        return None
    parent, group, session, began = (int(fields[at]) for at in (1, 2, 3, 19))
    return Program(int(folder.name), parent, group, session, began, fields[0])


class Family:
    """The processes that descend from ``root``, which is not one of them.

    An id that has become free is soon another's. So a parent counts as long as it lives; a group or a session counts
    until the look after the one that found a member of it.
    """

    def __init__(self, root: Program) -> None:
        self._root = root
        self._members: set[tuple[int, int]] = set()
        self._groups: set[int] = set()

    def look(self, now: Iterable[Program]) -> list[Program]:
        """Return who belongs to the run, of those that are there now."""
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
    """Looks at the processes of this run, beside the tests, until it is asked what is left of them."""

    def __init__(self, mark: str, look: Callable[[], list[Program]] = programs) -> None:
        self._mark = mark
        self._look = look
        here = [program for program in look() if program.pid == os.getpid()]
        self._family = Family(here[0] if here else Program(os.getpid(), 0, 0, 0, 0))
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="leftovers", daemon=True)
        self._thread.start()

    def left(self) -> list[Program]:
        """Return what still runs, once it has had its time to end."""
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
    """Return the environment that a process was started with, as one text; nothing if it is not ours to read."""
    try:
        return (PROC / str(program.pid) / "environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def eventually_none(look: Callable[[], list[T]]) -> list[T]:
    """Look until there is nothing, for a while; return what there is then."""
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
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(str(file.readlink()))
    return found


def _sockets() -> list[str]:
    return [f"listening socket of process {os.getpid()}: {address}" for address in eventually_none(listening)]


class Worker:
    """A plugin of pytest: one of the workers of a run. What it still listens on, it tells the run."""

    def __init__(self) -> None:
        _obey(_once(lambda: None))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look at its own sockets; its processes and folders are looked at by the run."""
        vars(session.config)["workeroutput"][OUTPUT] = _sockets()


class Run:
    """A plugin of pytest: the whole of a run, be it with workers or without."""

    def __init__(self, *, workers: bool) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._before = {name: os.environ.get(name) for name in ("TMPDIR", "PYTEST_DEBUG_TEMPROOT")}
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())  # pytest's own folders stay as they are
        os.environ["TMPDIR"], tempfile.tempdir = str(self._folder), None
        self._watch = Watch(f"TMPDIR={self._folder}")
        self._found: list[str] = []
        _obey(_once(_interrupt_children if workers else lambda: None))

    def pytest_testnodedown(self, node: Any) -> None:
        """Hear what a worker still listened on."""
        self._found += getattr(node, "workeroutput", {}).get(OUTPUT, [])

    @pytest.hookimpl(wrapper=True, trylast=True)  # within the one that prints the summary
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Look at what is left, once all else has come to its end; the workers have, too."""
        try:
            return (yield)
        finally:
            self._found += [*self._processes(), *_sockets(), *self._files()]
            self._clear_up()
            if self._found and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was left."""
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
    """Return what ends the tests when it is called, and lets them end in peace when it is called again."""
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


def _interrupt_children() -> None:
    for program in programs():
        if program.parent == os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(program.pid, signal.SIGINT)
