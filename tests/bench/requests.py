"""Requests as DT's Data Connector sends them: signed, encoded as bytes, each with its own body.

This module signs them without a library, in a few microseconds each, because a run needs tens of thousands at once.
``tests/bench/test_bench.py`` verifies them with a library.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from function.event import MAX_MARKS
from tests.emulators.events import SAMPLES, encode, sample_event

SECRET = "the bench's own secret, of 32 bytes and more"
LIFETIME_S = 3600
_EVENT_ID = "EVENT-ID-OF-TEMPLATE"


@dataclass(frozen=True, slots=True)
class Prepared:
    """One request on the wire, and the hexadecimal SHA-256 of its body."""

    wire: bytes
    sha256: str


def prepare(count: int, *, run: str, now: float) -> list[Prepared]:
    """Return requests of DT's event types in turn; ``run`` makes their event ids differ from those of other runs."""
    templates = _templates(now)
    return [_signed(templates[number % len(templates)], f"{run}{number:012x}", int(now)) for number in range(count)]


def prepare_large(size: int, *, run: str, now: float) -> Prepared:
    """Return a request whose body has this many bytes, and about as many commas and brackets as are accepted."""
    before, after = _templates(now)[0]
    event_id, marks = f"{run}{size:012x}", min(MAX_MARKS - 100, size // 8)
    values = b'"values":[' + b"{}," * (marks // 2) + b'{}],"text":"'
    padding = size - len(before) - len(event_id) - len(after) - len(values) - len(b'",')
    return _signed((b"{" + values + b"x" * padding + b'",' + before.removeprefix(b"{"), after), event_id, int(now))


def _templates(now: float) -> list[tuple[bytes, bytes]]:
    """Return a body of each type, split at the place of its event id."""
    bodies = []
    for number, event_type in enumerate(SAMPLES):
        event = sample_event(event_type, number=number, at=datetime.fromtimestamp(now, UTC))
        event["event"]["eventId"] = _EVENT_ID
        before, _, after = encode(event).partition(_EVENT_ID.encode())
        bodies.append((before, after))
    return bodies


def _signed(template: tuple[bytes, bytes], event_id: str, issued_at: int) -> Prepared:
    body = event_id.encode().join(template)
    sha256 = hashlib.sha256(body).hexdigest()
    sha1 = hashlib.sha1(body, usedforsecurity=False).hexdigest()
    claims = (
        f'{{"checksum":"{sha1}","checksum_sha256":"{sha256}",'
        f'"exp":{issued_at + LIFETIME_S},"iat":{issued_at},"jti":"{event_id}"}}'
    )
    signed = _HEADER + b"." + _base64url(claims.encode())
    token = signed + b"." + _base64url(hmac.digest(SECRET.encode(), signed, "sha256"))
    head = (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n"
        b"X-Dt-Signature: %b\r\nContent-Length: %d\r\n\r\n" % (token, len(body))
    )
    return Prepared(head + body, sha256)


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


_HEADER = _base64url(json.dumps({"typ": "JWT", "alg": "HS256"}, separators=(",", ":")).encode())
