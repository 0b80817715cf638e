"""Ages and times as words. Pure."""

from datetime import UTC, datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def duration(seconds: float) -> str:
    """Return a duration in its largest unit, rounded down: ``3 d``, ``5 h``, ``2 min``, ``9 s``."""
    for length, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def moment(at: float, *, to_the_second: bool = False) -> str:
    """Return a time of day: ``14:02 UTC``, or ``14:02:11 UTC``."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC" if to_the_second else "%H:%M UTC")


def date_and_time(at: float) -> str:
    """Return a date and a time: ``2026-11-23 14:02:11 UTC``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(at: float, now: float, *, to_the_second: bool = False) -> str:
    """Return how long ago a time was, and the time: ``2 min ago (14:02 UTC)``; with its date if it was not today."""
    age_s = now - at
    when = moment(at, to_the_second=to_the_second) if age_s < DAY_S else date_and_time(at)[:10]
    return f"{duration(age_s)} ago ({when})"


def seconds_of(written: str) -> float:
    """Return the seconds since 1970 of a time in Google's answers. Raises ``ValueError`` for any other text."""
    return datetime.fromisoformat(written).timestamp()


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 message``, ``1,200 messages``."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
