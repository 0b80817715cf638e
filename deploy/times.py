"""Times as text in UTC, as JSON, Google's APIs and the notes in resources have them. Pure."""

from datetime import UTC, datetime
from typing import Literal


def utc(at: float, precision: Literal["seconds", "milliseconds"] = "seconds") -> str:
    """Return a unix time as RFC 3339, such as ``2026-11-23T14:02:11Z``. The rest of the last unit is cut off."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
