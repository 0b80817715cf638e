"""The start and the end of a command: its standard streams, the signals that end it.

A stream may be closed, full, limited to ASCII, or a pipe without a reader. Windows does not have every signal.
"""

import argparse
import codecs
import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

PLAIN = {
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MIDDLE DOT}": "|",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{DEGREE SIGN}": "deg ",
    "\N{MICRO SIGN}": "u",
    "\N{SUPERSCRIPT TWO}": "2",
    "\N{SUPERSCRIPT THREE}": "3",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}
"""The ASCII text that replaces a character which the encoding of a stream does not have."""

Handler = Callable[[int, FrameType | None], object]


class Parser(argparse.ArgumentParser):
    """A parser that raises ``OSError`` if its help cannot be written; argparse would ignore that and exit with 0."""

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        (file or sys.stderr).write(message)


def on_end(handler: Handler) -> None:
    """Call a handler on SIGTERM, and on SIGHUP, which a closed terminal sends. Ctrl-C raises ``KeyboardInterrupt``.

    Windows has no SIGHUP. If SIGHUP is ignored, as under nohup, it stays ignored.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell makes its background jobs ignore SIGINT
    signal.signal(signal.SIGTERM, handler)
    hangs_up = getattr(signal, "SIGHUP", None)
    if hangs_up is not None and signal.getsignal(hangs_up) != signal.SIG_IGN:
        signal.signal(hangs_up, handler)


def open_streams() -> None:
    """Replace closed standard streams by /dev/null, and replace characters that a stream cannot encode."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # never closed
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def end(main: Callable[[], int], has_work_left: Callable[[], bool] = bool) -> NoReturn:
    """Run a command and end the process with its exit status. If the output could not be written, 0 becomes 1.

    ``has_work_left`` returns whether worker threads still run. Then the process ends at once, because Python would
    wait for these threads, and a thread may wait long for an answer from the network.
    """
    try:
        status: object = main()
    except SystemExit as ended:  # after --help, an invalid command line or a signal
        status = ended.code
    is_written = close_streams()
    ended_with = status if isinstance(status, int) and (status or is_written) else 1
    if has_work_left():
        os._exit(ended_with)
    sys.exit(ended_with)


def close_streams() -> bool:
    """Flush standard output and standard error; return whether both could be written.

    A stream that cannot be written is replaced by /dev/null. Otherwise Python would fail again at its own flush.
    """
    written = [_is_written(stream) for stream in (sys.stdout, sys.stderr)]
    return all(written)


def columns_of(stream: TextIO) -> int | None:
    """Return the number of columns of a terminal; None if the stream is not a terminal, or the number is unknown."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _is_written(stream: TextIO) -> bool:
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of the characters that cannot be encoded, and the position after them.

    A character without an entry in ``PLAIN`` is escaped.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    shown = (PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode("ascii") for char in missing)
    return "".join(shown), error.end
