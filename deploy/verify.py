"""Proves the path: an unsigned request is refused, and a real event arrives, byte for byte what DT sent.

Where DT lets no emulated device be made, a request signed here goes straight to the function, which proves less.
"""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deploy.devices import Devices
from deploy.dt_api import DtApi
from deploy.dt_transport import sign
from deploy.errors import DtFailed, NotProven
from deploy.proof import (
    EMULATED,
    MADE_UP,
    Proof,
    check_attributes,
    checked,
    claims,
    event_in,
    is_what_was_sent,
    made_up_event,
)
from deploy.resources.connector import Connector, owned
from deploy.secret import Secret
from deploy.spec import Spec
from deploy.temporary import Google, Temporary

ARRIVES_S = 90.0
OPENS_S = 90.0
"""Seconds until everybody may call a function of which Google was just told so."""


class Post(Protocol):
    """Sends a request to the function."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Give status and body of the answer; status 0 if there was none."""
        ...


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

    def remove_leftovers(self) -> None:
        """Remove what proofs left that were killed."""
        self._temporary.remove_leftovers(self.spec.dt_projects)

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
                hint = "python -m deploy plan"
                raise NotProven(what, where=url, mend=[hint, self._logs])
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
            device = self._temporary.make_device(project, EMULATED[event_type][0])
        except DtFailed as error:
            self.notice(f"no emulated device: {error.what}")
            return self._signed_arrives(project, url, secret)
        made = self._temporary
        with made.removing_device(project, device), made.subscription(device) as subscription:
            data = EMULATED[event_type][1]
            publish = f"/projects/{project}/devices/{device}:publish"
            self.dt.call("POST", publish, body={event_type: data}, emulator=True, just_made=True)
            message = self._awaited(subscription, device, event_type, _set_again(own))
            proof = checked(message, project, device, event_type, data)
            self._is_in_dts_history(proof, device, event_type, data)
            return proof

    def _signed_arrives(self, project: str, url: str, secret: Secret) -> Proof:
        device, event_id = f"verify{secrets.token_hex(7)}", secrets.token_hex(10)
        body = made_up_event(project, device, event_id, self.now())
        with self._temporary.subscription(device) as subscription:
            status, text = self.post(url, body, {"X-Dt-Signature": sign(claims(body, self.now()), secret)})
            if status != 200:
                raise NotProven(
                    f"a signed request was answered with {status} {text[:200]}", where=url, mend=[self._logs]
                )
            message = self._awaited(subscription, device, MADE_UP)
        if base64.b64decode(message["data"]) != body:
            raise NotProven("the message is not what was sent, byte for byte", where=f"topic {self.spec.topic}")
        check_attributes(message, json.loads(body)["event"], project, device)
        return Proof(project, event_id, message["messageId"], 0.0, whole_path=False)

    def _is_in_dts_history(self, proof: Proof, device: str, event_type: str, sent: Mapping[str, Any]) -> None:
        """Compare with the event of that id in DT's own history, where that can be read and has it already."""
        try:
            history = self.dt.pages(f"/projects/{proof.project}/devices/{device}/events", "events")
        except DtFailed:
            return
        kept = [each for each in history if isinstance(each, Mapping) and each.get("eventId") == proof.event_id]
        if not all(is_what_was_sent(each, event_type, sent) for each in kept):
            raise NotProven("the event is not the one that DT keeps in its history", where=f"topic {self.spec.topic}")

    def _awaited(self, subscription: str, device: str, event_type: str, mend: Sequence[str] = ()) -> Mapping[str, Any]:
        """Wait for the event of that type: a device may tell of its radio or its labels first."""
        argv = ("pubsub", "subscriptions", "pull", subscription, "--auto-ack", "--limit=10")
        give_up_at = self.now() + ARRIVES_S
        while self.now() < give_up_at:
            for each in self.google.read((*argv, f"--project={self.spec.google_project}")) or []:
                message: Mapping[str, Any] = each["message"]
                ours = message.get("attributes", {}).get("deviceId") == device
                if ours and event_in(message).get("eventType") == event_type:
                    return message
            self.sleep(0.5)
        what = f"no event came within {ARRIVES_S:.0f} s"
        raise NotProven(what, where=f"topic {self.spec.topic}", mend=["python -m deploy status", self._logs, *mend])

    @property
    def _temporary(self) -> Temporary:
        return Temporary(self.spec, self.google, Devices(self.dt, self.spec), self.notice, self.now)

    @property
    def _logs(self) -> str:
        place = f"--region={self.spec.region} --project={self.spec.google_project}"
        return f"gcloud functions logs read {self.spec.name} --gen2 {place}"


def _set_again(connectors: Sequence[Connector]) -> list[str]:
    """Say what puts the secret right of connectors whose secret nobody can see."""
    unseen = [each.id for each in connectors if each.signs_with == "unknown"]
    return [
        f"delete connector {each} in DT Studio, then python -m deploy up: it may have another secret" for each in unseen
    ]
