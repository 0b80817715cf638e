"""Proves the path: an unsigned request is refused, and a real event arrives, byte for byte what DT sent.

Where DT lets no emulated device be made, a request signed here goes straight to the function, which proves less.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from deploy.dt_api import DtApi
from deploy.dt_transport import sign
from deploy.errors import DeployError, DtFailed, GcloudFailed, NotProven
from deploy.resources.connector import Connector, owned
from deploy.secret import Secret
from deploy.spec import MARK, PROOF_MARK, Spec
from deploy.steps import Argv

ARRIVES_S = 90.0
OPENS_S = 90.0
"""Seconds until everybody may call a function of which Google was just told so."""

EMULATED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "temperature": ("temperature", {"value": 21.37}),
    "touch": ("touch", {}),
    "humidity": ("humidity", {"temperature": 21.37, "relativeHumidity": 42}),
    "objectPresent": ("proximity", {"state": "PRESENT"}),
    "waterPresent": ("waterDetector", {"state": "PRESENT"}),
    "touchCount": ("touchCounter", {"total": 42}),
    "objectPresentCount": ("proximityCounter", {"total": 42}),
    "co2": ("co2", {"ppm": 421}),
    "motion": ("motion", {"state": "MOTION_DETECTED"}),
    "contact": ("contact", {"state": "OPEN"}),
    "deskOccupancy": ("deskOccupancy", {"state": "OCCUPIED"}),
}
"""Event types that can be emulated: the type of device, and the event's data."""


class Google(Protocol):
    """Google Cloud, to be read and changed."""

    def read(self, argv: Argv) -> Any:
        """Give a command's answer, or None for what is not there."""
        ...

    def change(self, argv: Argv) -> Any:
        """Run a command that changes something."""
        ...


class Post(Protocol):
    """Sends a request to the function."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Give status and body of the answer; status 0 if there was none."""
        ...


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen to arrive, from one DT project."""

    project: str
    event_id: str
    message_id: str
    latency_s: float
    whole_path: bool

    def sentence(self) -> str:
        """Say what was proven."""
        if self.whole_path:
            return (
                f"{self.project}: event {self.event_id} of an emulated sensor came through DT's connector as message "
                f"{self.message_id}, {self.latency_s * 1000:.0f} ms after it happened"
            )
        return (
            f"{self.project}: a signed request made here came through as message {self.message_id}. This is less than "
            "the whole path: DT let no emulated device be made, so DT's own connector was not tried"
        )


@dataclass
class Verifier:
    """Everything that a proof needs."""

    spec: Spec
    google: Google
    dt: DtApi
    post: Post
    notice: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def unsigned_is_refused(self, url: str) -> None:
        """Send an unsigned request until the function itself refuses it.

        Raises:
            NotProven: it was not refused with 401.

        """
        give_up_at = self.now() + OPENS_S
        while True:
            status, text = self.post(url, b"{}", {"Content-Type": "application/json"})
            if status == 401 and "unsigned" in text:
                return
            if status not in {0, 403, 404, 429, 500, 502, 503} or self.now() > give_up_at:
                what = f"an unsigned request was answered with {status}, not refused with 401 unsigned"
                hint = "python -m deploy plan    # is public invocation in order?"
                logs = f"gcloud functions logs read {self.spec.name} --gen2 --region={self.spec.region}"
                raise NotProven(what, where=url, mend=[hint, f"{logs} --project={self.spec.google_project}"])
            self.notice(f"{url} answers {status or 'nothing'} as yet")
            self.sleep(3.0)

    def event_arrives(self, project: str, connectors: tuple[Connector, ...], url: str, secret: Secret) -> Proof:
        """Let a sensor be emulated, and see its event come out of the main topic.

        Raises:
            NotProven: no event came, or another one than was sent.
            DeployError: something needed for the proof could not be made.

        """
        own = owned(self.spec, connectors, url)
        wanted = own[0].event_types if own else ()
        event_type = next((each for each in EMULATED if not wanted or each in wanted), None)
        if event_type is None:
            return self._signed_arrives(project, url, secret)
        try:
            device = self._make_device(project, EMULATED[event_type][0])
        except DtFailed as error:
            self.notice(f"no emulated device: {error.what}")
            return self._signed_arrives(project, url, secret)
        with self._removing_device(project, device), self._subscription(device) as subscription:
            data = EMULATED[event_type][1]
            publish = f"/projects/{project}/devices/{device}:publish"
            self.dt.call("POST", publish, body={event_type: data}, emulator=True, just_made=True)
            message = self._awaited(subscription, device)
            self._same_as_dt_has(message, project, device)
            return _checked(message, project, device, event_type, data)

    def _signed_arrives(self, project: str, url: str, secret: Secret) -> Proof:
        device, event_id = f"verify{secrets.token_hex(7)}", secrets.token_hex(10)
        body = _made_up_event(project, device, event_id, self.now())
        with self._subscription(device) as subscription:
            status, text = self.post(url, body, {"X-Dt-Signature": sign(_claims(body, self.now()), secret)})
            if status != 200:
                raise NotProven(f"a signed request was answered with {status} {text[:200]}", where=url)
            message = self._awaited(subscription, device)
        if base64.b64decode(message["data"]) != body:
            raise NotProven("the message is not what was sent, byte for byte", where=f"topic {self.spec.topic}")
        _check_attributes(message, json.loads(body)["event"], project, device)
        return Proof(project, event_id, message["messageId"], 0.0, whole_path=False)

    def _same_as_dt_has(self, message: Mapping[str, Any], project: str, device: str) -> None:
        """Compare the event with the one in DT's own history, where that can be read."""
        event = json.loads(base64.b64decode(message["data"]))["event"]
        try:
            history = self.dt.pages(f"/projects/{project}/devices/{device}/events", "events")
        except DtFailed:
            return
        kept = next((each for each in history if each.get("eventId") == event["eventId"]), event)
        if kept != event:
            raise NotProven("the event is not the one that DT keeps in its history", where=f"topic {self.spec.topic}")

    def _make_device(self, project: str, device_type: str) -> str:
        labels = {"name": "dt-pubsub verify", MARK: self.spec.name}
        body = {"type": device_type, "labels": labels}
        made = self.dt.call("POST", f"/projects/{project}/devices", body=body, emulator=True)
        return str(made["name"]).rpartition("/")[2]

    @contextmanager
    def _removing_device(self, project: str, device: str) -> Iterator[None]:
        try:
            yield
        finally:
            path = f"/projects/{project}/devices/{device}"
            self._cleaned(lambda: self.dt.call("DELETE", path, emulator=True), f"emulated device {device} of {project}")

    @contextmanager
    def _subscription(self, device: str) -> Iterator[str]:
        """Make a subscription for one device's events; should nobody be left to remove it, it expires in a day."""
        name, project = f"{self.spec.topic}-verify-{secrets.token_hex(4)}", f"--project={self.spec.google_project}"
        group = ("pubsub", "subscriptions")
        try:
            self.google.change(
                (
                    *(*group, "create", name, f"--topic={self.spec.topic}", "--expiration-period=1d"),
                    *("--message-retention-duration=10m", f'--message-filter=attributes.deviceId = "{device}"'),
                    *(f"--labels={PROOF_MARK}={self.spec.name}", project),
                )
            )
            yield name
        finally:
            self._cleaned(lambda: self.google.change((*group, "delete", name, project)), f"subscription {name}")

    def _cleaned(self, remove: Callable[[], object], what: str) -> None:
        try:
            remove()
        except DeployError as error:
            if not _is_gone(error):
                self.notice(f"{what} is left over: {error.what}")

    def _awaited(self, subscription: str, device: str) -> Mapping[str, Any]:
        argv = ("pubsub", "subscriptions", "pull", subscription, "--auto-ack", "--limit=10")
        give_up_at = self.now() + ARRIVES_S
        while self.now() < give_up_at:
            for each in self.google.read((*argv, f"--project={self.spec.google_project}")) or []:
                message: Mapping[str, Any] = each["message"]
                if message.get("attributes", {}).get("deviceId") == device:
                    return message
            self.sleep(0.5)
        logs = f"gcloud functions logs read {self.spec.name} --gen2 --region={self.spec.region}"
        raise NotProven(
            f"no event came within {ARRIVES_S:.0f} s",
            where=f"topic {self.spec.topic}",
            mend=[f"{logs} --project={self.spec.google_project}", "python -m deploy status"],
        )


def _is_gone(error: DeployError) -> bool:
    """Whether what should be removed is not there: Ctrl-C may come before it is made."""
    return (isinstance(error, GcloudFailed) and error.code == "NOT_FOUND") or (
        isinstance(error, DtFailed) and error.status == 404
    )


def _claims(body: bytes, now: float) -> dict[str, Any]:
    digest = hashlib.sha256(body).hexdigest()
    return {"checksum_sha256": digest, "iat": int(now), "exp": int(now) + 3600, "jti": secrets.token_hex(10)}


def _made_up_event(project: str, device: str, event_id: str, now: float) -> bytes:
    at = datetime.fromtimestamp(now).astimezone().isoformat()
    event = {
        "eventId": event_id,
        "targetName": f"projects/{project}/devices/{device}",
        "eventType": "touch",
        "data": {"touch": {"updateTime": at}},
        "timestamp": at,
    }
    metadata = {"deviceId": device, "projectId": project, "deviceType": "touch", "productNumber": ""}
    return json.dumps({"event": event, "labels": {}, "metadata": metadata}, separators=(",", ":")).encode()


def _checked(message: Mapping[str, Any], project: str, device: str, event_type: str, sent: Mapping[str, Any]) -> Proof:
    event = json.loads(base64.b64decode(message["data"]))["event"]
    _check_attributes(message, event, project, device)
    data = event["data"][event_type]
    if event["eventType"] != event_type or any(data.get(key) != value for key, value in sent.items()):
        raise NotProven(f"the event says {json.dumps(data)}, and {json.dumps(dict(sent))} was sent", where=project)
    happened, published = _instant(event["timestamp"]), _instant(message["publishTime"])
    return Proof(project, event["eventId"], message["messageId"], published - happened, whole_path=True)


def _check_attributes(message: Mapping[str, Any], event: Mapping[str, Any], project: str, device: str) -> None:
    wanted = {
        "eventId": event["eventId"],
        "eventType": event["eventType"],
        "deviceId": device,
        "projectId": project,
        "timestamp": event["timestamp"],
    }
    found = message.get("attributes", {})
    if wrong := [key for key, value in wanted.items() if found.get(key) != value]:
        raise NotProven(
            f"attributes differ from the event: {', '.join(wrong)}", where=f"message {message['messageId']}"
        )


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
