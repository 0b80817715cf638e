"""Valid settings, events, tokens and requests, in which a test can change members."""

import base64
import hashlib
import hmac
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import hypothesis
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from function.errors import BodyTooLarge
from function.http import Request
from function.log import Log, RequestContext
from function.outcomes import INTERNAL
from function.settings import PRODUCTION_ISSUER, Settings
from function.signature import Verified
from function.verifier import Verifier
from tests.emulators import events, signing

NOW = 1_760_000_000
"""The time of all tests, in seconds since the UTC epoch."""
AT = datetime.fromtimestamp(NOW, UTC)

SECRET = "the-newest-secret-of-the-data-connector"
OLD_SECRET = "a-secret-that-is-about-to-be-rotated-out"
WRONG_SECRET = "a-secret-that-nobody-has-ever-configured"
ORGANIZATION_ID = "ch4r7s9k2r7g00fq5b1g"
ISSUER = PRODUCTION_ISSUER
KEY_ID = "key-of-2026"
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGERS_KEY = ec.generate_private_key(ec.SECP256R1())

TOPIC = "projects/demo/topics/events"
REJECTED_TOPIC = "projects/demo/topics/rejected"

ABSENT: Any = object()
"""A change to this value removes the member."""

EXAMPLES = int(os.environ.get("EXAMPLES", "150"))
"""Examples of each property test. Mutation testing sets fewer, because it runs each property hundreds of times."""

thorough = hypothesis.settings(
    deadline=None, database=None, max_examples=EXAMPLES, derandomize="EXAMPLES" in os.environ
)


def _changed(valid: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**valid, **changes}.items() if value is not ABSENT}


def environ(**changes: str) -> dict[str, str]:
    """Return the environment of a function with one secret."""
    valid = {"PUBSUB_TOPIC": TOPIC, "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC, "DT_SIGNATURE_SECRET": SECRET}
    return _changed(valid, changes)


def settings(**changes: str) -> Settings:
    """Return the settings of that environment."""
    return Settings.from_environ(environ(**changes))


async def prove(verifier: Verifier, headers: Mapping[str, Sequence[str]], body: bytes) -> Verified:
    """Return the verified body, in the receiver's order: the head is checked first, then the body."""
    authentic = await verifier.authenticate(verifier.tokens(headers))
    return verifier.proves(authentic, body) or await verifier.verify_body(authentic, body)


def verified(body: bytes) -> Verified:
    """Return a body that the newest secret has proven."""
    return Verified(body, secret_index=0, expired=False)


class _Asked(dict[str, str]):
    """An environment that records the names of the variables that were read."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)


def known_settings() -> set[str]:
    """Return the names of the variables that the settings read."""
    asked = _Asked(environ())
    Settings.from_environ(asked)
    return asked.names


def event(event_type: str = "temperature", **changes: Any) -> dict[str, Any]:
    """Return DT's event of a type. The changes apply to the members of ``event``."""
    sample = events.sample_event(event_type, number=7, at=AT)
    return {**sample, "event": _changed(sample["event"], changes)}


def body(event_type: str = "temperature", **changes: Any) -> bytes:
    """Return the bytes of such an event."""
    return events.encode(event(event_type, **changes))


def base64url(data: bytes) -> str:
    """Encode as RFC 7515 requires."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def with_spare_bits(token: str) -> str:
    """Return the token with one of the unused bits of its last character set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def hs256(secret: str | bytes = SECRET, digest: str = "sha256") -> Callable[[bytes], bytes]:
    """Return a function that signs with a secret."""
    key = secret.encode() if isinstance(secret, str) else secret
    return lambda signed: hmac.digest(key, signed, digest)


def es256(key: ec.EllipticCurvePrivateKey = PRIVATE_KEY) -> Callable[[bytes], bytes]:
    """Return a function that signs with a private key."""

    def sign(signed: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign


def forged(header: Any, claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """Return a compact token. A header or claims in bytes are used unchanged."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = ".".join(base64url(part) for part in parts)
    return f"{signed}.{base64url(sign(signed.encode()))}"


def secret_header(**changes: Any) -> dict[str, Any]:
    """Return the header of an HS256 token."""
    return _changed({"typ": "JWT", "alg": "HS256"}, changes)


def secret_claims(content: bytes, **changes: Any) -> dict[str, Any]:
    """Return the claims of an ``X-Dt-Signature`` that is made now."""
    return _changed(signing.secret_claims(content, now=NOW), changes)


def secret_token(content: bytes, secret: str = SECRET, **changes: Any) -> str:
    """Return an ``X-Dt-Signature`` for a body. The changes apply to its claims."""
    return forged(secret_header(), secret_claims(content, **changes), hs256(secret))


def key_header(**changes: Any) -> dict[str, Any]:
    """Return the header of an ES256 token."""
    return _changed({"typ": "JWT", "alg": "ES256", "kid": KEY_ID}, changes)


def key_claims(content: bytes, **changes: Any) -> dict[str, Any]:
    """Return the claims of a ``DT-Asymmetric-Signature`` that is made now."""
    valid = signing.organization_claims(content, now=NOW, issuer=ISSUER, organization_id=ORGANIZATION_ID)
    return _changed(valid, changes)


def key_token(content: bytes, **changes: Any) -> str:
    """Return a ``DT-Asymmetric-Signature`` for a body. The changes apply to its claims."""
    return forged(key_header(), key_claims(content, **changes), es256())


def jwk(key: ec.EllipticCurvePrivateKey = PRIVATE_KEY, **changes: Any) -> dict[str, Any]:
    """Return the public half of a key in the form of RFC 7517."""
    point = key.public_key().public_numbers()
    size = (key.curve.key_size + 7) // 8
    valid = {
        "kty": "EC",
        "crv": "P-256",
        "use": "sig",
        "alg": "ES256",
        "kid": KEY_ID,
        "x": base64url(point.x.to_bytes(size)),
        "y": base64url(point.y.to_bytes(size)),
    }
    return _changed(valid, changes)


def sha256(content: bytes) -> str:
    """Return a body's checksum as DT writes it."""
    return hashlib.sha256(content).hexdigest()


def request(content: bytes, headers: Mapping[str, str | Sequence[str]], *, method: str = "POST") -> Request:
    """Return a request. Like the adapters, it refuses a body over the limit."""

    async def read(limit: int) -> bytes:
        if len(content) > limit:
            raise BodyTooLarge(f"more than {limit} bytes")
        return content

    values = {name: [value] if isinstance(value, str) else list(value) for name, value in headers.items()}
    return Request(method, values, read)


def signed(content: bytes, *, method: str = "POST", **headers: str) -> Request:
    """Return a request that the newest secret proves, with these headers added."""
    return request(content, {"x-dt-signature": secret_token(content), **headers}, method=method)


def logged_failure(error: Exception) -> dict[str, Any]:
    """Return the fields of the log line of a request that failed by this unexpected error."""
    stream = io.BytesIO()
    log = Log(stream, level="INFO", google_project="demo", monotonic=lambda: 0.0)
    log.request(RequestContext(request(b"", {})), INTERNAL, error)
    fields: dict[str, Any] = json.loads(stream.getvalue())
    return fields
