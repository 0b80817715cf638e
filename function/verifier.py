"""Which of the configured schemes proves a request, and with which secret or key.

One scheme that verifies in full is proof enough. The secret comes first: a request that it proves fetches no keys.
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
"""When both schemes fail, the error that tells most, last: what may cure itself must not look like a forgery."""


class Secrets(Protocol):
    """Where the secrets come from; ``SecretSource`` is the real one."""

    async def secrets(self) -> Sequence[bytes]:
        """Give the secrets, newest first; raises KeysUnavailable."""
        ...

    async def secrets_after_miss(self) -> Sequence[bytes]:
        """Give them after a signature that none of them made; raises KeysUnavailable."""
        ...


class Keys(Protocol):
    """Where DT's public keys come from; ``KeySource`` is the real one."""

    async def key(self, key_id: str) -> PublicKey:
        """Give the key of this id; raises SignatureInvalid, KeysUnavailable."""
        ...


class Scheme(Protocol):
    """One way to sign: the header that its token comes in, and what proves the token."""

    header: str

    async def authenticate(self, text: str) -> tuple[Token, int | None]:
        """Give the token of proven origin, and the index of the secret that proved it; raises ProofError."""
        ...


class SecretScheme:
    """``X-Dt-Signature``: made with a secret that we share with DT."""

    header = "x-dt-signature"

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def authenticate(self, text: str) -> tuple[Token, int | None]:
        """Prove that a holder of one of our secrets made the token."""
        token = parse_token(text, "HS256")
        try:
            return token, verify_secret(token, await self._secrets.secrets())
        except SignatureInvalid:
            return token, verify_secret(token, await self._secrets.secrets_after_miss())


class OrganizationScheme:
    """``DT-Asymmetric-Signature``: made by DT, for one of its organizations."""

    header = "dt-asymmetric-signature"

    def __init__(self, organization_id: str, issuer: str, keys: Keys) -> None:
        self._organization_id = organization_id
        self._issuer = issuer
        self._keys = keys

    async def authenticate(self, text: str) -> tuple[Token, int | None]:
        """Prove that DT made the token for our organization; DT's other customers can have theirs made, too."""
        token = parse_token(text, "ES256")
        if token.issuer != self._issuer or token.subject != self._organization_id:
            raise SignatureInvalid("another issuer's token, or another organization's")
        if not token.key_id:
            raise SignatureInvalid("the token names no key")
        verify_key(token, await self._keys.key(token.key_id))
        return token, None


Tokens: TypeAlias = Sequence[tuple[Scheme, str]]
"""The configured schemes whose token a request has, each with the token, unread."""


class Authentic(Struct, frozen=True):
    """A token of proven origin, and what is left to try if it was made for another body."""

    token: Token
    secret_index: int | None
    rest: Tokens
    failures: tuple[ProofError, ...]


class Verifier:
    """Proves requests by the configured schemes, in this order. ``now`` gives seconds since the UTC epoch."""

    def __init__(self, schemes: Sequence[Scheme], *, now: Callable[[], float], leeway_s: int) -> None:
        self._schemes = schemes
        self._now = now
        self._leeway_s = leeway_s

    def tokens(self, headers: Mapping[str, Sequence[str]]) -> Tokens:
        """Take the configured schemes' tokens out of the headers (names in lower case), without reading them.

        Raises:
            Unsigned: there is none, or only such as are repeated or over ``MAX_TOKEN_BYTES``.

        """
        tokens = [(scheme, token) for scheme in self._schemes if (token := _single(headers.get(scheme.header, ())))]
        if not tokens:
            raise Unsigned("no signature header that is there once and short enough")
        return tokens

    async def authenticate(self, tokens: Tokens, failures: tuple[ProofError, ...] = ()) -> Authentic:
        """Find a token that DT made for our organization, by the request's head alone: its body may be large.

        Raises:
            ProofError: there is none; of two errors, ``failures`` included, the more telling one.

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
        """Return the proof that this token is for this body, as nearly all are; ``None`` leaves it to `verify_body`."""
        try:
            is_expired = verify_body(authentic.token, body, now=self._now(), leeway_s=self._leeway_s)
        except ProofError:
            return None
        return None if is_expired else Verified(body, authentic.secret_index, expired=False)

    async def verify_body(self, authentic: Authentic, body: bytes) -> Verified:
        """Prove that DT sent this body, by this token or by those that are left.

        Raises:
            ProofError: no scheme verifies in full; of two errors the more telling one.

        """
        expired: Verified | None = None
        while True:
            failures = authentic.failures
            try:
                is_expired = verify_body(authentic.token, body, now=self._now(), leeway_s=self._leeway_s)
            except ProofError as failure:
                failures = (*failures, failure)
            else:
                verified = Verified(body, authentic.secret_index, expired=is_expired)
                if not is_expired:
                    return verified
                expired = verified
            try:
                if expired and not authentic.rest:
                    return expired
                authentic = await self.authenticate(authentic.rest, failures)
            except ProofError:
                if expired:
                    return expired
                raise


def _single(values: Sequence[str]) -> str | None:
    """The value of a header that is there once; WSGI servers join repeated ones by commas."""
    if len(values) != 1 or len(values[0]) > MAX_TOKEN_BYTES or "," in values[0]:
        return None
    return values[0]
