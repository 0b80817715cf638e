"""Times and durations as text. Those that are written are in UTC, as JSON, Google's APIs and notes have them. Pure."""

import re
from datetime import UTC, datetime
from typing import Literal

MOMENT = "2026-11-02T14:00:00Z, 2026-11-02 (midnight UTC), 2h (so long ago) or now"
"""Examples of what ``moment`` reads, for help and errors."""

MAX_SHOWN = 60
"""Characters of an invalid text that an error shows."""

_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"\d\d:\d\d(?::\d\d(?:[.]\d+)?)?"
_ZONE = r"[Zz]|[+-]\d\d:\d\d"
_MOMENT = re.compile(rf"({_DATE})(?:[Tt ]({_TIME})({_ZONE})?)?", re.ASCII)
_AGE = re.compile(r"\d{1,9}[smhd]", re.ASCII)


def utc(at: float, precision: Literal["seconds", "milliseconds", "microseconds"] = "seconds") -> str:
    """Return a unix time as RFC 3339, such as ``2026-11-23T14:02:11Z``. The rest of the last unit is cut off."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def moment(text: str, now: float) -> float:
    """Return the unix time that a user wrote: RFC 3339 with a zone, a date, an age such as ``2h``, or ``now``.

    A date is its midnight in UTC. The seconds of a time can be left out. ``now``: the unix time from which an age
    counts back. Whether a time in the future makes sense is for the caller to say.

    Raises:
        ValueError: the text is none of these, or there is no such time.

    """
    if text == "now":
        return now
    if _AGE.fullmatch(text):
        return _on_calendar(now - seconds(text), text)
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:MAX_SHOWN]!r} is not a time such as {MOMENT}")
    date, time, zone = found.groups()
    if time and not zone:
        raise ValueError(f"{text!r} has no time zone: write {date}T{time}Z for UTC, or its offset, such as +01:00")
    try:
        at = datetime.fromisoformat(f"{date}T{time or '00:00'}{(zone or 'Z').upper()}").timestamp()
    except ValueError:
        raise ValueError(f"{text[:MAX_SHOWN]!r}: there is no such date or time") from None
    return _on_calendar(at, text)


def seconds(duration: str) -> int:
    """Return the seconds of ``600s``, ``10m``, ``12h``, ``7d`` or a number without a unit.

    Raises:
        ValueError: the text is not a duration.

    """
    found = re.fullmatch(r"(\d+)([smhd]?)", duration)
    if not found:
        raise ValueError(f"{duration!r} is not a duration such as 600s, 12h or 7d")
    return int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def spoken(seconds: float) -> str:
    """Return a duration in one or two units, such as ``42 s``, ``5 min`` or ``1 h 28 min``."""
    whole = round(max(seconds, 0))
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{round(hours / 24)} days"


def _on_calendar(at: float, text: str) -> float:
    if at < 0:
        raise ValueError(f"{text[:MAX_SHOWN]!r} is before 1970")
    return at
