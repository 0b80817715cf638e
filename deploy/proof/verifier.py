"""Proves the path: an unsigned request is refused, and a real event arrives, byte for byte what DT sent.

Either of two signatures lets an event in: the secret's, and one of DT's own key. So the secret is proven by itself: the
function accepts what it signed, and the connector has it, as DT shows it, or else as the function's log tells.

Where DT lets no emulated device be made, a request signed here goes straight to the function, which proves less.
"""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from deploy.dt.api import DtApi
from deploy.dt.devices import Devices
from deploy.dt.transport import sign
from deploy.errors import DtFailed, GcloudFailed, NotProven
from deploy.google.function_log import FunctionLog
from deploy.google.gcloud import Gcloud
from deploy.proof.checks import (
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
from deploy.proof.fixtures import Temporary
from deploy.resources.connector import PAUSED, Connector, owned_by
from deploy.secret import Secret
from deploy.spec import Spec

UP = "python -m deploy up"
VERIFY = "python -m deploy verify"
ARRIVES_S = 90.0
OPENS_S = 90.0
"""Seconds until everybody may call a function of which Google was just told so."""


class Post(Protocol):
    """Sends a request to the function."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Return status and body of the answer; status 0 if there was none."""
        ...


@dataclass
class Verifier:
    """Everything that a proof needs.

    ``both_signatures``: the function takes an event that DT's own key proves, too, whatever the secret is.
    """

    spec: Spec
    google: Gcloud
    dt: DtApi
    post: Post
    both_signatures: bool = True
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

    def secret_is_accepted(self, url: str, secret: Secret) -> None:
        """See that the function knows a secret: by a signature of another body, after which nothing is published.

        Raises:
            NotProven: it does not, for longer than a new version takes to reach it.

        """
        give_up_at = self.now() + OPENS_S
        while True:
            token = sign(claims(b"another body", self.now()), secret)
            status, text = self.post(url, b"{}", {"X-Dt-Signature": token})
            if status == 401 and "checksum" in text:
                return
            if self.now() > give_up_at:
                what = f"the function does not accept the newest secret: it answered {status} {text[:200]}"
                raise NotProven(what, where=f"secret {self.spec.secret}", mend=["python -m deploy plan", self._logs])
            self.notice("the function does not accept the newest secret as yet")
            self.sleep(3.0)

    def must_deliver(self, project: str, connectors: Sequence[Connector], url: str) -> Connector:
        """Return this deployment's connector in a project, if it is one that delivers to the function.

        Raises:
            NotProven: there is none, or it cannot deliver; no event would come, however long it was waited for.

        """
        own = owned_by(self.spec, connectors, url)
        fault, mend = _keeps_from_delivering(own[0], url) if own else ("there is no connector of this deployment", UP)
        if fault:
            raise NotProven(fault, where=f"DT project {project}", mend=[mend])
        return own[0]

    def event_arrives(self, project: str, connector: Connector, url: str, secret: Secret) -> Proof:
        """Let a sensor be emulated, and see its event come out of the main topic.

        Raises:
            NotProven: no event came, or another one than was sent, or one that the secret did not prove.
            DeployError: something needed for the proof could not be made.

        """
        wanted = connector.event_types
        event_type = next((name for name in EMULATED if not wanted or name in wanted), None)
        if event_type is None:
            why_less = f"the connector sends only {', '.join(wanted)}, which no emulated device can send"
            return self._signed_arrives(project, url, secret, why_less)
        try:
            device = self._temporary.make_device(project, EMULATED[event_type][0])
        except DtFailed as error:
            self.notice(f"no emulated device: {error.what}")
            return self._signed_arrives(project, url, secret, "DT let no emulated device be made")
        made = self._temporary
        with made.removing_device(project, device), made.subscription(device) as subscription:
            data = EMULATED[event_type][1]
            publish = f"/projects/{project}/devices/{device}:publish"
            self.dt.call("POST", publish, body={event_type: data}, emulator=True, just_made=True)
            message = self._awaited(subscription, device, event_type, _set_again(connector))
            proof = checked(message, project, device, event_type, data)
            self._is_in_dts_history(proof, device, event_type, data)
        return replace(proof, doubt=self._doubt(proof, connector))

    def _doubt(self, proof: Proof, connector: Connector) -> str:
        """Return why it is not known that the secret proved an event: DT signs it with a key of its own as well."""
        if connector.signs_with != "unknown" or not self.both_signatures:
            return ""
        try:
            line = FunctionLog(self.spec, self.google, self.sleep, self.now).line_of(proof.event_id)
        except GcloudFailed as error:
            return f"DT does not show the connector's secret, and the function's log could not be read ({error.code})"
        if line is None:
            return "DT does not show the connector's secret, and the function's log has no line on the event"
        if "secretIndex" not in line:
            what = f"connector {connector.id} has another secret than the function: DT's own key proved the event"
            raise NotProven(what, where=f"DT project {proof.project}", mend=_set_again(connector))
        return ""

    def _signed_arrives(self, project: str, url: str, secret: Secret, why_less: str) -> Proof:
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
        return Proof(project, event_id, message["messageId"], 0.0, whole_path=False, why_less=why_less)

    def _is_in_dts_history(self, proof: Proof, device: str, event_type: str, sent: Mapping[str, Any]) -> None:
        """Compare with the event of that id in DT's own history, where that can be read and has it already."""
        try:
            history = self.dt.pages(f"/projects/{proof.project}/devices/{device}/events", "events")
        except DtFailed:
            return
        kept = [event for event in history if isinstance(event, Mapping) and event.get("eventId") == proof.event_id]
        if not all(is_what_was_sent(event, event_type, sent) for event in kept):
            raise NotProven("the event is not the one that DT keeps in its history", where=f"topic {self.spec.topic}")

    def _awaited(self, subscription: str, device: str, event_type: str, mend: Sequence[str] = ()) -> Mapping[str, Any]:
        """Wait for the event of that type: a device may tell of its radio or its labels first."""
        argv = ("pubsub", "subscriptions", "pull", subscription, "--auto-ack", "--limit=10")
        give_up_at = self.now() + ARRIVES_S
        while self.now() < give_up_at:
            for received in self.google.read((*argv, self.spec.project_flag)) or []:
                message: Mapping[str, Any] = received["message"]
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
        place = f"--region={self.spec.region} {self.spec.project_flag}"
        return f"gcloud functions logs read {self.spec.name} --gen2 {place}"


def _keeps_from_delivering(connector: Connector, url: str) -> tuple[str, str]:
    """Return why no event comes through a connector, and what helps; two empty texts if events should come."""
    name, status = f"connector {connector.id}", connector.status
    if status == PAUSED:
        return f"{name} is paused ({status}): DT sends nothing", f"enable {name} in DT Studio, then {VERIFY}"
    faults = {
        f"{name} is {status}: DT sends nothing": status != "ACTIVE",
        f"{name} points at {connector.url}, not at the function": connector.url.rstrip("/") != url.rstrip("/"),
        f"{name} has another secret than the function": connector.signs_with == "another",
        f"{name} has no secret": connector.signs_with == "none",
    }
    return next(((fault, UP) for fault, is_so in faults.items() if is_so), ("", ""))


def _set_again(connector: Connector) -> list[str]:
    """Return what puts the secret of a connector right if DT does not show it."""
    if connector.signs_with != "unknown":
        return []
    return [f"delete connector {connector.id} in DT Studio, then {UP}: it may have another secret"]
