"""Log records of libraries -> lines of the function's log, instead of text on standard error.

A line has the logger's name, the record's message without its arguments, and the type of the error. The arguments and
the error's text are left out, because they may quote a token or a body.
"""

import logging
import math
from collections.abc import Callable

from function.settings import Severity

LIBRARIES = ("asyncio", "concurrent.futures", "google", "grpc", "py.warnings", "requests", "urllib3")
"""Loggers that are redirected. Those of the servers (gunicorn, uvicorn) are not: they say why a server cannot start."""

SAMPLE_S = 1.0
"""Minimum seconds between two lines of one logger."""

LONGEST = 200
"""Maximum characters of a message."""


def redirect_loggers(write: Callable[[str, Severity], object], *, monotonic: Callable[[], float]) -> None:
    """Replace all handlers of the libraries' loggers by one that calls ``write`` with a message and its severity.

    ``monotonic`` returns seconds of a clock that never steps back.
    """
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [ForeignLines(write, monotonic)]
        logger.propagate = False  # otherwise functions-framework's own handler would write the record once more


class ForeignLines(logging.Handler):
    """Writes at most one line a second for each logger, of records from WARNING on."""

    def __init__(self, write: Callable[[str, Severity], object], monotonic: Callable[[], float]) -> None:
        super().__init__(logging.WARNING)
        self._write = write
        self._monotonic = monotonic
        self._written_at: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of one record, or drop it if the logger had a line within the last second."""
        now = self._monotonic()
        if now - self._written_at.get(record.name, -math.inf) < SAMPLE_S:
            return
        self._written_at[record.name] = now
        error = record.exc_info[1] if record.exc_info else None
        kind = f" ({type(error).__name__})" if error else ""
        severity: Severity = "ERROR" if record.levelno >= logging.ERROR else "WARNING"
        self._write(f"{record.name}: {_message(record)}{kind}", severity)


def _message(record: logging.LogRecord) -> str:
    """Return the first line of a record's message without its arguments.

    The text of a Python warning already contains its values, so only its place and its category are returned.
    """
    message = str(record.msg).partition("\n")[0]
    if record.name == "py.warnings":
        message = ": ".join(message.split(": ")[:2])
    return message[:LONGEST]
