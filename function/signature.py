"""Token, body, secrets or key, and time -> a verified body, or one ``ProofError``. Pure.

DT signs each request with one or two JSON Web Signatures in compact form (RFC 7515 §3.1), whose claims hold the
SHA-256 of the exact body:

* ``X-Dt-Signature``: HS256, made with the Data Connector's signature secret, valid for an hour;
* ``DT-Asymmetric-Signature``: ES256, made with a key of DT's own, ``sub`` = organization id, valid for 5 minutes.

The checks follow RFC 8725: the header field fixes the algorithm, so the token cannot choose it, and no claim is trusted
before the signature has been verified. The parser is stricter than that of JWT libraries: it accepts only canonical
base64url, no repeated member, no ``crit``, no key inside the token, and only numbers as times.

``origin`` is a claim of an operator's requests (docs/messages.md). DT does not send it.

``iat`` and ``exp`` are required, and may have fractions (RFC 7519 §2, NumericDate). ``nbf``, which DT does not send, is
checked if it is present. ``aud`` is ignored, because the secret, which only one connector has, or ``sub`` already
identifies the recipient. So no event is lost if DT adds an audience one day.
"""

import binascii
import functools
import hashlib
import hmac
import math
from collections.abc import Sequence
from typing import Any, Literal, Protocol, get_args

from msgspec import Struct

from function.errors import ChecksumMismatch, ClockBehind, SignatureInvalid
from function.strict_json import read_object

MAX_TOKEN_BYTES = 4096
"""A longer token is not parsed. DT's tokens have about 400 bytes."""

MAX_LIFETIME_S = 7200
"""Maximum seconds from ``iat`` to ``exp``. DT's tokens are valid for 3600 or 300."""

Origin = Literal["replay", "backfill"]
"""The command of an operator that sends an event. An event that DT delivers has no origin."""

ORIGINS: tuple[Origin, ...] = get_args(Origin)

_FORBIDDEN_HEADERS = frozenset({"crit", "b64", "jwk", "jku", "x5u", "x5c", "zip"})
"""Header members that change how a token is read, or contain a key. DT's tokens do not have them."""

_BASE64 = bytes.maketrans(b"-_+/=", b"+/   ")
"""base64url -> base64. ``+``, ``/`` and ``=`` become invalid, because base64url does not have them (RFC 4648 §5)."""


class Token(Struct, frozen=True):
    """A well-formed token. Its content must not be trusted until the signature has been verified.

    The times are in seconds since the UTC epoch. ``checksum`` is the hexadecimal SHA-256 of the body. ``origin`` is
    None in every token of ``DT-Asymmetric-Signature``, because only a person who has the secret is an operator.
    """

    signed: bytes
    signature: bytes
    key_id: str
    issuer: object
    subject: object
    issued_at: float
    not_before: float
    expires_at: float
    checksum: str
    origin: Origin | None = None


class Verified(Struct, frozen=True):
    """A body that DT has sent. Only ``Verifier`` makes one, and every message is made from one.

    ``secret_index`` counts from 0, the newest secret. It is None if DT's own key proved the body.
    ``expired``: the body is authentic, but the token has expired. ``origin``: that of the token that proved the body.
    """

    body: bytes
    secret_index: int | None
    expired: bool
    origin: Origin | None = None


class PublicKey(Protocol):
    """A public key that verifies signatures."""

    def verify(self, signed: bytes, signature: bytes) -> bool:
        """Return whether the owner of this key made the signature of ``signed``."""
        ...


def parse_token(text: str, algorithm: str) -> Token:
    """Return the parts of a compact token. Nothing is verified.

    Raises:
        SignatureInvalid: the token is malformed, has another algorithm, is valid longer than ``MAX_LIFETIME_S``, or was
            made with a secret and has an ``origin`` that is not one of ``ORIGINS``.

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
        origin=_origin(claims["origin"]) if "origin" in claims and algorithm == "HS256" else None,
    )


def verify_secret(token: Token, secrets: Sequence[bytes]) -> int:
    """Return the index of the secret that made an HS256 token. Each comparison takes constant time.

    Raises:
        SignatureInvalid: no secret made the token.

    """
    for index, secret in enumerate(secrets):
        if hmac.compare_digest(hmac.digest(secret, token.signed, "sha256"), token.signature):
            return index
    raise SignatureInvalid("made with none of our secrets")


def verify_key(token: Token, key: PublicKey) -> None:
    """Check the signature of an ES256 token with the key that its ``kid`` names.

    Raises:
        SignatureInvalid: the token was not made with this key.

    """
    if not key.verify(token.signed, token.signature):
        raise SignatureInvalid("not made with the key that it names")


def verify_body(token: Token, body: bytes, *, now: float, leeway_s: int) -> bool:
    """Check that a token of proven origin was made for this body, and return whether it has expired.

    ``now`` is in seconds since the UTC epoch. The leeway applies to ``iat``, ``nbf`` and ``exp``.

    Raises:
        ChecksumMismatch: the token was made for another body.
        ClockBehind: the token was issued in the future of this clock, or is not valid yet.

    """
    digest = hashlib.sha256(body).hexdigest().encode()
    if not hmac.compare_digest(digest, token.checksum.encode("utf-8", "replace")):
        raise ChecksumMismatch("the body's SHA-256 is not the one in the token")
    if token.issued_at > now + leeway_s:
        raise ClockBehind(f"issued more than {leeway_s} s ahead of our clock")
    if token.not_before > now + leeway_s:
        raise ClockBehind(f"valid only from more than {leeway_s} s ahead of our clock")
    return token.expires_at <= now - leeway_s


@functools.lru_cache(maxsize=8)  # DT's tokens have one header for secrets and one for each key
def _key_id(segment: str, algorithm: str) -> str:
    """Check a header, and return its key id, or "" if it has none."""
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
    """Decode canonical base64url: encoding the result must give exactly the same text. Raises SignatureInvalid."""
    try:
        padded = segment.encode().translate(_BASE64) + b"=" * (-len(segment) % 4)
        data = binascii.a2b_base64(padded)
    except ValueError as error:
        raise SignatureInvalid("a segment is not base64url") from error
    if binascii.b2a_base64(data, newline=False) != padded:
        raise SignatureInvalid("a segment is not canonical base64url")
    return data


def _seconds(claims: dict[str, Any], name: str) -> float:
    """Return a NumericDate: seconds since the UTC epoch, whole or with a fraction, and finite (RFC 7519 §2)."""
    value = claims.get(name)
    # `type`, because a bool is an instance of int
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    raise SignatureInvalid(f"{name} is not a number of seconds")


def _origin(value: object) -> Origin:
    """Return the value of the claim ``origin``. Raises SignatureInvalid if it is not one of ``ORIGINS``."""
    for origin in ORIGINS:
        if value == origin:
            return origin
    raise SignatureInvalid(f"origin is not {' or '.join(ORIGINS)}")
