"""What is sent to prove the path, what has to come of it, and what that proves. Pure."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.errors import NotProven

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

MADE_UP = "touch"
"""The type of an event that no device emits, which is the type of such a device, too."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen to arrive, from one DT project.

    ``why_less``: why it was not the whole path. ``doubt``: why it is not known that the secret proved it; an empty text
    if the secret did.
    """

    project: str
    event_id: str
    message_id: str
    latency_s: float
    whole_path: bool
    why_less: str = ""
    doubt: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what ``verify --json`` prints of it."""
        return {
            "dtProject": self.project,
            "eventId": self.event_id,
            "messageId": self.message_id,
            "latencySeconds": self.latency_s if self.whole_path else None,
            "wholePath": self.whole_path,
            "provenBy": None if self.doubt else "secret",
        }

    def sentence(self) -> str:
        """Return what was proven, in words."""
        signature = f"which signature proved it is not known: {self.doubt}" if self.doubt else "proven by the secret"
        if self.whole_path:
            return (
                f"{self.project}: event {self.event_id} of an emulated sensor came through DT's connector as message "
                f"{self.message_id}, {self.latency_s * 1000:.0f} ms after it happened; {signature}"
            )
        return (
            f"{self.project}: a signed request made here came through as message {self.message_id}; {signature}. This "
            f"is less than the whole path: {self.why_less}, so DT's own connector was not tried"
        )


def made_up_event(project: str, device: str, event_id: str, now: float) -> bytes:
    """Give an event as DT would send it, of a device that there is not."""
    at = datetime.fromtimestamp(now).astimezone().isoformat()
    event = {
        "eventId": event_id,
        "targetName": f"projects/{project}/devices/{device}",
        "eventType": MADE_UP,
        "data": {MADE_UP: {"updateTime": at}},
        "timestamp": at,
    }
    metadata = {"deviceId": device, "projectId": project, "deviceType": MADE_UP, "productNumber": ""}
    return json.dumps({"event": event, "labels": {}, "metadata": metadata}, separators=(",", ":")).encode()


def checked(message: Mapping[str, Any], project: str, device: str, event_type: str, sent: Mapping[str, Any]) -> Proof:
    """Compare the message with what was sent.

    Raises:
        NotProven: it is not the same.

    """
    event = event_in(message)
    check_attributes(message, event, project, device)
    if not is_what_was_sent(event, event_type, sent):
        told = json.dumps(event.get("data"))
        raise NotProven(f"the event says {told}, and {json.dumps({event_type: dict(sent)})} was sent", where=project)
    happened, published = _instant(event["timestamp"]), _instant(message["publishTime"])
    return Proof(project, event["eventId"], message["messageId"], published - happened, whole_path=True)


def event_in(message: Mapping[str, Any]) -> dict[str, Any]:
    """Give the event that a message holds."""
    event: dict[str, Any] = json.loads(base64.b64decode(message["data"]))["event"]
    return event


def is_what_was_sent(event: Mapping[str, Any], event_type: str, sent: Mapping[str, Any]) -> bool:
    """Whether an event is of that type and has the values sent, whatever else DT adds to them."""
    data = (event.get("data") or {}).get(event_type)
    if event.get("eventType") != event_type or not isinstance(data, Mapping):
        return False
    return all(data.get(key) == value for key, value in sent.items())


def check_attributes(message: Mapping[str, Any], event: Mapping[str, Any], project: str, device: str) -> None:
    """Compare the message's attributes with the event in it.

    Raises:
        NotProven: one of them differs.

    """
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
