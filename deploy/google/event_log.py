"""Reads the function's log: the newest event that DT delivered, and why others were not delivered.

Reading the log touches no message. The lines of ``signature`` and ``unsigned`` are left out, because anybody can cause
them, and because the function samples them: docs/log.md. What ``replay`` and ``backfill`` sent is no event of DT's, so
it is never the newest one, and what the function refused of it with 422 is no problem: these commands show it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.errors import GcloudFailed
from deploy.google.gcloud import Gcloud
from deploy.resources.alert_definitions import PROBE
from deploy.spec import Spec
from deploy.steps import Argv

MAX_LINES = 1000
"""Lines of problems that are read at most: one request of gcloud's."""

_REFUSED = "jsonPayload.status=422"
"""Events of ``replay`` and ``backfill`` that were refused. A large backfill could have more than ``MAX_LINES``."""

PROBLEM_DAYS = 7
EVENT_DAYS = 1
"""How far back problems, and the newest event, are looked for."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. ``at``: seconds since 1970; ``reason``: a code of docs/reference.md, empty for a delivered event."""

    at: float
    reason: str = ""
    status: int = 0
    event_type: str = ""
    device_id: str = ""
    event_id: str = ""
    detail: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the event is on the rejected topic: it was refused, and answered 200."""
        return bool(self.reason) and self.status == 200


@dataclass(frozen=True, slots=True)
class EventLog:
    """The log of one deployment's function."""

    spec: Spec
    google: Gcloud

    def newest_event(self) -> LogLine | None:
        """Return the line of the newest event that DT delivered to the main topic in the last day, or None.

        There is no such line if ``LOG_LEVEL`` is above INFO.

        Raises:
            GcloudFailed: the log could not be read.

        """
        delivered = "jsonPayload.status=200 AND jsonPayload.messageId:* AND NOT jsonPayload.reason:*"
        wanted = f"{self._service} AND {delivered} AND NOT jsonPayload.origin:*"
        return next(iter(self._read(wanted, EVENT_DAYS, 1)), None)

    def backfilled(self) -> LogLine | None:
        """Return the line of the newest event of the last day that ``backfill`` has sent to the main topic, or None.

        There is no such line if ``LOG_LEVEL`` is above INFO.

        Raises:
            GcloudFailed: the log could not be read.

        """
        wanted = f'{self._service} AND jsonPayload.status=200 AND jsonPayload.origin="backfill"'
        return next(iter(self._read(wanted, EVENT_DAYS, 1)), None)

    def problems(self) -> tuple[LogLine, ...]:
        """Return the lines with a reason of the last seven days, the newest first; at most ``MAX_LINES``.

        Raises:
            GcloudFailed: the log could not be read.

        """
        left_out = 'jsonPayload.reason=("signature" OR "unsigned" OR "method" OR "incomplete" OR "too_large")'
        wanted = f"{self._service} AND severity>=WARNING AND jsonPayload.reason:* AND NOT {left_out} AND NOT {_REFUSED}"
        return self._read(wanted, PROBLEM_DAYS, MAX_LINES)

    def probes(self) -> tuple[LogLine, ...]:
        """Return the lines on requests of a day that ``up``, ``verify`` and ``rotate`` have sent to be refused.

        Raises:
            GcloudFailed: the log could not be read.

        """
        return self._read(f'{self._service} AND labels.execution_id:"{PROBE}"', EVENT_DAYS, MAX_LINES)

    @property
    def _service(self) -> str:
        return (
            'resource.type="cloud_run_revision" AND '
            f'resource.labels.service_name="{self.spec.name}" AND resource.labels.location="{self.spec.region}"'
        )

    def _read(self, wanted: str, days: int, most: int) -> tuple[LogLine, ...]:
        argv: Argv = ("logging", "read", wanted, f"--freshness={days}d", f"--limit={most}", self.spec.project_flag)
        try:
            return lines_of(self.google.read(argv) or [])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = f"its lines have an unexpected structure ({type(error).__name__})"
            raise GcloudFailed("GARBLED", what, where="gcloud logging read") from None


def lines_of(entries: Iterable[Mapping[str, Any]]) -> tuple[LogLine, ...]:
    """Return the function's lines among entries of the log, the newest first.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: an entry has another structure than Google documents.

    """
    lines = [_line(entry["timestamp"], entry["jsonPayload"]) for entry in entries if "jsonPayload" in entry]
    return tuple(sorted(lines, key=lambda line: line.at, reverse=True))


def _line(timestamp: str, fields: Mapping[str, Any]) -> LogLine:
    texts = (str(fields.get(name) or "") for name in ("eventType", "deviceId", "eventId", "detail"))
    event_type, device_id, event_id, detail = texts
    return LogLine(
        at=datetime.fromisoformat(timestamp).timestamp(),
        reason=str(fields.get("reason") or ""),
        status=int(fields.get("status") or 0),  # a number of JSON, which Cloud Logging returns as 200.0
        event_type=event_type,
        device_id=device_id,
        event_id=event_id,
        detail=detail,
    )
