"""One function process with its surroundings: both topics, DT's issuer, secrets, and requests as DT makes them.

Support for tests, not a test. Secrets and bodies contain canaries, so that a leak can be found.
"""

import base64
import copy
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from tests.blackbox.serving import ROOT, Answer, Function, Headers, new_trace
from tests.emulators.events import PROJECT_ID, encode, sample_event
from tests.emulators.issuer import Issuer
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.record import Recorded, RecordReader
from tests.emulators.signing import (
    ORGANIZATION_HEADER,
    SECRET_HEADER,
    organization_claims,
    secret_claims,
    sign_with_key,
)

SECRET = "canary-of-the-newest-secret-0123456789"
OLDER_SECRET = "canary-of-the-older-secret-9876543210"
ORGANIZATION_ID = "b8ntihoaplm0028st07g"
BODY_CANARY = "canary-of-the-body"
TEMPERATURE = sample_event("temperature", number=1, at=datetime(2026, 11, 2, 8, 13, 15, 361624, UTC))
TEMPERATURE["labels"]["owner"] = BODY_CANARY
BODY = encode(TEMPERATURE)
KNOWN = {
    "eventId": TEMPERATURE["event"]["eventId"],
    "eventType": "temperature",
    "deviceId": TEMPERATURE["metadata"]["deviceId"],
    "projectId": PROJECT_ID,
    "timestamp": "2026-11-02T08:13:15.361624Z",
    "deviceType": "temperature",
    "label.name": "Demo temperature",
}
"""The attributes of ``BODY``, without the ``traceparent`` and the ``contract``."""

DROP = object()


def changed(path: str, value: object = DROP) -> bytes:
    """Return ``BODY`` with the member at a dotted path set to a value, or removed."""
    event = copy.deepcopy(TEMPERATURE)
    *way, name = path.split(".")
    parent: Any = event
    for step in way:
        parent = parent[step]
    if value is DROP:
        del parent[name]
    else:
        parent[name] = value
    return json.dumps(event).encode()


def compact(header: Mapping[str, Any], claims: Mapping[str, Any], secret: str) -> str:
    """Return an HS256 token with any header, valid or not."""
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_base64url(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Request:
    """A request to send; a body of several parts is sent in chunks."""

    headers: Headers = ()
    body: bytes | tuple[bytes, ...] = BODY
    method: str = "POST"

    def chunked(self, size: int = 65_536) -> Self:
        """Return the same request in chunks."""
        whole = b"".join(self.body) if isinstance(self.body, tuple) else self.body
        return replace(self, body=tuple(whole[at : at + size] for at in range(0, len(whole), size)))

    def plus(self, *headers: tuple[str, str]) -> Self:
        """Return the same request with more headers."""
        return replace(self, headers=(*self.headers, *headers))


def by_secret(
    body: bytes = BODY,
    *,
    secret: str = SECRET,
    ahead_s: float = 0,
    header: Mapping[str, Any] | None = None,
    without: str = "",
    **claims: Any,
) -> Request:
    """Return a request signed with a secret, ``ahead_s`` from now, with claims changed or left out."""
    made = {**secret_claims(body, now=time.time() + ahead_s), **claims}
    made.pop(without, None)
    token = compact({"alg": "HS256", "typ": "JWT", **(header or {})}, made, secret)
    return Request([(SECRET_HEADER, token)], body)


@dataclass
class Outcome:
    """The result of one request: its answer, the messages in both topics, and how long it took."""

    answer: Answer
    messages: list[Recorded]
    seconds: float
    trace: str
    traceparent: str


@dataclass
class Stage:
    """A function and its surroundings; it has a ``topic`` and a ``rejected_topic`` of its own."""

    function: Function
    pubsub: EmbeddedPubSub
    record: RecordReader
    issuer: Issuer
    topic: str
    rejected_topic: str
    tokens: list[str] = field(default_factory=list)

    def by_key(
        self,
        body: bytes = BODY,
        *,
        ahead_s: float = 0,
        key: EllipticCurvePrivateKey | None = None,
        key_id: str = "",
        **claims: Any,
    ) -> Request:
        """Return a request signed as DT does for the organization, or with another key or changed claims."""
        now = time.time() + ahead_s
        made = {
            **organization_claims(body, now=now, issuer=self.issuer.url, organization_id=ORGANIZATION_ID),
            **claims,
        }
        token = sign_with_key(made, key, key_id or self.issuer.key_id) if key else self.issuer.sign(made)
        return Request([(ORGANIZATION_HEADER, token)], body)

    def send(self, request: Request, *, traced: bool = True) -> Outcome:
        """Send a request with a trace of its own, and return its result."""
        trace, traceparent = new_trace()
        headers = [*request.headers, ("traceparent", traceparent)] if traced else request.headers
        self.tokens += [value for name, value in request.headers if "signature" in name.lower()]
        before = len(self.messages())
        began_at = time.monotonic()
        answer = self.function.send(headers, request.body, request.method)
        seconds = time.monotonic() - began_at
        return Outcome(answer, self.messages()[before:], seconds, trace, traceparent)

    def messages(self) -> list[Recorded]:
        """Return all messages in both topics."""
        return [message for message in self.record.messages() if message.topic in (self.topic, self.rejected_topic)]

    def calls(self) -> int:
        """Return how many times the function has called Publish."""
        return self.pubsub.publish_calls(self.topic) + self.pubsub.publish_calls(self.rejected_topic)


@dataclass(frozen=True)
class Surroundings:
    """A Pub/Sub with a record, and an issuer, that several functions can share."""

    pubsub: EmbeddedPubSub
    record: Path
    issuer: Issuer

    @contextmanager
    def stage(
        self,
        entry_point: str,
        home: Path,
        settings: Mapping[str, str],
        source: Path = ROOT / "main.py",
        kind: type[Function] = Function,
    ) -> Iterator[Stage]:
        """Start a function with topics of its own and these settings; empty settings are left out."""
        name = uuid4().hex
        topics = {kind: f"projects/p/topics/{kind}-{name}" for kind in ("events", "rejected")}
        for topic in topics.values():
            self.pubsub.create_topic(topic)
        environ = {
            "PUBSUB_TOPIC": topics["events"],
            "PUBSUB_REJECTED_TOPIC": topics["rejected"],
            "PUBSUB_EMULATOR_HOST": self.pubsub.host,
            **settings,
        }
        given = {name: value for name, value in environ.items() if value}
        with kind(entry_point, given, home, source) as function:
            reader = RecordReader(self.record)
            yield Stage(function, self.pubsub, reader, self.issuer, topics["events"], topics["rejected"])

    @property
    def every_scheme(self) -> dict[str, str]:
        """Return settings with both schemes, an allow-list, labels, a second for a publish, and all log lines."""
        return {
            "DT_SIGNATURE_SECRET": f"{SECRET}\n{OLDER_SECRET}\n",
            "DT_ORGANIZATION_ID": ORGANIZATION_ID,
            "DT_ISSUER": self.issuer.url,
            "DT_PROJECT_IDS": PROJECT_ID,
            "LABEL_ATTRIBUTES": "name,room",
            "PUBLISH_TIMEOUT_SECONDS": "1",
            "LOG_LEVEL": "DEBUG",
        }


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    """Start a Pub/Sub and an issuer."""
    record = folder / "acknowledged.jsonl"
    with EmbeddedPubSub(record=record) as pubsub, Issuer() as issuer:
        yield Surroundings(pubsub, record, issuer)


def rejected_attributes(body: bytes, reason: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a rejected message, without ``receivedAt`` and the ``contract``."""
    return {"reason": reason, "bodySha256": hashlib.sha256(body).hexdigest(), **known}
