"""What libraries say to Python's loggers, as lines of our log instead of text of theirs on standard error.

Only the kind of it: the logger's name, the sentence without what was filled in, and the error's type. What is filled
in, and an error's own text, may quote a token or a body.
"""

import logging
import math
from collections.abc import Callable

from function.settings import Severity

LIBRARIES = ("asyncio", "concurrent.futures", "google", "grpc", "py.warnings", "requests", "urllib3")
"""Loggers of the libraries that work for us. The servers' own (gunicorn, uvicorn) tell of servers that cannot start."""

SAMPLE_S = 1.0
"""Seconds between two lines of one logger."""

LONGEST = 200
"""Characters of a sentence that are shown."""


def take_over(tell: Callable[[str, Severity], object], *, monotonic: Callable[[], float]) -> None:
    """Let these libraries' loggers, and no other handler of theirs, tell us what they have to say."""
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [ForeignLines(tell, monotonic)]
        logger.propagate = False  # else functions-framework's own handler would write it once more


class ForeignLines(logging.Handler):
    """Hands on a record's kind, at most one a second of each logger."""

    def __init__(self, tell: Callable[[str, Severity], object], monotonic: Callable[[], float]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell
        self._monotonic = monotonic
        self._told_at: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one record."""
        now = self._monotonic()
        if now - self._told_at.get(record.name, -math.inf) < SAMPLE_S:
            return
        self._told_at[record.name] = now
        error = record.exc_info[1] if record.exc_info else None
        kind = f" ({type(error).__name__})" if error else ""
        severity: Severity = "ERROR" if record.levelno >= logging.ERROR else "WARNING"
        self._tell(f"{record.name}: {_sentence(record)}{kind}", severity)


def _sentence(record: logging.LogRecord) -> str:
    """Return the first line before anything was filled in; of a warning, which comes filled in, its place and kind."""
    sentence = str(record.msg).partition("\n")[0]
    if record.name == "py.warnings":
        sentence = ": ".join(sentence.split(": ")[:2])
    return sentence[:LONGEST]
