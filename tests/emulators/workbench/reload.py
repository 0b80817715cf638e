"""Starts the function again when its source changes. Until the new process answers, the one before goes on answering.

The files are compared twice a second. That needs no package, and finds changes in every file system: inotify reports
none that another machine makes in a mounted folder, as with WSL, Docker and virtual machines.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from tests.emulators.errors import NotStarted

LOOK_S = 0.5
"""Seconds between two looks at the files."""

LAST_LINES = 8
"""Lines of an error that are shown. The log has all of them."""

Stamps = Mapping[str, tuple[int, int]]
"""Name of a file -> time of its last change in nanoseconds, and its size."""


class Process(Protocol):
    """A process of the function: see ``FunctionProcess``."""

    port: int

    def is_ready(self) -> bool:
        """Return whether it answers. Raises ``NotStarted``."""
        ...

    def runs(self) -> bool:
        """Return whether it has not ended."""
        ...

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        ...

    def end(self) -> None:
        """End it, and wait for that."""
        ...


class Reloading:
    """The function as it runs now, and a new process of it that is not ready yet.

    ``use`` gets the port of each process that answers from then on; ``say`` gets what happens. ``look`` has to be
    called all the time, by the thread that made this object.
    """

    def __init__(
        self,
        start: Callable[[], Process],
        stamps: Callable[[], Stamps],
        use: Callable[[int], object],
        say: Callable[[str], object],
    ) -> None:
        self._start, self._stamps, self._use, self._say = start, stamps, use, say
        self._seen, self._looked_at = stamps(), time.monotonic()
        self._current = start()
        self._next: Process | None = None
        self._why, self._began_at = "", 0.0
        self._ending: list[Process] = []
        self._is_down = False

    def wait_until_ready(self) -> None:
        """Wait for the first process. Raises ``NotStarted``."""
        while not self._current.is_ready():
            time.sleep(0.05)
        self._use(self._current.port)

    def look(self) -> None:
        """Start a new process if a file has changed or the process has ended; use the new one once it is ready."""
        if time.monotonic() - self._looked_at >= LOOK_S:
            self._looked_at = time.monotonic()
            self._compare()
        if self._next:
            self._promote(self._next)
        self._end_old()

    def end(self) -> None:
        """End all processes."""
        for process in (self._current, self._next, *self._ending):
            if process:
                process.end()

    def _compare(self) -> None:
        stamps = self._stamps()
        if stamps != self._seen:
            changed = sorted(name for name in {*stamps, *self._seen} if stamps.get(name) != self._seen.get(name))
            self._seen = stamps
            self._begin(f"{changed[0]}{f' and {len(changed) - 1} more' if changed[1:] else ''} changed")
        elif not self._current.runs() and not self._next and not self._is_down:
            self._begin("the function ended by itself")

    def _begin(self, why: str) -> None:
        if self._next:  # it has the code from before this change
            self._next.end()
        self._why, self._began_at = why, time.monotonic()
        self._next = self._start()

    def _promote(self, process: Process) -> None:
        try:
            if not process.is_ready():
                return
        except NotStarted as error:
            self._give_up(process, str(error))
            return
        self._use(process.port)
        self._current.ask_to_end()
        self._ending.append(self._current)
        self._current, self._next, self._is_down = process, None, False
        self._say(f"{self._why}: restarted in {time.monotonic() - self._began_at:.1f} s")

    def _give_up(self, process: Process, error: str) -> None:
        process.end()
        self._next, self._is_down = None, not self._current.runs()
        lines = error.splitlines()[1:][-LAST_LINES:]
        rest = "nothing answers until a file changes" if self._is_down else "the old code still answers"
        self._say(
            "\n".join([f"{self._why}, and the function does not start; {rest}:", *(f"  {line}" for line in lines)])
        )

    def _end_old(self) -> None:
        for process in [process for process in self._ending if not process.runs()]:
            process.end()
            self._ending.remove(process)


def stamps_of(root: Path) -> Stamps:
    """Return the stamps of the function's source: ``main.py`` and ``function/``."""
    files = [root / "main.py", *(root / "function").rglob("*.py")]
    found = {}
    for file in files:
        try:
            stat = file.stat()
        except FileNotFoundError:  # an editor replaces it just now
            continue
        found[file.relative_to(root).as_posix()] = (stat.st_mtime_ns, stat.st_size)
    return found
