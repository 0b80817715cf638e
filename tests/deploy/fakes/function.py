"""A fake of the deployed function and of DT's deliveries: instances that see a new secret late, and events."""

import hashlib
import hmac
import itertools
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deploy.function_client import Answer, claims, sign
from deploy.secret import Secret
from tests.deploy.fakes.dt import FakeDt
from tests.deploy.fakes.gcloud import FakeGcloud
from tests.function.fakes import FakeClock

REPEAT_S = 30.0
HOUR_S = 3600.0
SECRET = "dt-signature"


@dataclass
class Instance:
    """An instance of the function. ``lag_s``: how late it sees a version. ``secrets``: those it read last."""

    lag_s: float
    secrets: Sequence[str] = ()


@dataclass
class Event:
    """An event on its way. It keeps its signature, as the strictest reading of DT's documentation allows."""

    project: str
    device: str
    body: bytes
    token: str
    refused: int = 0


@dataclass
class FakeFunction:
    """The function, and DT that delivers to it.

    ``load_s``: each ACTIVE connector sends an event whenever so many seconds have passed; 0: it sends none.
    ``restarts``: all the time an instance starts anew, and knows only what it can read then. ``waiting``
    are the events that were refused and are repeated; ``delivered`` their number so far. ``refusals`` are the answers
    to events, but not to probes, that were not 200.
    """

    google: FakeGcloud
    dt: FakeDt
    clock: FakeClock
    lags_s: Sequence[float] = (0.0,)
    load_s: float = 0.0
    restarts: bool = False
    probes: int = 0
    delivered: int = 0
    refusals: list[str] = field(default_factory=list)
    waiting: list[Event] = field(default_factory=list)
    _seen: dict[int, float] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """Start the instances with what is there, and listen to emulated devices."""
        self._seen = dict.fromkeys(range(1, len(self.google.versions[SECRET]) + 1), 0.0)
        self.instances = [Instance(lag_s) for lag_s in self.lags_s]
        self._turn, self._restarted = itertools.cycle(self.instances), itertools.cycle(self.instances)
        self.dt.on_event = self._emulated
        self.google.now = self.clock

    def log(self, line: Mapping[str, Any]) -> None:
        """Write a line to the function's log now."""
        self.google.log.append({"timestamp": datetime.fromtimestamp(self.clock(), UTC).isoformat(), **line})

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Answer a request of a probe, or publish an event that was signed here."""
        del url
        self.probes += 1
        status, text, _ = self._answer(next(self._turn), body, headers.get("X-Dt-Signature", ""))
        if status == 200:
            self.google.messages.append(self._message(body))
        return Answer(status, text)

    def advance(self, seconds: float) -> None:
        """Let time pass: events are sent and repeated meanwhile."""
        end = self.clock() + seconds
        step = self.load_s or REPEAT_S
        while self.clock() < end:
            self.clock.advance(min(step, end - self.clock()))
            if self.restarts:
                next(self._restarted).secrets = ()
            if self.load_s:
                for project, connectors in self.dt.connectors.items():
                    for connector in connectors:
                        self.send(project, connector, f"sensor{next(self._ids)}", {"touch": {}})
            self.repeat()

    def pass_a_day(self, event_every_s: float = HOUR_S) -> None:
        """Let a day pass, in which each connector sends an event whenever so many seconds have passed."""
        self.load_s, before = event_every_s, self.load_s
        self.advance(24 * HOUR_S)
        self.load_s = before

    def repeat(self) -> None:
        """Send the refused events again."""
        waiting, self.waiting = self.waiting, []
        for event in waiting:
            self._deliver(event)

    def send(self, project: str, connector: Mapping[str, Any], device: str, data: Mapping[str, Any]) -> None:
        """Let DT send an event by a connector."""
        if connector["status"] != "ACTIVE":
            return
        secret = Secret(connector["httpConfig"]["signatureSecret"])
        body = self._envelope(project, device, data)
        self._deliver(Event(project, device, body, sign(claims(body, self.clock()), secret)))

    def knows(self, secret: str) -> list[bool]:
        """Return for each instance whether it accepts a secret."""
        for instance in self.instances:
            self._read(instance)
        return [secret in instance.secrets for instance in self.instances]

    def _emulated(self, project: str, device: str, data: Mapping[str, Any]) -> None:
        for connector in self.dt.connectors[project]:
            self.send(project, connector, device, data)

    def _deliver(self, event: Event) -> None:
        status, text, index = self._answer(next(self._turn), event.body, event.token)
        if status != 200:
            event.refused += 1
            self.refusals.append(text)
            self.waiting.append(event)
            return
        self.delivered += 1
        content = json.loads(event.body)["event"]
        self.log({"eventId": content["eventId"], "deviceId": event.device, "secretIndex": index})
        if event.device.startswith("emu"):
            self.google.messages.append(self._message(event.body))

    def _answer(self, instance: Instance, body: bytes, token: str) -> tuple[int, str, int]:
        """Answer as the function does: the signature first, then the checksum."""
        self._read(instance)
        head, _, signature = token.rpartition(".")
        macs = [hmac.digest(secret.encode(), head.encode(), "sha256") for secret in instance.secrets]
        signatures = [urlsafe_b64encode(mac).decode().rstrip("=") for mac in macs]
        if not instance.secrets:
            return 503, '{"error": "keys"}', 0
        if signature not in signatures:
            return 401, '{"error": "signature"}', 0
        payload = json.loads(urlsafe_b64decode(head.partition(".")[2] + "=="))
        if payload["checksum_sha256"] != hashlib.sha256(body).hexdigest():
            return 401, '{"error": "checksum"}', 0
        return 200, "{}", signatures.index(signature)

    def _read(self, instance: Instance) -> None:
        """Read the mounted file: the newest version that this instance sees. If that fails, keep the last secrets."""
        now = self.clock()
        for number in range(len(self._seen) + 1, len(self.google.versions[SECRET]) + 1):
            self._seen[number] = now
        number = max(number for number, at in self._seen.items() if at + instance.lag_s <= now)
        if self.google.state_of(SECRET, number) == "ENABLED":
            instance.secrets = self.google.versions[SECRET][number - 1].split()

    def _envelope(self, project: str, device: str, data: Mapping[str, Any]) -> bytes:
        ((event_type, values),) = data.items()
        event = {
            "eventId": f"event{next(self._ids):015}",
            "targetName": f"projects/{project}/devices/{device}",
            "eventType": event_type,
            "data": {event_type: dict(values)},
            "timestamp": "2026-11-23T06:00:00.000000Z",
        }
        metadata = {"deviceId": device, "projectId": project, "deviceType": event_type, "productNumber": ""}
        return json.dumps({"event": event, "labels": {}, "metadata": metadata}).encode()

    def _message(self, body: bytes) -> dict[str, Any]:
        event = json.loads(body)["event"]
        _, project, _, device = event["targetName"].split("/")
        attributes = {key: event[key] for key in ("eventId", "eventType", "timestamp")}
        attributes |= {"deviceId": device, "projectId": project}
        message = {"data": b64encode(body).decode(), "attributes": attributes, "messageId": str(self.delivered)}
        return {"message": {**message, "publishTime": "2026-11-23T06:00:00.250Z"}}
