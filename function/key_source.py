"""DT's public keys for ``DT-Asymmetric-Signature``, found by OpenID Connect discovery and cached.

The issuer's discovery document (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig) names its
key set (RFC 7517). Nothing that either document says is followed blindly: no redirect, no URL but https, no other
issuer, no key but ES256's, and no document beyond 64 KiB or two seconds.
"""

import asyncio
import contextlib
import http.client
import math
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm

from function.errors import KeysUnavailable, SignatureInvalid
from function.settings_parsers import trusted_url
from function.signature import PublicKey
from function.strict_json import read_object
from function.threads import in_daemon_thread

KEEP_S = 900.0
"""Seconds that a fetched key set is good for; when a refresh fails it is kept for longer."""

UNKNOWN_KEY_S = 60.0
"""Seconds between fetches for the sake of a key id that the key set does not hold, or of a set grown old."""

RETRY_S = 1.0
"""Seconds between attempts while there is no key set at all."""

FETCH_TIMEOUT_S = 2.0
"""Seconds for both documents together."""

MAX_DOCUMENT_BYTES = 65_536

Fetch = Callable[[str], Awaitable[bytes]]
"""URL -> document. Raises OSError, or ValueError for one that is not to be read."""


@dataclass(frozen=True, slots=True)
class Es256Key:
    """A public key on the curve P-256."""

    key: Any

    def verify(self, signed: bytes, signature: bytes) -> bool:
        """Whether the key's owner made the signature (RFC 7518 §3.4)."""
        return _ES256.verify(signed, self.key, signature)


class KeySource:
    """Gives the key that a token names; the last good key set serves for as long as no newer one can be fetched.

    ``fetch`` gets a document, ``monotonic`` gives seconds of a clock that never steps back, ``warn`` is told of every
    fetch that failed.
    """

    def __init__(
        self, issuer: str, *, fetch: Fetch, monotonic: Callable[[], float], warn: Callable[[str], None]
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._monotonic = monotonic
        self._warn = warn
        self._keys: Mapping[str, PublicKey] = {}
        self._last_fetch_failed = True
        self._due = self._unknown_due = self._settled_at = -math.inf
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str) -> PublicKey:
        """Give the key of this id, from the cache wherever possible.

        Raises:
            SignatureInvalid: the issuer has no such key.
            KeysUnavailable: whether it has cannot be told, because its key set cannot be fetched.

        """
        if self._monotonic() >= self._due:
            await self._refresh()
        elif self._keys and key_id not in self._keys:
            await self._refresh_for_unknown()
        if key_id in self._keys:
            return self._keys[key_id]
        if self._last_fetch_failed:
            raise KeysUnavailable("DT's key set cannot be fetched")
        raise SignatureInvalid("DT has no key of this id")

    async def _refresh_for_unknown(self) -> None:
        """Fetch for an id that may be new, once in ``UNKNOWN_KEY_S``; wait for a fetch that is under way."""
        if self._monotonic() >= self._unknown_due:
            self._unknown_due = self._monotonic() + UNKNOWN_KEY_S
            await self._refresh()
        elif self._fetching.locked():
            await self._refresh()

    async def _refresh(self) -> None:
        asked_at = self._monotonic()
        async with self._fetching:
            if self._settled_at >= asked_at:  # somebody else's fetch answered while we waited
                return
            try:
                async with asyncio.timeout(FETCH_TIMEOUT_S):
                    self._keys = await self._fetch_keys()
                self._last_fetch_failed = False
            except (OSError, ValueError) as error:  # TimeoutError is an OSError
                self._last_fetch_failed = True
                self._warn(f"DT's key set cannot be fetched: {type(error).__name__}")
            self._settled_at = self._monotonic()
            keep_s = UNKNOWN_KEY_S if self._keys else RETRY_S
            self._due = self._settled_at + (keep_s if self._last_fetch_failed else KEEP_S)

    async def _fetch_keys(self) -> dict[str, PublicKey]:
        document = await self._fetch(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        discovery = read_object(document)
        if discovery.get("issuer") != self._issuer:
            raise ValueError  # the discovery document is another issuer's
        return _usable_keys(read_object(await self._fetch(trusted_url(str(discovery.get("jwks_uri"))))))


async def fetch_document(url: str) -> bytes:
    """Get a document over HTTP.

    Raises:
        OSError: it is not to be had, was moved (redirects are not followed) or refused.
        ValueError: the answer is not HTTP, or larger than ``MAX_DOCUMENT_BYTES``.

    """

    def fetch() -> bytes:
        give_up_at = time.monotonic() + FETCH_TIMEOUT_S
        document = b""
        try:
            with _OPENER.open(url, timeout=FETCH_TIMEOUT_S) as response:
                while len(document) <= MAX_DOCUMENT_BYTES and (part := response.read1(MAX_DOCUMENT_BYTES)):
                    document += part
                    if time.monotonic() > give_up_at:  # byte by byte: nobody waits for it any more
                        raise TimeoutError
        except urllib.error.HTTPError as error:
            error.close()
            raise
        return document

    try:
        document = await in_daemon_thread(fetch)
    except http.client.HTTPException as error:
        raise ValueError("the answer is not HTTP") from error
    if len(document) > MAX_DOCUMENT_BYTES:
        raise ValueError("the document is too large")
    return document


def _usable_keys(key_set: Mapping[str, Any]) -> dict[str, PublicKey]:
    members = key_set.get("keys")
    keys = {}
    for jwk in members if isinstance(members, list) else ():
        with contextlib.suppress(ValueError, jwt.InvalidKeyError):
            key_id, key = _es256_key(jwk)
            keys[key_id] = key
    if not keys:
        raise ValueError  # no usable key in the key set
    return keys


def _es256_key(jwk: Any) -> tuple[str, PublicKey]:
    """Read an RFC 7517 key. Raises ValueError or InvalidKeyError for what is not a public key to verify ES256 with."""
    if not isinstance(jwk, dict) or not _may_verify(jwk):
        raise ValueError  # a key for another use
    values = {name: jwk.get(name) for name in ("kty", "crv", "x", "y", "kid")}
    if values["crv"] != "P-256" or not all(isinstance(value, str) for value in values.values()):
        raise ValueError  # not a key on P-256 with an id
    return str(values["kid"]), Es256Key(ECAlgorithm.from_jwk(values))


def _may_verify(jwk: Mapping[str, Any]) -> bool:
    """Whether what the key says of its purpose, if anything, lets it verify ES256 (RFC 7517 §4.2 to §4.4)."""
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return False
    return bool(jwk.get("use", "sig") == "sig" and jwk.get("alg", "ES256") == "ES256")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: the answer 3xx becomes an HTTPError, which is an OSError."""


_OPENER = urllib.request.build_opener(_NoRedirect)
_ES256 = ECAlgorithm(ECAlgorithm.SHA256)
