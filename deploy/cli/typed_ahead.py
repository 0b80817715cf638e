"""Forgets what was typed before a question was shown, because it cannot be an answer to it."""

import contextlib
import sys
from typing import TextIO

if sys.platform == "win32":
    import msvcrt

    def forget_typed(_: TextIO) -> None:
        """Drop the keys that were pressed before, and that no one has read."""
        while msvcrt.kbhit():
            msvcrt.getwch()

else:
    import termios

    def forget_typed(source: TextIO) -> None:
        """Drop the lines that were typed before on this terminal, and that no one has read."""
        with contextlib.suppress(OSError, termios.error):  # not a terminal
            termios.tcflush(source, termios.TCIFLUSH)
