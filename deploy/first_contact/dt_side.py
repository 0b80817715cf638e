"""The measurements on DT's side: a temporary connector, and emulated events that its function refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.dt.calls import DtRequest
from deploy.first_contact.document import Document
from deploy.first_contact.findings import (
    Attempt,
    headers_of,
    networks_of,
    read_attempts,
    retries_of,
    signature_of,
)
from deploy.first_contact.questions import RETRIED_STATUSES
from deploy.first_contact.recorder.main import OWN_HEADER, SECRET_HEADER
from deploy.first_contact.site import Site
from deploy.proof.checks import EMULATED
from deploy.secret import Secret

LISTED_S = 120.0
HISTORY_S = 60.0
WATCH_S = 480.0
"""Seconds for which the repetitions of the refused events are watched, from the first event on."""

ENOUGH_ATTEMPTS = 5
"""Attempts of each event after which nothing more is to be learnt."""

FIRST_LOOK_PAUSE_S = 2.0
LOOK_PAUSE_S = 10.0
"""Seconds between two looks into the log: before the first line is there, and later."""

PUBLISH_AGAIN_S = 45.0
"""Seconds after which an event that has not come is published again: a new connector may not be in force yet."""

MAX_EVENTS = 4
MAX_LINES = 500
_REQUESTS = ("dt.request.contentType", "dt.request.userAgent", "dt.request.headers", "dt.request.networks")
_SIGNATURES = {"dt.signature.secret": SECRET_HEADER, "dt.signature.own": OWN_HEADER}


def measure_connector(site: Site, document: Document, connector: str, secret: Secret) -> None:
    """Measure how a new connector is shown."""
    path = f"/projects/{site.project}/dataconnectors"
    with document.answering("dt.connector.listSeconds"):
        found = site.watch({"listed": lambda: _is_listed(site, connector)}, LISTED_S)
        if "listed" in found:
            document.answer("dt.connector.listSeconds", found["listed"])
        else:
            document.lack(["dt.connector.listSeconds"], f"not within {LISTED_S:.0f} s")
    with document.answering("dt.connector.secret"):
        one = site.dt.call("GET", f"{path}/{connector}", just_made=True)
        document.answer("dt.connector.secret", _how_shown(one, secret))
    with document.answering("dt.connector.idleMetrics"):
        metrics = site.connectors.metrics(site.project, connector)
        document.answer("dt.connector.idleMetrics", sorted(site.redaction.name(str(name)) for name in metrics))
    with document.answering("dt.error.members"):
        refused = site.dt.require_credentials()(DtRequest("GET", f"{path}/{'0' * 20}"))
        members = sorted(site.redaction.name(str(name)) for name in refused.body)
        document.answer("dt.error.members", {"status": refused.status, "members": members})


def _is_listed(site: Site, connector: str) -> bool:
    return any(found.id == connector for found in site.connectors.list(site.project))


def _how_shown(connector: Mapping[str, Any], secret: Secret) -> str:
    """Return how DT shows the secret: ``clear``, ``masked`` or ``hidden``. The text itself is not kept."""
    shown = str((connector.get("httpConfig") or {}).get("signatureSecret") or "")
    if not shown:
        return "hidden"
    return "clear" if secret.equals(shown) else "masked"


@dataclass
class Retries:
    """Watches how DT repeats refused events. ``recorder``: its name. ``devices``: the device for each status."""

    site: Site
    document: Document
    recorder: str
    devices: Mapping[int, str]
    published: dict[int, list[float]] = field(default_factory=dict)
    attempts: Sequence[Attempt] = ()
    began_at: float = 0.0
    has_begun: bool = False

    def begin(self) -> None:
        """Publish an event of each device, and wait until the first request is in the log."""
        self.began_at = self.site.now()
        with self.document.answering(*self._fields()):
            for status in self.devices:
                self._publish(status)
            self._measure_history()
            self.has_begun = True
            while not self.attempts and self.site.now() - self.began_at < WATCH_S:
                self._look()
                self._publish_again()
                self.site.sleep(FIRST_LOOK_PAUSE_S)

    def finish(self) -> None:
        """Note the recorder's lines until they answer the questions. Other measurements may run in between."""
        if not self.has_begun:
            return
        with self.document.answering(*self._fields()):
            while not self._have_enough() and self.site.now() - self.began_at < WATCH_S:
                self._look()
                self._publish_again()
                self.site.sleep(LOOK_PAUSE_S)
            self.document.lack(self._fields(), f"no request within {WATCH_S:.0f} s")

    def _look(self) -> None:
        """Read the log, and note its answers so far, so that an interruption loses nothing."""
        service = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{self.recorder}"'
        wanted = f'{service} AND jsonPayload.recorder="{self.recorder}"'
        argv = ("logging", "read", wanted, "--freshness=1h", f"--limit={MAX_LINES}", self.site.spec.project_flag)
        entries = self.site.google.read(argv) or []
        attempts = read_attempts(entries, self.recorder, self.site.redaction)
        if not attempts:
            return
        if not self.attempts:
            self._note_first(attempts[0])
        self.attempts = attempts
        self._note(attempts)

    def _note_first(self, first: Attempt) -> None:
        """Note the delays of the first request and of its line. Clocks may differ, so that none is negative."""
        earliest = min(time for times in self.published.values() for time in times)
        count = sum(len(times) for times in self.published.values())
        delay_s = max(0.0, round(first.at - earliest, 1))
        self.document.answer("dt.connector.firstEvent", {"seconds": delay_s, "eventsPublished": count})
        self.document.answer("google.log.seconds", max(0.0, round(self.site.now() - first.at, 1)))

    def _note(self, attempts: Sequence[Attempt]) -> None:
        headers = headers_of(attempts)
        self.document.answer("dt.request.contentType", headers.get("content-type"))
        self.document.answer("dt.request.userAgent", headers.get("user-agent"))
        self.document.answer("dt.request.headers", headers)
        self.document.answer("dt.request.networks", networks_of(attempts))
        for name, header in _SIGNATURES.items():
            found = signature_of(attempts, header, self.recorder, self.site.organization)
            self.document.answer(name, found)
        for status in self.devices:
            if found_retries := retries_of(attempts, status, self.site.now() - self.began_at):
                self.document.answer(f"dt.retry.{status}", found_retries)

    def _have_enough(self) -> bool:
        counts = [(retries_of(self.attempts, status, 0.0) or {}).get("attempts", 0) for status in self.devices]
        return all(count >= ENOUGH_ATTEMPTS for count in counts)

    def _publish(self, status: int) -> None:
        event_type, device = self.site.event_type, self.devices[status]
        path, body = f"/projects/{self.site.project}/devices/{device}:publish", {event_type: EMULATED[event_type][1]}
        self.published.setdefault(status, []).append(self.site.now())
        self.site.dt.call("POST", path, body=body, emulator=True, just_made=True)

    def _publish_again(self) -> None:
        """Publish once more for each device of which nothing has come."""
        for status in {*self.devices} - {attempt.case for attempt in self.attempts}:
            times = self.published.get(status, [])
            if times and len(times) < MAX_EVENTS and self.site.now() - times[-1] >= PUBLISH_AGAIN_S:
                self._publish(status)

    def _measure_history(self) -> None:
        device = self.devices[RETRIED_STATUSES[0]]
        path = f"/projects/{self.site.project}/devices/{device}/events"
        with self.document.answering("dt.history.seconds"):
            found = self.site.watch({"there": lambda: bool(self.site.dt.pages(path, "events"))}, HISTORY_S)
            if "there" in found:
                self.document.answer("dt.history.seconds", found["there"])
            else:
                self.document.lack(["dt.history.seconds"], f"not within {HISTORY_S:.0f} s")

    def _fields(self) -> list[str]:
        retries = [f"dt.retry.{status}" for status in self.devices]
        return ["google.log.seconds", "dt.connector.firstEvent", *_REQUESTS, *_SIGNATURES, *retries]
