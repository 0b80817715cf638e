"""Requests as rows of a table that fits the terminal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.emulators.readings import reading
from tests.emulators.workbench.door import Exchange

COLOURS = {"accepted": "32", "rejected": "33", "refused": "31"}
_WIDE = 110
"""From this many columns on, a row has all cells."""

_READING = 25
_CELLS = "{:<8}  {:<18}  {:<20}  {:<25}  {:<12}  {:>8}  {:>7}  {}"
_NARROW = "{0:<8} {1:<14.14} {2:<20} {3:<17.17} {4:<3.3} {7}"

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
        return cls(event_type, device_id or "-", reading(event) if "eventType" in event else "-")


class Table:
    """Rows for a stream. ``columns``: the width of the terminal, or None if it is none."""

    def __init__(self, columns: int | None, *, is_coloured: bool = False) -> None:
        self._columns = columns
        self._is_coloured = is_coloured

    def head(self) -> str:
        """Return the names of the columns."""
        return self._row("time", "type", "device", "reading", "answer", "latency", "message", "reason")

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
                f"{exchange.status} {reply.get('topic', '')}".strip(),
                f"{exchange.latency_s * 1000:.0f} ms",
                str(reply.get("messageId", "-")),
                reason_of(exchange, logged),
            ),
            exchange,
        )

    def _row(self, *cells: str) -> str:
        shown = [_printable(cell) for cell in cells]
        is_wide = self._columns is None or self._columns >= _WIDE
        shown[3] = shown[3] if len(shown[3]) <= _READING else f"{shown[3][: _READING - 1]}…"
        row = (_CELLS if is_wide else _NARROW).format(*shown).rstrip()
        return row if self._columns is None or len(row) <= self._columns else f"{row[: self._columns - 1]}…"

    def _coloured(self, row: str, exchange: Exchange) -> str:
        if not self._is_coloured:
            return row
        kind = "refused" if exchange.status != 200 else "rejected" if is_rejected(exchange) else "accepted"
        return f"\x1b[{COLOURS[kind]}m{row}\x1b[0m"


def is_rejected(exchange: Exchange) -> bool:
    """Return whether the event went to the rejected topic."""
    return exchange.reply.get("topic") == "rejected"


def reason_of(exchange: Exchange, logged: Fields) -> str:
    """Return the reason code of an answer and its detail, or what is odd about an event on the main topic."""
    reason = exchange.reply.get("error") or logged.get("reason") or ""
    odd = [logged["schemaViolation"]] if "schemaViolation" in logged else []
    odd += [f"cut {', '.join(logged['cutAttributes'])}"] if logged.get("cutAttributes") else []
    return ": ".join(str(part) for part in (reason, logged.get("detail"), *odd) if part)


def _printable(text: str) -> str:
    """Return the text with ``?`` for characters that could control the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
