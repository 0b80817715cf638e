"""Token, body, secrets or key, and the time -> a verified body, or one ``ProofError``. Pure.

DT signs each request with one or two JSON Web Signatures in compact form (RFC 7515 §3.1), whose claims hold the
SHA-256 of the exact body:

* ``X-Dt-Signature``: HS256, made with the Data Connector's signature secret, valid for an hour;
* ``DT-Asymmetric-Signature``: ES256, made with a key of DT's own, ``sub`` = organization id, valid for 5 minutes.

The checks follow RFC 8725: the algorithm is fixed by the header field, not chosen by the token, and nothing is
believed before the signature has been verified. Parsing is stricter than any JWT library's: canonical base64url,
no member twice, no ``crit``, no key inside the token, numbers for the times.

``iat`` and ``exp`` are needed, and may have fractions (RFC 7519 §2, NumericDate). ``nbf``, which DT does not send, is
honoured if it is there. ``aud`` is not looked at: whom a token is for is told by the secret, which only one connector
has, or by ``sub``; so an audience that DT may add one day costs no event.
"""

import binascii
import functools
import hashlib
import hmac
import math
from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from function.errors import ChecksumMismatch, ClockBehind, SignatureInvalid
from function.strict_json import read_object

MAX_TOKEN_BYTES = 4096
"""DT's tokens have about 400 bytes. What is longer is not even parsed."""

MAX_LIFETIME_S = 7200
"""Seconds from ``iat`` to ``exp``. DT's tokens live 3600 or 300."""

_FORBIDDEN_HEADERS = frozenset({"crit", "b64", "jwk", "jku", "x5u", "x5c", "zip"})
"""Members that change how a token is read, or bring a key of its own; DT's tokens have none of them."""

_BASE64 = bytes.maketrans(b"-_+/=", b"+/   ")
"""base64url to base64, whose own two characters and padding are no base64url (RFC 4648 §5)."""


class Token(Struct, frozen=True):
    """A well-formed token: nothing in it is to be believed until its signature has been verified."""

    signed: bytes
    signature: bytes
    key_id: str
    issuer: object
    subject: object
    issued_at: float
    not_before: float
    expires_at: float
    checksum: str


class Verified(Struct, frozen=True):
    """A body that DT has sent. Only ``Verifier`` makes one, and messages are made of nothing else.

    ``secret_index`` counts from 0, the newest secret; ``None`` if DT's own key proved the body.
    ``expired``: authentic, but older than the token allows.
    """

    body: bytes
    secret_index: int | None
    expired: bool


class PublicKey(Protocol):
    """A key that can tell whether it made a signature."""

    def verify(self, signed: bytes, signature: bytes) -> bool:
        """Whether this key's owner made the signature."""
        ...


def parse_token(text: str, algorithm: str) -> Token:
    """Take a compact token apart, believing nothing.

    Raises:
        SignatureInvalid: it is malformed, made with another algorithm, or lives longer than ``MAX_LIFETIME_S``.

    """
    segments = text.split(".") if len(text) <= MAX_TOKEN_BYTES else ()
    if len(segments) != 3:
        raise SignatureInvalid("not a compact token of three segments")
    key_id = _key_id(segments[0], algorithm)
    claims = _json_object(segments[1])
    issued_at, expires_at = _seconds(claims, "iat"), _seconds(claims, "exp")
    if not issued_at < expires_at <= issued_at + MAX_LIFETIME_S:
        raise SignatureInvalid(f"not valid for up to {MAX_LIFETIME_S} seconds")
    checksum = claims.get("checksum_sha256")
    if not isinstance(checksum, str):
        raise SignatureInvalid("no checksum_sha256")
    return Token(
        signed=f"{segments[0]}.{segments[1]}".encode(),
        signature=_base64url(segments[2]),
        key_id=key_id,
        issuer=claims.get("iss"),
        subject=claims.get("sub"),
        issued_at=issued_at,
        not_before=_seconds(claims, "nbf") if "nbf" in claims else issued_at,
        expires_at=expires_at,
        checksum=checksum,
    )


def verify_secret(token: Token, secrets: Sequence[bytes]) -> int:
    """Find the secret that made an HS256 token, in constant time for each, and give its index.

    Raises:
        SignatureInvalid: none of them did.

    """
    for index, secret in enumerate(secrets):
        if hmac.compare_digest(hmac.digest(secret, token.signed, "sha256"), token.signature):
            return index
    raise SignatureInvalid("made with none of our secrets")


def verify_key(token: Token, key: PublicKey) -> None:
    """Check an ES256 token against the key that its ``kid`` names.

    Raises:
        SignatureInvalid: the key did not make it.

    """
    if not key.verify(token.signed, token.signature):
        raise SignatureInvalid("not made with the key that it names")


def verify_body(token: Token, body: bytes, *, now: float, leeway_s: int) -> bool:
    """Check that a token of proven origin was made for this body, and say whether it has expired.

    ``now`` is in seconds since the UTC epoch. ``iat``, ``nbf`` and ``exp`` are all given the leeway.

    Raises:
        ChecksumMismatch: the token was made for another body.
        ClockBehind: the token was issued in our future, or is not valid yet.

    """
    digest = hashlib.sha256(body).hexdigest().encode()
    if not hmac.compare_digest(digest, token.checksum.encode("utf-8", "replace")):
        raise ChecksumMismatch("the body's SHA-256 is not the one in the token")
    if token.issued_at > now + leeway_s:
        raise ClockBehind(f"issued more than {leeway_s} s ahead of our clock")
    if token.not_before > now + leeway_s:
        raise ClockBehind(f"valid only from more than {leeway_s} s ahead of our clock")
    return token.expires_at <= now - leeway_s


@functools.lru_cache(maxsize=8)  # DT's tokens all have the same header, or one for each of its keys
def _key_id(segment: str, algorithm: str) -> str:
    """Check a header, and give the id of the key that it names, if it does."""
    header = _json_object(segment)
    key_id = header.get("kid", "")
    if header.get("alg") != algorithm:
        raise SignatureInvalid(f"the algorithm is not {algorithm}")
    if _FORBIDDEN_HEADERS & header.keys() or not isinstance(key_id, str):
        raise SignatureInvalid("a header member that no token of DT has")
    return key_id


def _json_object(segment: str) -> dict[str, Any]:
    try:
        return read_object(_base64url(segment), unique_members=True)
    except ValueError as error:
        raise SignatureInvalid("a segment is not one strict JSON object") from error


def _base64url(segment: str) -> bytes:
    """Decode; whatever would not be encoded back to the very same text is refused."""
    try:
        padded = segment.encode().translate(_BASE64) + b"=" * (-len(segment) % 4)
        data = binascii.a2b_base64(padded)
    except ValueError as error:
        raise SignatureInvalid("a segment is not base64url") from error
    if binascii.b2a_base64(data, newline=False) != padded:
        raise SignatureInvalid("a segment is not canonical base64url")
    return data


def _seconds(claims: dict[str, Any], name: str) -> float:
    """Return a NumericDate, a whole number or a finite fraction of seconds (RFC 7519 §2)."""
    value = claims.get(name)
    if type(value) is int or (type(value) is float and math.isfinite(value)):  # bool is an int as well
        return value
    raise SignatureInvalid(f"{name} is not a number of seconds")
