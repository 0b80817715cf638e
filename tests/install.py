"""``python -m tests.install LOCK``: install a lock into the environment of this Python, and show the progress.

pip itself is silent for a minute, or prints a hundred lines. If pip fails, all of its output is shown.

``--no-deps`` makes the installation independent of pip's version and of new releases. A lock names every package, so
pip has nothing to resolve. A pip before 23.3 that resolves can refuse a hashed package as soon as it has a newer
release, if another package requires it with an extra.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

OPTIONS = ("--no-deps", "--require-hashes", "--disable-pip-version-check", "--no-input", "--progress-bar", "off")
PLAIN_TICK_S = 5.0
TERMINAL_TICK_S = 0.5
"""Seconds between two reports of progress: new lines, or one line that is overwritten on a terminal."""

_TO_THE_END = "\033[K"
"""Erases a terminal's line from the cursor on."""

_SEEN = ("Collecting ", "Requirement already satisfied: ")


class Progress:
    """The progress of an installation, from the lines that pip has printed so far."""

    def __init__(self, lock: str) -> None:
        self._total = len(re.findall(r"^[a-z0-9-]+(?:\[[a-z0-9,-]+\])?==", lock, re.MULTILINE))
        self._lines: list[str] = []

    def read(self, lines: Iterable[str]) -> None:
        """Read the lines that pip prints, as they come."""
        for line in lines:
            self._lines.append(line)

    def line(self, seconds: float) -> str:
        """Return the progress as a line of text."""
        if any(line.startswith("Installing collected packages") for line in self._lines):
            return f"  unpacking the packages, {seconds:.0f} s"
        seen = sum(line.startswith(_SEEN) for line in self._lines)
        return f"  {seen} of {self._total} packages, {seconds:.0f} s"

    def everything(self) -> str:
        """Return all that pip has printed."""
        return "".join(self._lines)


def command(lock: str) -> list[str]:
    """Return the command that installs a lock."""
    return [sys.executable, "-m", "pip", "install", *OPTIONS, "-r", lock]


def install(
    line: Sequence[str],
    progress: Progress,
    out: TextIO,
    *,
    tick_s: float | None = None,
    now: Callable[[], float] = time.monotonic,
) -> int:
    """Run pip, and print the progress to ``out`` every ``tick_s`` seconds; return pip's exit status."""
    tick_s = tick_s or (TERMINAL_TICK_S if out.isatty() else PLAIN_TICK_S)
    form = f"\r{{}}{_TO_THE_END}" if out.isatty() else "{}\n"
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(line, env=environ, encoding="utf-8", errors="replace", **streams) as pip:
        listener = threading.Thread(target=progress.read, args=(pip.stdout or (),), daemon=True)
        listener.start()
        began_at = now()
        while _goes_on(pip, tick_s):
            _write(out, form.format(progress.line(now() - began_at)))
        listener.join()
    if out.isatty():
        _write(out, form.format(""))
    return pip.returncode


def main(arguments: Sequence[str]) -> int:
    """Install these locks; return 0 if all are installed, else pip's exit status."""
    for lock in arguments:
        progress = Progress(Path(lock).read_text("utf-8"))
        if status := install(command(lock), progress, sys.stderr):
            _write(sys.stderr, f"{progress.everything()}{lock} could not be installed: pip ended with {status}\n")
            return status
    return 0


def _goes_on(pip: "subprocess.Popen[str]", seconds: float) -> bool:
    try:
        pip.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _write(out: TextIO, text: str) -> None:
    out.write(text)
    out.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
