"""Requests to the deployed function, signed as DT signs them."""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from deploy.resources.alert_definitions import PROBE
from deploy.secret import Secret

SIGNATURE_HEADER = "X-Dt-Signature"
EXECUTION_HEADER = "Function-Execution-Id"
"""The header with the request's id in the log, which functions-framework makes if a request has none."""

SIGNED_FOR_S = 3600
"""Seconds until a signature expires; DT's signatures have the same lifetime."""


class Answer(NamedTuple):
    """Status and body of an answer; the status is 0 if there was none. ``retry_after_s``: its ``Retry-After``, or 0."""

    status: int
    text: str
    retry_after_s: float = 0.0


Origin = Literal["replay", "backfill"]
"""Which command of an operator sends an event. The function puts it on the message as the attribute ``origin``."""

Post = Callable[[str, bytes, Mapping[str, str]], Answer]
"""URL, body and headers of a request -> its answer."""


@dataclass(frozen=True, slots=True)
class FunctionClient:
    """One deployed function."""

    url: str
    post: Post
    now: Callable[[], float]

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body without a signature."""
        return self.post(self.url, body, headers)

    def send_unsigned_probe(self) -> Answer:
        """Post a request that the function has to refuse, with an execution id that says whose it is."""
        return self.send(b"{}", {"Content-Type": "application/json", EXECUTION_HEADER: _probe_id()})

    def send_signed(
        self, body: bytes, secret: Secret, *, signed_body: bytes | None = None, origin: Origin | None = None
    ) -> Answer:
        """Post a body with a signature. ``signed_body``: another body, which is signed instead of the posted one.

        Then the request has an execution id that tells its log line apart from that of an attack. ``origin``: which
        command of an operator sends the event; DT itself signs no such claim.
        """
        signed = claims(body if signed_body is None else signed_body, self.now(), origin)
        named = {} if signed_body is None else {EXECUTION_HEADER: _probe_id()}
        return self.send(body, {SIGNATURE_HEADER: sign(signed, secret), **named})

    def probe(self, secret: Secret, origin: str) -> Answer:
        """Post a body with the signature of another one, so that nothing is published.

        The answer is 401 ``checksum`` if the function knows the secret and accepts the origin, or knows no origins at
        all, and 401 ``signature`` if not: it checks the claims of a token before the body.
        """
        signed = claims(b"another body", self.now(), origin)
        return self.send(b"{}", {SIGNATURE_HEADER: sign(signed, secret), EXECUTION_HEADER: _probe_id()})


def claims(body: bytes, now: float, origin: str | None = None) -> dict[str, Any]:
    """Return the claims that DT would sign for a body, and ``origin`` if a command of an operator sends it."""
    digest = hashlib.sha256(body).hexdigest()
    signed = {"checksum_sha256": digest, "iat": int(now), "exp": int(now) + SIGNED_FOR_S, "jti": secrets.token_hex(10)}
    return signed if origin is None else {**signed, "origin": origin}


def sign(payload: Mapping[str, Any], secret: Secret) -> str:
    """Return claims as an HS256 token, the value of DT's header ``X-Dt-Signature``."""
    head = f"{_HS256}.{_base64url(json.dumps(dict(payload)).encode())}"
    return f"{head}.{_base64url(hmac.digest(secret.reveal().encode(), head.encode(), 'sha256'))}"


def _probe_id() -> str:
    return f"{PROBE}-{secrets.token_hex(6)}"


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


_HS256 = _base64url(b'{"alg": "HS256", "typ": "JWT"}')
