"""Proves the path: an unsigned request is refused, and a real event arrives with every byte that DT sent.

The function accepts an event by either of two signatures: one made with the secret, or one made with DT's own key. So
an event that arrives does not prove the secret. Two further checks do: the function accepts a signature of the secret,
and the connector has the secret, as DT shows or as the function's log says.

If DT does not allow emulated devices, a request signed here is sent to the function itself, which proves less.
"""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deploy.dt.api import DtApi
from deploy.errors import DtFailed, GcloudFailed, NotProven
from deploy.function_client import FunctionClient
from deploy.google.function_log import FunctionLog
from deploy.google.gcloud import Gcloud
from deploy.program import PROGRAM, UP
from deploy.proof.checks import (
    EMULATED,
    MADE_UP,
    Proof,
    check_attributes,
    checked,
    event_in,
    is_what_was_sent,
    made_up_event,
)
from deploy.proof.fixtures import Fixtures
from deploy.resources.connector import PAUSED, Connector, owned_by
from deploy.secret import Secret
from deploy.spec import Spec

ARRIVAL_S = 90.0
"""Seconds within which an event has to arrive."""
OPENING_S = 90.0
"""Seconds that Google may need until a new setting of the function applies everywhere: its public access, or a new
version of its secret."""


@dataclass
class Verifier:
    """Runs the proof.

    ``both_signatures``: the function also accepts an event that is signed with DT's own key, whatever the secret is.
    """

    spec: Spec
    google: Gcloud
    dt: DtApi
    function: FunctionClient
    fixtures: Fixtures
    both_signatures: bool = True
    notice: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def remove_leftovers(self) -> None:
        """Remove the resources that killed proofs have left."""
        self.fixtures.remove_leftovers(self.spec.dt_projects)

    def unsigned_is_refused(self) -> None:
        """Send an unsigned request until the function itself refuses it.

        Raises:
            NotProven: the request was not refused with 401.

        """
        give_up_at = self.now() + OPENING_S
        while True:
            status, text, _ = self.function.send_unsigned_probe()
            if status == 401 and "unsigned" in text:
                return
            if status not in {0, 403, 404, 429, 500, 502, 503} or self.now() > give_up_at:
                what = f"an unsigned request was answered with {status}, not refused with 401 unsigned"
                raise NotProven(what, where=self.function.url, fix=[UP, self._logs])
            self.notice(f"{self.function.url} still answers {status or 'nothing'}")
            self.sleep(3.0)

    def secret_is_accepted(self, secret: Secret) -> None:
        """Check that the function accepts a secret, by a request with the signature of another body: not published.

        Raises:
            NotProven: the function does not accept the secret within ``OPENING_S``.

        """
        give_up_at = self.now() + OPENING_S
        while True:
            status, text, _ = self.function.send_signed(b"{}", secret, signed_body=b"another body")
            if status == 401 and "checksum" in text:
                return
            if self.now() > give_up_at:
                what = f"the function does not accept the newest secret: it answered {status} {text[:200]}"
                raise NotProven(what, where=f"secret {self.spec.secret}", fix=[UP, self._logs])
            self.notice("the function does not accept the newest secret yet")
            self.sleep(3.0)

    def must_deliver(self, project: str, connectors: Sequence[Connector], *, or_paused: bool = False) -> Connector:
        """Return this deployment's connector in a project, if it is one that delivers to the function.

        ``or_paused``: a connector that a person has paused will do, too.

        Raises:
            NotProven: there is no connector, or it cannot deliver events.

        """
        url = self.function.url
        own = owned_by(self.spec, connectors, url)
        fault, fix = _why_not_delivering(own[0], url) if own else ("there is no connector of this deployment", UP)
        if fault and not (or_paused and own and own[0].status == PAUSED):
            raise NotProven(fault, where=f"DT project {project}", fix=[fix])
        return own[0]

    def event_arrives(self, project: str, connector: Connector, secret: Secret) -> Proof:
        """Send the event of an emulated sensor, and receive it from the main topic.

        Raises:
            NotProven: no event came, or another one than was sent, or the secret did not prove it.
            DeployError: a resource that the proof needs could not be created.

        """
        if connector.status == PAUSED:
            return self._signed_arrives(project, secret, f"connector {connector.id} is paused")
        wanted = connector.event_types
        event_type = next((name for name in EMULATED if not wanted or name in wanted), None)
        if event_type is None:
            why_less = f"the connector sends only {', '.join(wanted)}, which no emulated device can send"
            return self._signed_arrives(project, secret, why_less)
        try:
            device = self.fixtures.make_device(project, EMULATED[event_type][0])
        except DtFailed as error:
            self.notice(f"no emulated device: {error.what}")
            return self._signed_arrives(project, secret, "DT did not create an emulated device")
        made = self.fixtures
        with made.removing_device(project, device), made.subscription(device) as subscription:
            data = EMULATED[event_type][1]
            publish = f"/projects/{project}/devices/{device}:publish"
            self.dt.call("POST", publish, body={event_type: data}, emulator=True, just_made=True)
            message = self._wait_for_event(subscription, device, event_type, _secret_fix(connector))
            proof = checked(message, project, device, event_type, data)
            self._check_history(proof, device, event_type, data)
        return replace(proof, doubt=self._doubt(proof, connector))

    def _doubt(self, proof: Proof, connector: Connector) -> str:
        """Return why it is unknown whether the secret proved an event, which DT's own key signs as well; or ""."""
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
            raise NotProven(what, where=f"DT project {proof.project}", fix=_secret_fix(connector))
        return ""

    def _signed_arrives(self, project: str, secret: Secret, why_less: str) -> Proof:
        device, event_id = f"verify{secrets.token_hex(7)}", secrets.token_hex(10)
        body = made_up_event(project, device, event_id, self.now())
        with self.fixtures.subscription(device) as subscription:
            status, text, _ = self.function.send_signed(body, secret)
            if status != 200:
                what = f"a signed request was answered with {status} {text[:200]}"
                raise NotProven(what, where=self.function.url, fix=[self._logs])
            message = self._wait_for_event(subscription, device, MADE_UP)
        if base64.b64decode(message["data"]) != body:
            raise NotProven("the message has other bytes than were sent", where=f"topic {self.spec.topic}")
        check_attributes(message, json.loads(body)["event"], project, device)
        return Proof(project, event_id, message["messageId"], 0.0, whole_path=False, why_less=why_less)

    def _check_history(self, proof: Proof, device: str, event_type: str, sent: Mapping[str, Any]) -> None:
        """Compare with the event of this id in DT's history, if the history can be read and has the event already."""
        try:
            history = self.dt.pages(f"/projects/{proof.project}/devices/{device}/events", "events")
        except DtFailed:
            return
        kept = [event for event in history if isinstance(event, Mapping) and event.get("eventId") == proof.event_id]
        if not all(is_what_was_sent(event, event_type, sent) for event in kept):
            raise NotProven("the event is not the one that DT keeps in its history", where=f"topic {self.spec.topic}")

    def _wait_for_event(
        self, subscription: str, device: str, event_type: str, fix: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Return the message with the event of this type. A device may send other types first, of its radio or labels.

        Raises:
            NotProven: no such event came within ``ARRIVAL_S``. ``fix``: more commands that may help then.

        """
        argv = ("pubsub", "subscriptions", "pull", subscription, "--auto-ack", "--limit=10")
        give_up_at = self.now() + ARRIVAL_S
        while self.now() < give_up_at:
            for received in self.google.read((*argv, self.spec.project_flag)) or []:
                message: Mapping[str, Any] = received["message"]
                ours = message.get("attributes", {}).get("deviceId") == device
                if ours and event_in(message).get("eventType") == event_type:
                    return message
            self.sleep(0.5)
        what = f"no event came within {ARRIVAL_S:.0f} s"
        raise NotProven(what, where=f"topic {self.spec.topic}", fix=[f"{PROGRAM} status", self._logs, *fix])

    @property
    def _logs(self) -> str:
        place = f"--region={self.spec.region} {self.spec.project_flag}"
        return f"gcloud functions logs read {self.spec.name} --gen2 {place}"


def _why_not_delivering(connector: Connector, url: str) -> tuple[str, str]:
    """Return why a connector cannot deliver events, and the fix; two empty texts if it can."""
    name, status = f"connector {connector.id}", connector.status
    if status == PAUSED:
        return f"{name} is paused ({status}): DT sends nothing", f"{PROGRAM} resume --all"
    faults = {
        f"{name} is {status}: DT sends nothing": status != "ACTIVE",
        f"{name} points at {connector.url}, not at the function": connector.url.rstrip("/") != url.rstrip("/"),
        f"{name} has another secret than the function": connector.signs_with == "another",
        f"{name} has no secret": connector.signs_with == "none",
    }
    return next(((fault, UP) for fault, is_present in faults.items() if is_present), ("", ""))


def _secret_fix(connector: Connector) -> list[str]:
    """Return the fix for a connector whose secret DT does not show, because it may be wrong; else no fix."""
    if connector.signs_with != "unknown":
        return []
    return [f"delete connector {connector.id} in DT Studio, then {UP}: it may have another secret"]
