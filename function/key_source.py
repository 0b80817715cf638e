"""DT's public keys for ``DT-Asymmetric-Signature``, found by OpenID Connect discovery and cached.

The issuer's discovery document (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig) names its
key set (RFC 7517). Both are checked: redirects are not followed, URLs must be https, the issuer must be the configured
one, keys must be ES256 keys, and a document has at most 64 KiB and takes at most two seconds.
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
"""A key set is fetched again after this many seconds. If the fetch fails, the old key set stays in use."""

UNKNOWN_KEY_S = 60.0
"""Minimum seconds between fetches because of an unknown key id, or after a failed refresh."""

RETRY_S = 1.0
"""Minimum seconds between fetches while there is no key set at all."""

FETCH_TIMEOUT_S = 2.0
"""Timeout of both documents together, in seconds."""

MAX_DOCUMENT_BYTES = 65_536

Fetch = Callable[[str], Awaitable[bytes]]
"""URL -> document. Raises OSError, or ValueError if the document must not be used."""


@dataclass(frozen=True, slots=True)
class Es256Key:
    """A public key on the curve P-256."""

    key: Any

    def verify(self, signed: bytes, signature: bytes) -> bool:
        """Return whether the key's owner made the signature, which is 64 bytes long (RFC 7518 §3.4)."""
        return _ES256.verify(signed, self.key, signature)


class KeySource:
    """Finds the key that a token names. The last valid key set stays in use while no newer one can be fetched.

    ``fetch`` returns the document of a URL, ``monotonic`` returns seconds of a clock that never steps back, and
    ``warn`` is called with a sentence for every failed fetch.
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
        """Return the key of this id, from the cache if possible.

        Raises:
            SignatureInvalid: the issuer has no such key.
            KeysUnavailable: the key is unknown, and the key set cannot be fetched.

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
        """Fetch because of an unknown key id, at most once in ``UNKNOWN_KEY_S``. If a fetch is pending, wait for it."""
        if self._monotonic() >= self._unknown_due:
            self._unknown_due = self._monotonic() + UNKNOWN_KEY_S
            await self._refresh()
        elif self._fetching.locked():
            await self._refresh()

    async def _refresh(self) -> None:
        asked_at = self._monotonic()
        async with self._fetching:
            if self._settled_at >= asked_at:  # another caller's fetch has ended meanwhile
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
            raise ValueError  # the discovery document belongs to another issuer
        return _usable_keys(read_object(await self._fetch(trusted_url(str(discovery.get("jwks_uri"))))))


async def fetch_document(url: str) -> bytes:
    """Return the document of a URL, within ``FETCH_TIMEOUT_S`` seconds.

    Raises:
        OSError: the server does not answer, or answers with an error or a redirect.
        ValueError: the answer is not HTTP, or has more than ``MAX_DOCUMENT_BYTES``.

    """

    def fetch() -> bytes:
        give_up_at = time.monotonic() + FETCH_TIMEOUT_S
        document = b""
        try:
            with _OPENER.open(url, timeout=FETCH_TIMEOUT_S) as response:
                while len(document) <= MAX_DOCUMENT_BYTES and (part := response.read1(MAX_DOCUMENT_BYTES)):
                    document += part
                    if time.monotonic() > give_up_at:  # the caller has timed out, so end the thread
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
    """Return the id and the key of an RFC 7517 key. Raises ValueError or InvalidKeyError if it cannot verify ES256."""
    if not isinstance(jwk, dict) or not _may_verify(jwk):
        raise ValueError  # the key is for another use
    values = {name: jwk.get(name) for name in ("kty", "crv", "x", "y", "kid")}
    if values["crv"] != "P-256" or not all(isinstance(value, str) for value in values.values()):
        raise ValueError  # not a key on P-256 with an id
    return str(values["kid"]), Es256Key(ECAlgorithm.from_jwk(values))


def _may_verify(jwk: Mapping[str, Any]) -> bool:
    """Return whether the key's declared use, if it has one, includes verifying ES256 (RFC 7517 §4.2 to §4.4)."""
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return False
    return bool(jwk.get("use", "sig") == "sig" and jwk.get("alg", "ES256") == "ES256")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect: the answer 3xx becomes an HTTPError, which is an OSError."""


_OPENER = urllib.request.build_opener(_NoRedirect)
_ES256 = ECAlgorithm(ECAlgorithm.SHA256)
