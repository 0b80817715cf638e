"""Requests as rows of a table that fits the terminal."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.live.readings import event_text
from tests.emulators.workbench.exchange import Exchange

YELLOW, RED = "33", "31"
_LAYOUTS = (
    (140, (8, 18, 20, 25, 12, 8, 16, 0)),
    (104, (8, 15, 20, 20, 12, 8, None, 0)),
    (0, (8, 14, 20, 15, 6, None, None, 0)),
)
"""Columns that a terminal has at least, and the width of each cell on it: None for a cell that is left out, 0 for the
last one, which gets the rest. A message id of Google's has 16 digits or more."""

_LATENCY, _MESSAGE = 5, 6
"""The cells that are aligned to the right."""

_FRAME = re.compile(r'^  File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<name>.+)$', re.MULTILINE)
"""A frame of a Python traceback, without the line of the source."""

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What a row shows of a body. A cell is ``-`` if the body has no such value."""

    event_type: str = "-"
    device_id: str = "-"
    words: str = "-"

    @classmethod
    def of(cls, body: bytes) -> "Event":
        """Return what can be read of a body, which may be anything."""
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            return cls(words=f"{len(body):,} bytes, not JSON" if body else "-")
        event = read.get("event") if isinstance(read, dict) else None
        if not isinstance(event, dict):
            return cls(words="no event")
        target = str(event.get("targetName", ""))
        device_id = target.partition("/devices/")[2]
        event_type = str(event.get("eventType", "-"))
        return cls(event_type, device_id or "-", event_text(event) if "eventType" in event else "-")


class Table:
    """Rows for a stream. ``columns``: the width of the terminal, or None if it is none."""

    def __init__(self, columns: int | None, *, is_coloured: bool = False) -> None:
        self._columns = columns
        self._is_coloured = is_coloured
        self._layout = next(widths for least, widths in _LAYOUTS if columns is None or columns >= least)

    def head(self) -> str:
        """Return the names of the columns."""
        return self._row("time", "type", "device", "reading", "answer", "latency", "message id", "reason")

    def row(self, exchange: Exchange, logged: Fields) -> str:
        """Return a request as a row. ``logged``: the fields of its log line, as far as they are known."""
        event = Event.of(exchange.body)
        reply = exchange.reply
        return self._coloured(
            self._row(
                f"{exchange.at:%H:%M:%S}",
                event.event_type,
                event.device_id,
                event.words if exchange.method == "POST" else f"{exchange.method} request",
                f"{exchange.status} {reply.get('topic', '') if self._layout[_LATENCY] else ''}".strip(),
                f"{exchange.latency_s * 1000:.0f} ms",
                str(reply.get("messageId", "-")),
                reason_of(exchange, logged),
            ),
            exchange,
        )

    def _row(self, *cells: str) -> str:
        gap = "  " if None not in self._layout else " "
        row = gap.join(
            _aligned(_printable(cell), width, is_number=index in (_LATENCY, _MESSAGE))
            for index, (cell, width) in enumerate(zip(cells, self._layout, strict=True))
            if width is not None
        )
        return _cut(row.rstrip(), self._columns)

    def _coloured(self, row: str, exchange: Exchange) -> str:
        colour = RED if exchange.status != 200 else YELLOW if exchange.is_rejected else ""
        return f"\x1b[{colour}m{row}\x1b[0m" if colour and self._is_coloured else row


def reason_of(exchange: Exchange, logged: Fields) -> str:
    """Return the reason code of an answer and its detail, or what is odd about an event that was delivered.

    The detail of an unexpected error is the exception that the function raised, and where.
    """
    reason = exchange.reply.get("error") or logged.get("reason") or ""
    detail = logged.get("detail") or _raised(str(logged.get("stack_trace", "")))
    odd = [f"contradicts its type at {logged['schemaViolation']}"] if "schemaViolation" in logged else []
    odd += [f"cut {', '.join(logged['cutAttributes'])}"] if logged.get("cutAttributes") else []
    odd += [f"by {logged['origin']}"] if "origin" in logged else []
    return ": ".join(str(part) for part in (reason, detail, *odd) if part)


def _raised(stack: str) -> str:
    """Return the last exception of a stack and the innermost frame: ``KeyError in function/message.py, line 171``.

    The function logs the type of an exception without its text, which could quote a body.
    """
    if not stack:
        return ""
    *_, error = stack.splitlines()
    frames = [*_FRAME.finditer(stack.rpartition("\nled to:\n")[2])]
    if not frames:
        return error
    place = "/".join(frames[-1]["file"].replace("\\", "/").split("/")[-2:])
    return f"{error} in {place}, line {frames[-1]['line']}, {frames[-1]['name']}"


def _aligned(text: str, width: int, *, is_number: bool) -> str:
    cut = _cut(text, width or None)
    return f"{cut:>{width}}" if is_number else f"{cut:<{width}}" if width else cut


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else f"{text[: width - 1]}…"


def _printable(text: str) -> str:
    """Return the text with ``?`` for characters that could control the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
