"""How a command begins and ends: its standard streams, the signals that end it, the packages that it needs.

Streams may be closed, full, in ASCII, or left by their reader; a signal may be one that this system does not have.
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
"""What stands for a character in an encoding that does not have it."""


INSTALL = "python -m pip install --no-deps --require-hashes"
"""Without ``--no-deps``, a pip before 23.3 may refuse a hashed list on the day a package has a newer release."""

OURS = {"deploy", "function", "tests"}

Handler = Callable[[int, FrameType | None], object]


class Parser(argparse.ArgumentParser):
    """A parser whose help, too, is an error if it cannot be written: argparse by itself would end with 0."""

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        (file or sys.stderr).write(message)


def not_installed(missing: ModuleNotFoundError, *locks: str) -> str:
    """Return what to print if a package of these lists is absent. A module of our own that is absent is raised."""
    name = (missing.name or "").partition(".")[0]
    if name in OURS:
        raise missing
    listed = " ".join(f"-r {lock}" for lock in locks)
    return f"error: {name} is not installed for {sys.executable}\n  fix: {INSTALL} {listed}"


def on_end(handler: Handler) -> None:
    """Let a handler hear what ends a process, and that its terminal is closed. Ctrl-C stays a ``KeyboardInterrupt``.

    Windows has no SIGHUP. Where it is ignored, as under nohup, it stays so.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell's background job ignores it
    signal.signal(signal.SIGTERM, handler)
    hangs_up = getattr(signal, "SIGHUP", None)
    if hangs_up is not None and signal.getsignal(hangs_up) != signal.SIG_IGN:
        signal.signal(hangs_up, handler)


def open_streams() -> None:
    """Let closed streams lead nowhere, and let every character be written: in a plain form where its own is missing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # for good
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def end(main: Callable[[], int], has_work_left: Callable[[], bool] = bool) -> NoReturn:
    """Run a command and end the process with its exit status: with 1 if all went well but could not be written.

    ``has_work_left``: whether threads still run that nothing waits for. Python would wait for them before it ends,
    however long a network keeps silent.
    """
    try:
        status: object = main()
    except SystemExit as ended:  # the command line could not be read, help was asked for, or a signal came
        status = ended.code
    is_written = close_streams()
    ended_with = status if isinstance(status, int) and (status or is_written) else 1
    if has_work_left():
        os._exit(ended_with)
    sys.exit(ended_with)


def close_streams() -> bool:
    """Write what is still held back; return whether that was possible.

    A stream that cannot be written to leads nowhere from then on: else Python would fail over it once more at its end.
    """
    written = [_is_written(stream) for stream in (sys.stdout, sys.stderr)]
    return all(written)


def columns_of(stream: TextIO) -> int | None:
    """Return how many columns a terminal has; None if the stream is not one, or does not say."""
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
    """Return the plain form of what cannot be encoded, and where to go on; what has none is escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    shown = (PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode("ascii") for char in missing)
    return "".join(shown), error.end
