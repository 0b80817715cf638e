"""Signs bodies as DT's cloud does. It uses a JWT library, so that the function's own parsing of tokens is tested.

Claims and lifetimes: https://docs.developer.disruptive-technologies.com/docs/data-connectors/receiving-events
"""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SECRET_HEADER = "X-Dt-Signature"  # a header's name
ORGANIZATION_HEADER = "DT-Asymmetric-Signature"


def secret_claims(body: bytes, *, now: float) -> dict[str, Any]:
    """Return the claims of an ``X-Dt-Signature`` made at ``now`` (seconds since 1970), which is valid for an hour."""
    issued_at = int(now)
    return {
        "checksum": hashlib.sha1(body, usedforsecurity=False).hexdigest(),
        "checksum_sha256": hashlib.sha256(body).hexdigest(),
        "exp": issued_at + 3600,
        "iat": issued_at,
        "jti": uuid4().hex[:20],
    }


def signed_headers(body: bytes, secret: str, *, now: float) -> dict[str, str]:
    """Return the headers of a request with this body, as DT sends it at ``now`` (seconds since 1970)."""
    return {"Content-Type": "application/json", SECRET_HEADER: sign_with_secret(secret_claims(body, now=now), secret)}


def organization_claims(body: bytes, *, now: float, issuer: str, organization_id: str) -> dict[str, Any]:
    """Return the claims of a ``DT-Asymmetric-Signature`` made at ``now``, which is valid for five minutes."""
    issued_at = int(now)
    return {
        "checksum_sha256": hashlib.sha256(body).hexdigest(),
        "exp": issued_at + 300,
        "iat": issued_at,
        "iss": issuer,
        "sub": organization_id,
    }


def sign_with_secret(claims: Mapping[str, Any], secret: str) -> str:
    """Return an HS256 token."""
    return jwt.encode(dict(claims), secret, algorithm="HS256")


def sign_with_key(claims: Mapping[str, Any], key: EllipticCurvePrivateKey, key_id: str) -> str:
    """Return an ES256 token, signed with a private key on P-256."""
    return jwt.encode(dict(claims), key, algorithm="ES256", headers={"kid": key_id})
