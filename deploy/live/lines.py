"""An event as one readable line, such as ``14:02:11  temperature  Fridge 2  24.9 °C``. Pure.

Names and labels are the customer's text: ``Terminal.line`` escapes what could control a terminal.
"""

from dataclasses import dataclass

from deploy.live.clock import at_time
from deploy.live.message import Message
from deploy.live.readings import Reading
from deploy.live.rejections import rejection
from deploy.live.repeats import Repeat
from deploy.times import spoken

RED, YELLOW, DIM = "31", "33", "2"

LATE_S = 60.0
"""An event older than this at its arrival is shown with its own time, too."""

_TYPE, _NAME = 18, 20
"""Columns of an event's type and of a device's name. A longer name is shortened on a terminal only."""

_REPEATS = {"message": "again: the same message", "event": "again: the same event"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its colour on a terminal, which may be empty."""

    text: str
    colour: str = ""


def line(message: Message, read: Reading, repeat: Repeat, *, is_screen: bool) -> Line:
    """Return a message as one line. ``is_screen``: it is shown on a terminal, so that long names are shortened."""
    name = read.device_name or "-"
    if is_screen and len(name) > _NAME:
        name = f"{name[: _NAME - 1]}…"
    head = f"{at_time(message.received_at)}  {read.event_type or '-':<{_TYPE}}  {name:<{_NAME}}  {read.text}"
    return Line("  ".join([head, *_remarks(message, read, repeat)]), _colour(message, repeat))


def _remarks(message: Message, read: Reading, repeat: Repeat) -> list[str]:
    """Return remarks on a message that is late, rejected or repeated, or contradicts its type."""
    late_s = message.received_at - read.at
    remarks = [f"(of {at_time(read.at)}, {spoken(late_s)} ago)"] if late_s > LATE_S else []
    if message.rejected:
        reason = message.attributes.get("reason", "no reason")
        remarks.append(f"rejected: {reason}, {rejection(reason).meaning}")
    if violation := message.attributes.get("schemaViolation"):
        remarks.append(f"contradicts its type at {violation}")
    if origin := message.attributes.get("origin"):
        remarks.append(f"by {origin}")
    return [*remarks, *([_REPEATS[repeat]] if repeat else [])]


def _colour(message: Message, repeat: Repeat) -> str:
    if message.rejected:
        return RED
    if repeat:
        return DIM
    return YELLOW if "schemaViolation" in message.attributes else ""
