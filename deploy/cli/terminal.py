"""Prints results on standard output, and progress on standard error; in colour only on a terminal.

``NO_COLOR`` (https://no-color.org) switches colour off; so does ``TERM=dumb``, a terminal that can only print.
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
from deploy.cli.typed_ahead import forget_typed
from deploy.steps import Step, in_short, pending

_SIGNS = {"create": ("+", "32"), "update": ("~", "33"), "keep": ("=", "2"), "delete": ("-", "31")}
RED, YELLOW = "31", "33"
"""Colours of a problem, and of what could not be read: parameters of ECMA-48's SGR."""

_CLEAR = "\033[H\033[2J\033[3J"
"""Moves to the first column of the first line, and erases the screen and what was scrolled out of it."""

_TICK_S = 0.5
EVERYTHING = "everything is as it should be"
"""Why a plan has nothing to do."""

DETAIL = 70
"""Columns that the details of a table need, so that the columns before them can be as wide as their texts."""

_MIN_COLUMNS = 40
"""Text is not wrapped for a terminal with fewer columns."""


class Terminal:
    """Standard output, standard error, and standard input for answers. ``columns``: the width of a stream."""

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
        self._is_coloured = out.isatty() and not is_dumb and not (environ or {}).get("NO_COLOR")
        self._is_redrawn = out.isatty() and not is_dumb
        self._shows_progress = err.isatty() and not is_dumb
        self._lock = threading.Lock()
        self._line = ""
        self.filled: Callable[[str], str] = lambda text: text
        """Fills in what a text leaves open, such as the caller's account in a command, before it is written."""

    def print(self, text: str = "") -> None:
        """Print a result. Raises ``OSError`` if it cannot be written."""
        self._write(printable(text))

    def info(self, text: str) -> None:
        """Print progress or an error on standard error."""
        with self._lock:
            self._erase()
            self._write_error(f"{printable(text)}\n")

    def line(self, text: str, colour: str = "") -> None:
        """Print a result as one line, in this colour of a terminal. Raises ``OSError`` if it cannot be written."""
        shown = printable(text, lines=False)
        self._write(self._coloured(shown, colour) if colour else shown)

    def state(self, text: str) -> None:
        """Show a state on standard error until anything else is printed, if standard error is a terminal."""
        if self._shows_progress:
            with self._lock:
                self._erase()
                self._line = self._cut(printable(text, lines=False), "")
                self._write_error(self._line)

    @property
    def is_screen(self) -> bool:
        """Whether results are printed on a terminal, so that a person reads them."""
        return self._out.isatty()

    @property
    def shows_state(self) -> bool:
        """Whether ``state`` shows anything."""
        return self._shows_progress

    def as_json(self, value: Any, *, is_one_line: bool = False) -> None:
        """Print one JSON document, in ASCII."""
        self.print(json.dumps(value, indent=None if is_one_line else 2))

    def plan(self, steps: Sequence[Step], nothing: str = EVERYTHING, *, commands: bool = False) -> None:
        """Print a plan: the action on each resource, its reason and its call.

        ``nothing``: why no step changes any. ``commands``: each call is shown whole, also a long one.
        """
        width = max((len(step.resource) for step in steps), default=0)
        for step in steps:
            sign, colour = _SIGNS[step.action]
            head = f"{sign} {step.action:<6}  {step.resource:<{width}}  "
            self._write(self._coloured(self._wrapped(head, printable(step.reason, lines=False)), colour))
            calls = () if step.call is None else (step.call.line(),) if commands else in_short(step.call)
            for line in calls:
                self._write(self._coloured(f"            {printable(line)}", "2"))
        counts = [f"{sum(step.action == action for step in steps)} to {action}" for action in _SIGNS]
        self.print(f"\n{', '.join(counts)}" if pending(tuple(steps)) else f"\nnothing to do: {nothing}")

    def table(
        self, rows: Sequence[tuple[str, str, str]], colours: Sequence[str] = (), widest: tuple[int, int] = (100, 100)
    ) -> None:
        """Print state, resource and detail in columns.

        ``colours``: of each row; empty for none. ``widest``: the greatest widths of the first two columns on a
        terminal that has no room for more. A longer text makes the column no wider, so that the details of all other
        rows have room: its own detail begins on the next line.
        """
        widths = self._widths(rows, widest)
        indent = sum(widths) + 4
        for place, (state, name, detail) in enumerate(rows):
            head, text = f"{state:<{widths[0]}}  {name:<{widths[1]}}  ", printable(detail, lines=False)
            if len(head) > indent:
                line = f"{head.rstrip()}\n{self._wrapped(' ' * indent, text)}"
            else:
                line = self._wrapped(head, text)
            self._write(self._coloured(line, colours[place]) if colours and colours[place] else line)

    def _widths(self, rows: Sequence[tuple[str, str, str]], widest: tuple[int, int]) -> tuple[int, int]:
        """Return the widths of the first two columns: of the longest texts, if details have ``DETAIL`` columns then."""
        states, names = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
        columns = self._columns(self._out)
        if columns is None or states + names + 4 + DETAIL <= columns:
            return states, names
        return min(states, widest[0]), min(names, widest[1])

    def grid(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows in columns as wide as their longest text: texts to the left, and numbers to the right."""
        shown = [[printable(text, lines=False) for text in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        for row in shown:
            cells = [
                text.rjust(width) if _is_number(text) else text.ljust(width)
                for text, width in zip(row, widths, strict=True)
            ]
            self._write("  ".join(cells).rstrip())

    def clear(self) -> None:
        """Clear the screen, so that the next text replaces it. In a file or a pipe, nothing is erased."""
        if self._is_redrawn:
            print(_CLEAR, end="", file=self._out, flush=True)

    def confirm(self, question: str) -> bool | None:
        """Ask a yes/no question and return the answer; None if standard input is not a terminal. Ctrl-D means no.

        What was typed before the question is no answer: the user had not seen what the question is about.
        """
        answer = self.answer(f"{question} [y/N]")
        return None if answer is None else answer.lower() in {"y", "yes"}

    def answer(self, question: str) -> str | None:
        """Ask a question and return the answer; None if standard input is not a terminal. Ctrl-D is an empty answer.

        What was typed before the question is no answer.
        """
        if not self.is_interactive:
            return None
        forget_typed(self._in)
        return self.ask(f"{question} ") or ""

    @property
    def is_interactive(self) -> bool:
        """Whether standard input is a terminal, so that questions can be asked."""
        return self._in.isatty()

    def ask(self, prompt: str) -> str | None:
        """Ask for a line, and return it without white space around it; None at the end of the input, by Ctrl-D."""
        self._write_error(printable(prompt))
        answer = self._in.readline()
        if not answer.endswith("\n"):
            self._write_error("\n")
        return answer.strip() if answer else None

    @contextlib.contextmanager
    def progress(self, what: str) -> Iterator[None]:
        """Show the seconds that a task has taken. If standard error is not a terminal, print one line at its start."""
        if not self._shows_progress:
            self.info(f"{what} ...")
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
                self._erase()

    @contextlib.contextmanager
    def working(self, steps: Sequence[Step], estimate: str = "") -> Iterator[None]:
        """Show that steps of a plan with the same action are running. ``estimate``: their duration, in words."""
        names = ", ".join(step.resource for step in steps)
        with self.progress(f"  {steps[0].action} {names}{f' ({estimate})' if estimate else ''}"):
            yield

    def done(self, step: Step, seconds: float) -> None:
        """Show that a step of a plan is done, and how long it took."""
        self.info(f"  {step.action} {step.resource}: done in {seconds:.1f} s")

    def _tick(self, what: str, stop: threading.Event) -> None:
        begun_at = time.monotonic()
        while not stop.wait(_TICK_S):
            with self._lock:
                self._erase()
                self._line = self._cut(what, f" ... {time.monotonic() - begun_at:.0f} s")
                self._write_error(self._line)

    def _erase(self) -> None:
        if self._line:
            self._write_error(f"\r{' ' * len(self._line)}\r")
            self._line = ""

    def _write(self, text: str) -> None:
        with self._lock:
            self._erase()
        print(self.filled(text), file=self._out, flush=True)

    def _write_error(self, text: str) -> None:
        """Write to standard error. If that fails, the command continues."""
        with contextlib.suppress(OSError):
            print(self.filled(text), end="", file=self._err, flush=True)

    def _coloured(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._is_coloured else text

    def _cut(self, text: str, end: str) -> str:
        """Shorten a progress line to one row, because only the last row of a line can be erased."""
        room = (self._columns(self._err) or 80) - 1 - len(end)
        return (text if len(text) <= room else f"{text[: max(0, room - 3)]}...") + end

    def _wrapped(self, head: str, text: str) -> str:
        """Wrap a text at the width of a terminal, indented by its head. In a file or a pipe, a row stays one line."""
        columns = self._columns(self._out)
        if columns is None or columns < _MIN_COLUMNS or len(head) + len(text) <= columns:
            return head + text
        indent = min(len(head), columns // 2)
        lines = textwrap.wrap(
            head + text, columns, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )
        return "\n".join(lines)


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(",", "").isdecimal()


def printable(text: str, *, lines: bool = True) -> str:
    """Return a text with escaped control characters, which a name from one of the clouds may contain.

    ``lines``: the text may have more than one line.
    """
    if (text.replace("\n", "").replace("\t", "") if lines else text).isprintable():  # then no character is escaped
        return text
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char).startswith("C") and not (lines and char in "\n\t")
        else char
        for char in text
    )
