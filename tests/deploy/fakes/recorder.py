"""The recorder of ``verify --report`` on both fake clouds: DT delivers to the real recorder's code, which is in memory.

DT repeats a refused event after the given pauses, and signs each attempt anew, or sends the first signature again.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.first_contact.recorder import main as recorder
from deploy.function_client import Answer
from deploy.steps import Argv
from tests.deploy.fakes.dt import DT_PROJECT, ORGANIZATION
from tests.deploy.stage import Stage
from tests.emulators.signing import organization_claims, secret_claims, sign_with_secret

ARRIVED = "2026-11-23T06:00:00.250Z"
BASE_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "Go-http-client/2.0",
    "X-Forwarded-For": "34.88.7.9, 169.254.1.1",
    "X-Customer": "Fridge 2 of the Oslo shop",
}
LINE = "jsonPayload"


@dataclass
class Delivery:
    """An event on its way to the recorder. ``times``: those of its attempts. ``first``: its first headers."""

    body: bytes
    secret: str
    times: list[float]
    first: dict[str, str] = field(default_factory=dict)


@dataclass
class Recorders:
    """Plays the recorder. ``lag_s``: how long Google needs until a change is visible, or a line can be read.

    ``deaf``: so many events are lost, because a new connector is not in force yet. ``sends_own``: DT sends
    DT-Asymmetric-Signature. ``headers``: more headers of DT's. ``given_up``: statuses after which DT does not repeat.
    """

    stage: Stage
    folder: Path
    pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    signs_anew: bool = True
    sends_own: bool = True
    lag_s: float = 4.0
    deaf: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    given_up: frozenset[int] = frozenset()
    lines: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    changed_at: dict[str, float] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        """Put the recorder between the clouds."""
        google, dt = self.stage.google, self.stage.dt
        google.before, google.after = self._before, self._after
        dt.on_event = self._on_event
        plain = self.stage._post  # noqa: SLF001  # the deployed function answers as before

        def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            return self._post(url, body) if "first-contact" in url else plain(url, body, headers)

        self.stage.post = post

    def names(self) -> list[str]:
        """Return the names of the temporary resources that exist on Google's side."""
        return [name for _, name in self.stage.google.things if "contact" in name or "verify" in name]

    def left(self) -> list[str]:
        """Return all temporary resources of both clouds."""
        connectors = [found["displayName"] for found in self.stage.dt.connectors[DT_PROJECT]]
        return [*self.names(), *self.stage.dt.devices, *(name for name in connectors if "contact" in name)]

    def _before(self, argv: Argv) -> None:
        self.stage.clock.advance(0.5)
        if argv[:2] == ("functions", "deploy"):
            self.stage.clock.advance(90.0)
        if argv[:2] == ("logging", "read"):
            self._deliver()
            now = self.stage.clock()
            self.stage.google.log = [dict(line) for at, line in self.lines if at + self.lag_s <= now]

    def _after(self, argv: Argv) -> None:
        if argv[0] == "run" and {"add-iam-policy-binding", "--no-invoker-iam-check"} & {*argv}:
            self.changed_at["invoker"] = self.stage.clock()
        if argv[:2] == ("functions", "deploy") and "invoker" in self.changed_at:
            self.changed_at["rollout"] = self.stage.clock()
        if argv[:3] == ("run", "services", "update-traffic"):
            self.changed_at["rollback"] = self.stage.clock()
        if argv[:3] == ("secrets", "versions", "add"):
            self.changed_at["mount"] = self.stage.clock()

    def _has_come(self, change: str) -> bool:
        at = self.changed_at.get(change)
        return at is not None and self.stage.clock() >= at + self.lag_s

    def _environ(self, url: str) -> dict[str, str]:
        name = "-".join((urlsplit(url).hostname or "").split("-")[:3])
        versions = self.stage.google.versions.get(name, [""])
        mounted = self.folder / "mounted"
        mounted.write_text(versions[-1] if self._has_come("mount") else versions[0], "utf-8")
        number = 2 if self._has_come("rollout") and not self._has_come("rollback") else 1
        return {"K_SERVICE": name, "K_REVISION": f"{name}-0000{number}-abc", recorder.MOUNTED: str(mounted)}

    def _post(self, url: str, body: bytes) -> Answer:
        if not self._has_come("invoker"):
            return Answer(403, "<html>Forbidden")
        status, reply, _ = recorder.answer([], body, self._environ(url), self.stage.clock())
        return Answer(status, json.dumps(reply))

    def _on_event(self, project: str, device: str, body: Mapping[str, Any]) -> None:
        ((event_type, data),) = body.items()
        labels = self.stage.dt.devices[device]["labels"]
        self.number += 1
        at = "2026-11-23T06:00:00.000000Z" if recorder.LABEL not in labels else self._timestamp()
        event = {
            "eventId": f"event{self.number}",
            "targetName": f"projects/{project}/devices/{device}",
            "eventType": event_type,
            "data": {event_type: {**data, "updateTime": at}},
            "timestamp": at,
        }
        if recorder.LABEL not in labels:
            self._arrive(device, event)
            return
        self.stage.dt.history.append(event)
        if self.deaf:
            self.deaf -= 1
            return
        for connector in self.stage.dt.connectors[project]:
            if "first-contact" in connector["httpConfig"]["url"] and event_type in connector["events"]:
                sent = {"event": event, "labels": {key: labels[key] for key in connector["labels"]}}
                times = [self.stage.clock() + 1 + sum(self.pauses[:count]) for count in range(len(self.pauses) + 1)]
                if int(labels[recorder.LABEL][-3:]) in self.given_up:
                    del times[1:]
                secret = connector["httpConfig"]["signatureSecret"]
                self.deliveries.append(Delivery(json.dumps(sent).encode(), secret, times))

    def _timestamp(self) -> str:
        return datetime.fromtimestamp(self.stage.clock()).astimezone().isoformat()

    def _arrive(self, device: str, event: Mapping[str, Any]) -> None:
        """Let an event of the proof come out of Pub/Sub."""
        attributes = {
            **{key: event[key] for key in ("eventId", "eventType", "timestamp")},
            "deviceId": device,
            "projectId": DT_PROJECT,
        }
        data = base64.b64encode(json.dumps({"event": event}).encode()).decode()
        message = {"data": data, "attributes": attributes, "messageId": "17", "publishTime": ARRIVED}
        self.stage.google.messages.append({"message": message})

    def _deliver(self) -> None:
        """Carry out the attempts that are due, as long as the connector exists."""
        urls = [found["httpConfig"]["url"] for found in self.stage.dt.connectors[DT_PROJECT]]
        url = next((url for url in urls if "first-contact" in url), "")
        for delivery in self.deliveries:
            while url and delivery.times and delivery.times[0] <= self.stage.clock():
                at = delivery.times.pop(0)
                headers = delivery.first if delivery.first and not self.signs_anew else self._signed(delivery, at)
                delivery.first = delivery.first or headers
                status, _, line = recorder.answer(list(headers.items()), delivery.body, self._environ(url), at)
                self.answers.append(status)
                if line:
                    self.lines.append((at, {LINE: line}))

    def _signed(self, delivery: Delivery, at: float) -> dict[str, str]:
        headers = {**BASE_HEADERS, **self.headers}
        headers["X-Dt-Signature"] = sign_with_secret(secret_claims(delivery.body, now=at), delivery.secret)
        if self.sends_own:
            claims = organization_claims(delivery.body, now=at, issuer=recorder.DT_ISSUER, organization_id=ORGANIZATION)
            parts = [{"alg": "ES256", "kid": "cp65gdon1e4bhb5icbmg", "typ": "JWT"}, claims]
            encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
            headers["DT-Asymmetric-Signature"] = ".".join([*encoded, "c2lnbmVk"])
        return headers
