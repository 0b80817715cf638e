"""``identity.disruptive-technologies.com``: access tokens by RFC 7523, and the public keys of signed deliveries.

https://docs.developer.disruptive-technologies.com/docs/authentication/oauth2
"""

import base64
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qs

import jwt
from jwt.algorithms import ECAlgorithm

from tests.emulators.clouds.dt.problems import Refusal
from tests.emulators.clouds.dt.tenant import Tenant
from tests.emulators.clouds.dt.xid import new_xid
from tests.emulators.clouds.exchange import Answer, Json, Request
from tests.emulators.issuer import new_key
from tests.emulators.signing import organization_claims, sign_with_key

HOST = "identity.disruptive-technologies.com"
TOKEN_ENDPOINT = f"https://{HOST}/oauth2/token"
ISSUER = f"https://{HOST}/data-connector"
DISCOVERY = "/data-connector/.well-known/openid-configuration"
KEY_SET = "/data-connector/jwks"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME_S = 3600


class Identity:
    """Issues and checks access tokens of callers, and signs deliveries with DT's key."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._tokens: dict[str, float] = {}
        self._key_id = new_xid()
        self._key = new_key()

    def answer(self, request: Request) -> Answer:
        """Answer a request to the identity host."""
        if (request.method, request.path) == ("POST", "/oauth2/token"):
            return Answer.of(self._exchange(request))
        documents = {DISCOVERY: self._discovery, KEY_SET: self._key_set}
        if request.method == "GET" and request.path in documents:
            return Answer.of(documents[request.path]())
        return Answer(404, b"{}", {"Content-Type": "application/json"}, is_played=False)

    def check_caller(self, authorization: str) -> None:
        """Refuse a call without a valid token that was issued here."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "bearer" and self._tokens.get(given, 0.0) > time.time():
            return
        if scheme.lower() == "basic" and self._tenant.is_basic_enabled and given == self._basic():
            return
        raise Refusal(401, "unauthorized: the access token is missing, unknown or expired")

    def sign(self, body: bytes, *, now: float) -> str:
        """Return the ``DT-Asymmetric-Signature`` of a body."""
        claims = organization_claims(body, now=now, issuer=ISSUER, organization_id=self._tenant.organization)
        return sign_with_key(claims, self._key, self._key_id)

    def _exchange(self, request: Request) -> Json:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise _bad("invalid_request: the body has to be application/x-www-form-urlencoded")
        form = parse_qs(request.body.decode("utf-8", "replace"))
        if form.get("grant_type") != [GRANT_TYPE]:
            raise _bad(f"unsupported_grant_type: it has to be {GRANT_TYPE}")
        self._check_assertion(form.get("assertion", [""])[0])
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.time() + LIFETIME_S
        return {"access_token": token, "token_type": "bearer", "expires_in": LIFETIME_S}

    def _check_assertion(self, assertion: str) -> None:
        try:
            header = jwt.get_unverified_header(assertion)
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self._tenant.secret,
                algorithms=["HS256"],
                audience=TOKEN_ENDPOINT,
                issuer=self._tenant.email,
                options={"require": ["iat", "exp", "aud", "iss"]},
            )
        except jwt.InvalidTokenError as error:
            raise _bad(f"invalid_grant: {error}") from error
        if header.get("kid") != self._tenant.key_id:
            raise _bad("invalid_grant: unknown key id")
        if claims["exp"] - claims["iat"] > LIFETIME_S:
            raise _bad("invalid_grant: exp is more than an hour after iat")

    def _basic(self) -> str:
        return base64.b64encode(f"{self._tenant.key_id}:{self._tenant.secret}".encode()).decode()

    def _discovery(self) -> Json:
        return {
            "issuer": ISSUER,
            "jwks_uri": f"https://{HOST}{KEY_SET}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def _key_set(self) -> Json:
        public: Json = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**public, "kid": self._key_id, "use": "sig", "alg": "ES256"}]}


def _bad(error: str) -> Refusal:
    return Refusal(400, error)
