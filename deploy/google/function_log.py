"""Reads the function's log line on one event, which says whether a secret's signature proved the event."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.google.gcloud import Gcloud
from deploy.spec import Spec
from deploy.steps import Argv

LOGGED_S = 30.0
"""Seconds after which a written line can be read; most lines can be read after a few seconds."""

PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class FunctionLog:
    """The log of one deployment's function."""

    spec: Spec
    google: Gcloud
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def line_of(self, event_id: str) -> Mapping[str, Any] | None:
        """Return the fields of the line on this event, or None if no such line appears within ``LOGGED_S``.

        The function writes ``secretIndex`` only if the signature of a secret proved the event: docs/messages.md.

        Raises:
            GcloudFailed: the log could not be read.

        """
        give_up_at = self.now() + LOGGED_S
        while True:
            for entry in self.google.read(self._argv(f'jsonPayload.eventId="{event_id}"', limit=5)) or []:
                fields: Mapping[str, Any] = entry.get("jsonPayload") or {}
                if fields.get("eventId") == event_id:
                    return fields
            if self.now() >= give_up_at:
                return None
            self.sleep(PAUSE_S)

    def newest_by_old_secret(self, since: float) -> Mapping[str, Any] | None:
        """Return the fields of the newest line since a time on an event that an older secret has signed, or None.

        There is no such line if ``LOG_LEVEL`` is above INFO.

        Raises:
            GcloudFailed: the log could not be read.

        """
        for entry in self.google.read(self._argv("jsonPayload.secretIndex>=1", 1, f"{self.now() - since:.0f}s")) or []:
            fields: Mapping[str, Any] = entry.get("jsonPayload") or {}
            if fields.get("secretIndex"):
                return fields
        return None

    def _argv(self, condition: str, limit: int, freshness: str = "1h") -> Argv:
        service = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{self.spec.name}"'
        flags = (f"--freshness={freshness}", f"--limit={limit}", self.spec.project_flag)
        return ("logging", "read", f"{service} AND {condition}", *flags)
