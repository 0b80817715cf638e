"""Sends events to connectors by POST. Every attempt has a new signature, and is repeated until it is acknowledged.

Whether DT signs each attempt anew is not documented: ``signs_anew`` can be switched off, and both are played.

The timeout is ten seconds, any 2xx acknowledges, the pause between attempts grows, events have no order, and an event
is dropped after twelve hours: https://docs.developer.disruptive-technologies.com/docs/data-connectors/receiving-events
"""

import contextlib
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from tests.emulators.clouds.dt.connectors import PUSH, Connectors
from tests.emulators.clouds.dt.identity import Identity
from tests.emulators.clouds.exchange import Json
from tests.emulators.events import encode
from tests.emulators.signing import ORGANIZATION_HEADER, SECRET_HEADER, secret_claims, sign_with_secret

TIMEOUT_S = 10.0
DROPPED_AFTER_S = 12 * 3600.0
MAX_PAUSE_S = 60.0
EXPIRED_S = 2 * 3600.0
"""The age of a signature that has expired: it is valid for an hour."""

Flaw = Literal["", "no id", "expired"]
"""What is wrong with an event: nothing; it has no ``eventId``; or its signature has expired when it is sent."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST. Status 0 means that there was no answer."""

    connector: str
    event_id: str
    status: int
    seconds: float

    @property
    def is_success(self) -> bool:
        """Whether the event was acknowledged."""
        return 200 <= self.status < 300


class Deliveries:
    """Sends events, each in its own thread. ``attempts``: all attempts so far.

    Tests can shorten ``first_pause_s``, and switch off ``signs_anew``: then every attempt has the first one's headers.
    ``flaw`` returns what is wrong with the next event.
    """

    def __init__(self, connectors: Connectors, identity: Identity, proxy_port: int, trust: ssl.SSLContext) -> None:
        self.first_pause_s = 1.0
        self.signs_anew = True
        self.flaw: Callable[[], Flaw] = lambda: ""
        self.attempts: list[Attempt] = []
        self._connectors = connectors
        self._identity = identity
        self._proxy_port = proxy_port
        self._trust = trust
        self._ended = threading.Event()
        self._wake = threading.Condition()
        self._under_way: set[threading.Thread] = set()

    def spread(self, device: Json, event: Json) -> None:
        """Send an event to all connectors of its project that take its type."""
        project = device["name"].split("/")[1]
        for connector in self._connectors.of(project):
            if self._connectors.current(connector["name"]):
                self.send(connector, device, event)

    def send(self, connector: Json, device: Json, event: Json) -> None:
        """Send an event to one connector, if the connector is of type HTTP_PUSH and takes the event's type."""
        if connector["type"] != PUSH or (connector["events"] and event["eventType"] not in connector["events"]):
            return
        flaw = self.flaw()
        sent = {key: value for key, value in event.items() if key != "eventId" or flaw != "no id"}
        body, age_s = encode(_envelope(connector, device, sent)), EXPIRED_S if flaw == "expired" else 0.0
        arguments = (connector["name"], event["eventId"], body, age_s)
        thread = threading.Thread(target=self._deliver, args=arguments, daemon=True)
        self._under_way.add(thread)
        thread.start()

    def pending(self) -> int:
        """Return the number of events that are not delivered yet."""
        return len(self._under_way)

    def wait(self, timeout_s: float = 30.0) -> bool:
        """Wait until all events are delivered, and return whether they are."""
        give_up_at = time.monotonic() + timeout_s
        while self._under_way and time.monotonic() < give_up_at:
            time.sleep(0.01)
        return not self._under_way

    def hurry(self) -> None:
        """Let all events that wait for their next attempt be sent again at once."""
        with self._wake:
            self._wake.notify_all()

    def close(self) -> None:
        """Stop all deliveries."""
        self._ended.set()
        self.hurry()
        for thread in list(self._under_way):
            thread.join(TIMEOUT_S + 1)

    def _deliver(self, connector: str, event_id: str, body: bytes, age_s: float) -> None:
        began_at, pause_s, headers = time.monotonic(), self.first_pause_s, dict[str, str]()
        try:
            while not self._ended.is_set() and time.monotonic() - began_at < DROPPED_AFTER_S:
                current = self._connectors.current(connector)
                if current is None:
                    return
                headers = self._headers(current, body, age_s) if self.signs_anew or not headers else headers
                if self._attempt(current, event_id, body, headers).is_success:
                    return
                self._pause(pause_s)
                pause_s = min(pause_s * 2, MAX_PAUSE_S)
        finally:
            self._under_way.discard(threading.current_thread())

    def _pause(self, seconds: float) -> None:
        with self._wake:
            if not self._ended.is_set():
                self._wake.wait(seconds)

    def _attempt(self, connector: Json, event_id: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        began_at = time.monotonic()
        try:
            status = self._post(connector["httpConfig"]["url"], body, headers)
        except (OSError, http.client.HTTPException):
            status = 0
        attempt = Attempt(connector["name"], event_id, status, time.monotonic() - began_at)
        self._count(attempt, began_at)
        return attempt

    def _count(self, attempt: Attempt, began_at: float) -> None:
        self._connectors.counts(attempt.connector).add(attempt.seconds if attempt.is_success else None, began_at)
        self.attempts.append(attempt)

    def _headers(self, connector: Json, body: bytes, age_s: float) -> dict[str, str]:
        """Return the headers of a request. ``age_s``: of its signatures, in seconds."""
        now, push = time.time() - age_s, connector["httpConfig"]
        headers = {**push["headers"], "Content-Type": "application/json", ORGANIZATION_HEADER: ""}
        headers[ORGANIZATION_HEADER] = self._identity.sign(body, now=now)
        if push["signatureSecret"]:
            headers[SECRET_HEADER] = sign_with_secret(secret_claims(body, now=now), push["signatureSecret"])
        return headers

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        proxy = http.client.HTTPSConnection("127.0.0.1", self._proxy_port, timeout=TIMEOUT_S, context=self._trust)
        with contextlib.closing(proxy) as connection:
            connection.set_tunnel(parts.hostname or "", parts.port or 443)
            connection.request("POST", target, body, dict(headers))
            return connection.getresponse().status


def _envelope(connector: Json, device: Json, event: Json) -> Json:
    _, project, _, device_id = device["name"].split("/")
    return {
        "event": event,
        "labels": {key: device["labels"][key] for key in connector["labels"] if key in device["labels"]},
        "metadata": {
            "deviceId": device_id,
            "projectId": project,
            "deviceType": device["type"],
            "productNumber": device["productNumber"],
        },
    }
