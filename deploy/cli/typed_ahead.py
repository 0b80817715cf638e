"""Forgets what was typed before a question was shown, because it cannot be an answer to it."""

import contextlib
from importlib import import_module
from importlib.util import find_spec
from typing import TextIO


def forget_typed(source: TextIO) -> None:
    """Drop what was typed before on this terminal, and has not been read.

    ``termios`` and ``msvcrt`` exist on some systems only, and so they are imported by their names.
    """
    if find_spec("termios"):
        termios = import_module("termios")
        with contextlib.suppress(OSError, termios.error):  # not a terminal
            termios.tcflush(source, termios.TCIFLUSH)
    elif find_spec("msvcrt"):  # Windows
        msvcrt = import_module("msvcrt")
        while msvcrt.kbhit():
            msvcrt.getwch()
