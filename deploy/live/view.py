"""Shows messages in the terminal, in a pipe or in a file, and counts them.

A terminal gets at most ``LINES_PER_S`` lines a second: more cannot be read, and would only delay what follows. The rest
is counted, and the count is shown. A pipe, ``--json`` and ``--output`` get every message.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal, TextIO

from deploy.cli.terminal import Terminal
from deploy.errors import DeployError
from deploy.live.clock import Clock, at_time
from deploy.live.documents import document, raw
from deploy.live.feed import Connection
from deploy.live.lines import RED, line
from deploy.live.message import Message
from deploy.live.names import Names
from deploy.live.readings import Reading, reading
from deploy.live.repeats import Repeat, Repeats
from deploy.live.summary import Summary
from deploy.live.wanted import Wanted
from deploy.parallel import signals_wait
from deploy.times import spoken

LINES_PER_S = 40

BEAT_S = 60.0
"""Seconds of silence after which a log of standard error gets a line that says so."""

Style = Literal["lines", "raw", "json", "page"]
"""How messages are shown in the terminal; ``page``: not there, but on the live page."""


class View:
    """What a run shows. ``output``: a file that gets every message as a line of JSON, too.

    ``add_to_page`` is called with every message that is shown; it does nothing until it is set.
    """

    def __init__(
        self,
        terminal: Terminal,
        style: Style,
        wanted: Wanted,
        clock: Clock,
        names: Names,
        output: TextIO | None = None,
    ) -> None:
        self.summary = Summary(clock.now())
        self.add_to_page: Callable[[Message], object] = lambda _: None
        self._terminal = terminal
        self._style = style
        self._wanted = wanted
        self._clock = clock
        self._names = names
        self._output = output
        self._repeats = Repeats()
        self._last_at: float | None = None
        self._beat_at = self._second = clock.monotonic()
        self._shown = self._hidden = 0

    def show(self, message: Message) -> bool:
        """Show a message if it is wanted, and return whether it is. Raises ``OSError`` if it cannot be written."""
        if not self._wanted.includes(message):
            self.summary.not_wanted += 1
            return False
        read, repeat = self._names.named(reading(message), message), self._repeats.of(message)
        self.summary.add(message, read.event_type, repeat)
        self._last_at, self._beat_at = message.received_at, self._clock.monotonic()
        if self._output:
            with signals_wait():  # a signal would leave half a line behind
                self._output.write(f"{document(message, read, repeat)}\n")
                self._output.flush()
        self.add_to_page(message)
        self._print(message, read, repeat)
        return True

    def begin(self) -> None:
        """Count from now on."""
        self.summary.began_at = self._clock.now()

    def tick(self, connection: Connection) -> None:
        """Show the state of the connection, and how many messages were not shown in the last second."""
        monotonic = self._clock.monotonic()
        if monotonic - self._second >= 1:
            self._second = monotonic
            self._show_hidden()
        state = self._state(connection)
        if self._terminal.shows_state:
            self._terminal.state(state)
        elif monotonic - self._beat_at >= BEAT_S:
            self._beat_at = monotonic
            self._terminal.info(f"{at_time(self._clock.now())}  {state}")

    def end(self) -> None:
        """Show the count of messages that were not shown, and note the end."""
        self._show_hidden()
        self.summary.ended_at = self._clock.now()

    def _print(self, message: Message, read: Reading, repeat: Repeat) -> None:
        if self._style == "page":
            return
        if self._style == "json":
            self._terminal.line(document(message, read, repeat))
            return
        if self._terminal.is_screen and self._shown >= LINES_PER_S:
            self._hidden += 1
            self.summary.not_shown += 1
            return
        self._shown += 1
        if self._style == "raw":
            self._terminal.line(raw(message), RED if message.rejected else "")
        else:
            shown = line(message, read, repeat, is_screen=self._terminal.is_screen)
            self._terminal.line(shown.text, shown.colour)

    def _show_hidden(self) -> None:
        if self._hidden:
            hidden = f"… and {self._hidden:,} more in the same second"
            self._terminal.info(f"{hidden}; --output FILE and --json have all of them")
        self._shown = self._hidden = 0

    def _state(self, connection: Connection) -> str:
        status = connection.get()
        last = f"last event at {at_time(self._last_at)}" if self._last_at else "no event yet"
        counted = self.summary.in_short
        if status.state == "lost":
            away = spoken(self._clock.now() - status.since)
            return f"lost since {at_time(status.since)}, for {away}: {status.detail}"
        return f"{status.state} at {at_time(self._clock.now())}; {last}; {counted}"


def opened(path: str) -> AbstractContextManager[TextIO | None]:
    """Open a file to append to; None for an empty path.

    Raises:
        DeployError: it cannot be written.

    """
    if not path:
        return nullcontext()
    try:
        return Path(path).open("a", encoding="utf-8")
    except OSError as error:
        raise DeployError(f"cannot be written: {error.strerror}", where=f"--output {path}") from None


def shown_filter(text: str, left_out: Sequence[str]) -> list[str]:
    """Return the lines about the filters, shown at the start of a run."""
    parts = [f"Pub/Sub sends only {text}"] if text else []
    return [*parts, *([f"checked here, not by Pub/Sub: {', '.join(left_out)}"] if left_out else [])]
