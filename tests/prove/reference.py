"""A second verifier of tokens: joserfc verifies them, msgspec reads the JSON, and the rules are written independently.

This module uses nothing from ``function/``. Compare it with rows 2, 5, 6, 8, 9 and 24 of the decision table.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey
from joserfc.util import urlsafe_b64decode

Verdict = Literal["accepted", "expired", "clock", "checksum", "signature", "unsigned"]
Decision = tuple[Verdict, str | None]
"""A verdict, and which command of an operator sent the event: None if none did, or if the event is refused."""

LONGEST_TOKEN = 4096
LONGEST_LIFE_S = 2 * 60 * 60
NEVER_IN_A_HEADER = ("crit", "b64", "jwk", "jku", "x5u", "x5c", "zip")
"""Header members with a key in the token, or with another way to read it: RFC 8725 §3.5, §3.10, and RFC 7797."""

_FAILURES = (
    JoseError,
    msgspec.DecodeError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
    OverflowError,
)


@dataclass(frozen=True)
class Reference:
    """The configuration: secrets, DT's keys by id, and the issuer and organization of their tokens."""

    secrets: Sequence[OctKey]
    keys: Mapping[str, ECKey]
    issuer: str
    organization_id: str
    leeway_s: int = 60

    def decide(self, header: str, token: str, body: bytes, now: float) -> Decision:
        """Decide on one request by its signature header."""
        if not token or len(token) > LONGEST_TOKEN or "," in token:
            return "unsigned", None
        try:
            claims = self._by_secret(token) if header == "x-dt-signature" else self._by_key(token)
            valid_from, expires_at = _times(claims)
            checksum = claims["checksum_sha256"]
            _hold(isinstance(checksum, str), "a checksum")
            origin = _origin(claims) if header == "x-dt-signature" else None
        except _FAILURES:
            return "signature", None
        if checksum != hashlib.sha256(body).hexdigest():
            return "checksum", None
        if valid_from - self.leeway_s > now:
            return "clock", None
        return "accepted" if now < expires_at + self.leeway_s else "expired", origin

    def _by_secret(self, token: str) -> dict[str, Any]:
        failure: Exception = ValueError("no secret")
        for secret in self.secrets:
            try:
                return _proven(token, secret, "HS256")[1]
            except JoseError as error:
                failure = error
        raise failure

    def _by_key(self, token: str) -> dict[str, Any]:
        key_id = _object(jws.extract_compact(token.encode(), registry=_registry("ES256")).segments["header"])["kid"]
        header, claims = _proven(token, self.keys[key_id], "ES256")
        _hold(header["kid"] == key_id and key_id != "", "a key id")
        _hold(claims["iss"] == self.issuer, "our issuer")
        _hold(claims["sub"] == self.organization_id, "our organization")
        return claims


def _proven(token: str, key: OctKey | ECKey, algorithm: str) -> tuple[dict[str, Any], dict[str, Any]]:
    proven = jws.deserialize_compact(token, key, registry=_registry(algorithm))
    header, claims = _object(proven.segments["header"]), _object(proven.segments["payload"])
    _hold(header["alg"] == algorithm, algorithm)
    _hold(not any(member in header for member in NEVER_IN_A_HEADER), "a plain header")
    return header, claims


def _registry(algorithm: str) -> jws.JWSRegistry:
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = LONGEST_TOKEN
    return registry


def _object(segment: bytes) -> dict[str, Any]:
    """Read one JSON object with msgspec, which is strict except for members that occur twice."""
    text = urlsafe_b64decode(segment)
    value = msgspec.json.decode(text)
    _hold(isinstance(value, dict), "an object")
    json.loads(text, object_pairs_hook=_once)
    return dict(value)


def _once(members: list[tuple[str, object]]) -> None:
    names = [name for name, _ in members]
    _hold(len(names) == len(set(names)), "each member once")


def _origin(claims: Mapping[str, Any]) -> str | None:
    """Return the command that signed the claims, which are DT's own if they do not have this one."""
    if "origin" not in claims:
        return None
    origin: str = msgspec.convert(claims["origin"], Literal["replay", "backfill"])  # raises ValidationError
    return origin


def _times(claims: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """Return from when until when a token is valid, without rounding; ``nbf`` can delay the beginning."""
    issued_at, expires_at = _date(claims["iat"]), _date(claims["exp"])
    _hold(issued_at < expires_at <= issued_at + LONGEST_LIFE_S, "a life of two hours at most")
    return max(issued_at, _date(claims["nbf"])) if "nbf" in claims else issued_at, expires_at


def _date(value: object) -> Fraction:
    """Read a NumericDate of RFC 7519 §2."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number of seconds")
    return Fraction(value)  # raises OverflowError, ValueError for numbers that are not finite


def _hold(condition: bool, wanted: str) -> None:  # noqa: FBT001  # it reads as a sentence
    if not condition:
        raise ValueError(f"not {wanted}")
