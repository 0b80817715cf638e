"""Finds the configured scheme, and the secret or key, that prove a request.

One scheme that verifies in full is sufficient. The secret is tried first, because then no keys have to be fetched.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from function.errors import (
    ChecksumMismatch,
    ClockBehind,
    KeysUnavailable,
    ProofError,
    SignatureInvalid,
    Unsigned,
)
from function.signature import (
    MAX_TOKEN_BYTES,
    PublicKey,
    Token,
    Verified,
    parse_token,
    verify_body,
    verify_key,
    verify_secret,
)

_PRECEDENCE = (SignatureInvalid, ChecksumMismatch, ClockBehind, KeysUnavailable)
"""If both schemes fail, the error furthest right is raised, so that a transient error does not look like a forgery."""


class Secrets(Protocol):
    """Holds the secrets. ``SecretSource`` is the implementation of production."""

    async def secrets(self) -> Sequence[bytes]:
        """Return the secrets, newest first. Raises KeysUnavailable."""
        ...

    async def secrets_after_miss(self) -> Sequence[bytes]:
        """Return the secrets after a signature that none of them made. Raises KeysUnavailable."""
        ...


class Keys(Protocol):
    """Holds DT's public keys. ``KeySource`` is the implementation of production."""

    async def key(self, key_id: str) -> PublicKey:
        """Return the key of this id. Raises SignatureInvalid if there is none, or KeysUnavailable."""
        ...


class Scheme(Protocol):
    """One way to sign requests. ``header`` is the lower-case name of the header that has the token."""

    header: str

    async def authenticate(self, text: str) -> tuple[Token, int | None]:
        """Return the token of proven origin, and the index of its secret or None. Raises ProofError."""
        ...


class SecretScheme:
    """``X-Dt-Signature``: made with a secret that DT and the function share."""

    header = "x-dt-signature"

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def authenticate(self, text: str) -> tuple[Token, int | None]:
        """Prove that the token was made with one of the secrets. Return the token and the index of the secret."""
        token = parse_token(text, "HS256")
        try:
            return token, verify_secret(token, await self._secrets.secrets())
        except SignatureInvalid:
            return token, verify_secret(token, await self._secrets.secrets_after_miss())


class OrganizationScheme:
    """``DT-Asymmetric-Signature``: made by DT for one organization."""

    header = "dt-asymmetric-signature"

    def __init__(self, organization_id: str, issuer: str, keys: Keys) -> None:
        self._organization_id = organization_id
        self._issuer = issuer
        self._keys = keys

    async def authenticate(self, text: str) -> tuple[Token, int | None]:
        """Prove that DT made the token for this organization, because DT also signs for its other customers."""
        token = parse_token(text, "ES256")
        if token.issuer != self._issuer or token.subject != self._organization_id:
            raise SignatureInvalid("another issuer's token, or another organization's")
        if not token.key_id:
            raise SignatureInvalid("the token names no key")
        verify_key(token, await self._keys.key(token.key_id))
        return token, None


Tokens: TypeAlias = Sequence[tuple[Scheme, str]]
"""The configured schemes whose token a request has, each with its unparsed token."""


class Authentic(Struct, frozen=True):
    """A token of proven origin. If it was made for another body, the tokens of ``rest`` are tried.

    ``failures`` are the errors of the tokens that were tried before.
    """

    token: Token
    secret_index: int | None
    rest: Tokens
    failures: tuple[ProofError, ...]


class Verifier:
    """Proves requests by the configured schemes, in this order. ``now`` returns seconds since the UTC epoch."""

    def __init__(self, schemes: Sequence[Scheme], *, now: Callable[[], float], leeway_s: int) -> None:
        self._schemes = schemes
        self._now = now
        self._leeway_s = leeway_s

    def tokens(self, headers: Mapping[str, Sequence[str]]) -> Tokens:
        """Return the configured schemes' tokens from the headers (names in lower case), without parsing them.

        Raises:
            Unsigned: there is no token, or only repeated ones or ones over ``MAX_TOKEN_BYTES``.

        """
        tokens = [(scheme, token) for scheme in self._schemes if (token := _single(headers.get(scheme.header, ())))]
        if not tokens:
            raise Unsigned("no signature header that is there once and short enough")
        return tokens

    async def authenticate(self, tokens: Tokens, failures: tuple[ProofError, ...] = ()) -> Authentic:
        """Return the first token that DT made for the customer. The body, which may be large, is not needed.

        Raises:
            ProofError: there is no such token. Of several errors, ``failures`` included, ``_PRECEDENCE`` chooses one.

        """
        rest = iter(tokens)
        for scheme, text in rest:
            try:
                token, secret_index = await scheme.authenticate(text)
            except ProofError as failure:
                failures = (*failures, failure)
            else:
                return Authentic(token, secret_index, tuple(rest), failures)
        raise max(failures, key=lambda failure: _PRECEDENCE.index(type(failure)))

    def proves(self, authentic: Authentic, body: bytes) -> Verified | None:
        """Return the verified body if this token is for it and has not expired. If None, call `verify_body`."""
        try:
            is_expired = verify_body(authentic.token, body, now=self._now(), leeway_s=self._leeway_s)
        except ProofError:
            return None
        if is_expired:
            return None
        return Verified(body, authentic.secret_index, expired=False, origin=authentic.token.origin)

    async def verify_body(self, authentic: Authentic, body: bytes) -> Verified:
        """Return the body, verified by this token or by one of the remaining tokens.

        The first token that has not expired decides on the index of the secret and on the origin. If all have expired,
        the first one does.

        Raises:
            ProofError: no scheme verifies in full. Of several errors, ``_PRECEDENCE`` chooses one.

        """
        expired: Verified | None = None
        while True:
            failures = authentic.failures
            try:
                is_expired = verify_body(authentic.token, body, now=self._now(), leeway_s=self._leeway_s)
            except ProofError as failure:
                failures = (*failures, failure)
            else:
                token = authentic.token
                verified = Verified(body, authentic.secret_index, expired=is_expired, origin=token.origin)
                if not is_expired:
                    return verified
                expired = expired or verified
            try:
                if expired and not authentic.rest:
                    return expired
                authentic = await self.authenticate(authentic.rest, failures)
            except ProofError:
                if expired:
                    return expired
                raise


def _single(values: Sequence[str]) -> str | None:
    """Return the value of a header that occurs once and is not too long. WSGI servers join repeated ones by commas."""
    if len(values) != 1 or len(values[0]) > MAX_TOKEN_BYTES or "," in values[0]:
        return None
    return values[0]
