"""What is shown: tables on standard output, progress on standard error; colour on a terminal alone.

``NO_COLOR`` (https://no-color.org) switches colour off; ``TERM=dumb`` is a terminal that only prints.
"""

import contextlib
import json
import textwrap
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from deploy.cli.doorway import columns_of
from deploy.steps import Step, pending

_SIGNS = {"create": ("+", "32"), "update": ("~", "33"), "keep": ("=", "2"), "delete": ("-", "31")}
_TICK_S = 0.5
_NARROWEST = 40
"""Columns, below which text is left to the terminal to break."""


class Terminal:
    """Standard output and standard error, and the person in front of them."""

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        source: TextIO,
        environ: Mapping[str, str] | None = None,
        columns: Callable[[TextIO], int | None] = columns_of,
    ) -> None:
        self._out, self._err, self._in = out, err, source
        self._columns = columns
        is_dumb = (environ or {}).get("TERM") == "dumb"
        self._paints = out.isatty() and not is_dumb and not (environ or {}).get("NO_COLOR")
        self._ticks = err.isatty() and not is_dumb
        self._lock = threading.Lock()
        self._line = ""

    def say(self, text: str = "") -> None:
        """Print a result. Raises ``OSError`` where it cannot be."""
        self._print(printable(text))

    def note(self, text: str) -> None:
        """Print what happens meanwhile."""
        with self._lock:
            self._wipe()
            self._tell(f"{printable(text)}\n")

    def as_json(self, value: Any) -> None:
        """Print one JSON document, in letters that can be written everywhere."""
        self.say(json.dumps(value, indent=2))

    def table(self, steps: Sequence[Step]) -> None:
        """Show a plan: what happens to each resource, why, and by which call."""
        width = max((len(step.resource) for step in steps), default=0)
        for step in steps:
            sign, colour = _SIGNS[step.action]
            head = f"{sign} {step.action:<6}  {step.resource:<{width}}  "
            self._print(self._painted(self._fitted(head, printable(step.reason, lines=False)), colour))
            if step.call:
                self._print(self._painted(f"            {printable(step.call.line())}", "2"))
        counts = [f"{sum(each.action == action for each in steps)} to {action}" for action in _SIGNS]
        self.say(
            f"\n{', '.join(counts)}" if pending(tuple(steps)) else "\nnothing to do: everything is as it should be"
        )

    def rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Print state, thing and detail in columns."""
        states, things = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
        for state, thing, detail in rows:
            self._print(self._fitted(f"{state:<{states}}  {thing:<{things}}  ", printable(detail, lines=False)))

    def agrees(self, question: str) -> bool | None:
        """Ask yes or no; None if nobody can be asked. Ctrl-D is a no."""
        if not self._in.isatty():
            return None
        self._tell(f"{question} [y/N] ")
        answer = self._in.readline()
        if not answer.endswith("\n"):
            self._tell("\n")
        return answer.strip().lower() in {"y", "yes"}

    @contextlib.contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Show for how long something has been under way; off a terminal, one line when it begins."""
        if not self._ticks:
            self.note(f"{what} ...")
            yield
            return
        stop = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(what, stop), daemon=True)
        ticker.start()
        try:
            yield
        finally:
            stop.set()
            ticker.join()
            with self._lock:
                self._wipe()

    @contextlib.contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Show that a step of a plan is under way, and then that it is done."""
        begun_at = time.monotonic()
        with self.busy(f"  {step.action} {step.resource}"):
            yield
        self.note(f"  {step.action} {step.resource}: done in {time.monotonic() - begun_at:.1f} s")

    def _tick(self, what: str, stop: threading.Event) -> None:
        begun_at = time.monotonic()
        while not stop.wait(_TICK_S):
            with self._lock:
                self._wipe()
                self._line = self._cut(what, f" ... {time.monotonic() - begun_at:.0f} s")
                self._tell(self._line)

    def _wipe(self) -> None:
        if self._line:
            self._tell(f"\r{' ' * len(self._line)}\r")
            self._line = ""

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def _tell(self, text: str) -> None:
        """Write to standard error; that nobody can read it any more keeps nothing from being done."""
        with contextlib.suppress(OSError):
            print(text, end="", file=self._err, flush=True)

    def _painted(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._paints else text

    def _cut(self, text: str, end: str) -> str:
        """Keep a line that is written over within one row: only its last row could be wiped."""
        room = (self._columns(self._err) or 80) - 1 - len(end)
        return (text if len(text) <= room else f"{text[: max(0, room - 3)]}...") + end

    def _fitted(self, head: str, text: str) -> str:
        """Break a text at the edge of a terminal, under its own beginning; a row in a file or a pipe stays one line."""
        columns = self._columns(self._out)
        if columns is None or columns < _NARROWEST or len(head) + len(text) <= columns:
            return head + text
        indent = min(len(head), columns // 2)
        broken = textwrap.wrap(
            head + text, columns, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )
        return "\n".join(broken)


def printable(text: str, *, lines: bool = True) -> str:
    """Return a text without characters that steer a terminal, which names from the clouds may hold: they are escaped.

    ``lines``: whether it may have more than one line.
    """
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char).startswith("C") and not (lines and char in "\n\t")
        else char
        for char in text
    )
