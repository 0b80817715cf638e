"""What is shown: tables on standard output, progress on standard error; colour on a terminal alone."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from deploy.steps import Step, pending

_SIGNS = {"create": ("+", "32"), "update": ("~", "33"), "keep": ("=", "2"), "delete": ("-", "31")}
_TICK_S = 0.5


class Terminal:
    """Standard output and standard error, and whoever sits in front of them."""

    def __init__(self, out: TextIO, err: TextIO, source: TextIO) -> None:
        self._out, self._err, self._in = out, err, source
        self._lock = threading.Lock()
        self._line = ""

    def say(self, text: str = "") -> None:
        """Print a result. Raises ``OSError`` where it cannot be."""
        print(text, file=self._out, flush=True)

    def note(self, text: str) -> None:
        """Print what happens meanwhile."""
        with self._lock:
            self._wipe()
            self._tell(f"{text}\n")

    def as_json(self, value: Any) -> None:
        """Print one JSON document, in letters that can be written everywhere."""
        self.say(json.dumps(value, indent=2))

    def table(self, steps: Sequence[Step]) -> None:
        """Show a plan: what happens to each resource, why, and by which call."""
        width = max((len(step.resource) for step in steps), default=0)
        for step in steps:
            sign, colour = _SIGNS[step.action]
            self.say(self._painted(f"{sign} {step.action:<6}  {step.resource:<{width}}  {step.reason}", colour))
            if step.call:
                self.say(self._painted(f"            {step.call.line()}", "2"))
        counts = [f"{sum(each.action == action for each in steps)} to {action}" for action in _SIGNS]
        self.say(
            f"\n{', '.join(counts)}" if pending(tuple(steps)) else "\nnothing to do: everything is as it should be"
        )

    def rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Print state, thing and detail in columns."""
        states, things = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
        for state, thing, detail in rows:
            self.say(f"{state:<{states}}  {thing:<{things}}  {detail}")

    def agrees(self, question: str) -> bool | None:
        """Ask yes or no; None if nobody can be asked."""
        if not self._in.isatty():
            return None
        self._tell(f"{question} [y/N] ")
        return self._in.readline().strip().lower() in {"y", "yes"}

    @contextlib.contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Show for how long something has been under way; off a terminal, one line when it begins."""
        if not self._err.isatty():
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
                self._line = f"{what} ... {time.monotonic() - begun_at:.0f} s"
                self._tell(self._line)

    def _wipe(self) -> None:
        if self._line:
            self._tell(f"\r{' ' * len(self._line)}\r")
            self._line = ""

    def _tell(self, text: str) -> None:
        """Write to standard error; that nobody can read it any more keeps nothing from being done."""
        with contextlib.suppress(OSError):
            print(text, end="", file=self._err, flush=True)

    def _painted(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._out.isatty() else text
