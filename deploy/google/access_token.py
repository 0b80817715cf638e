"""The access token of gcloud's login, renewed before it expires."""

import json
import threading
from collections.abc import Callable
from datetime import datetime

from deploy.errors import GcloudFailed
from deploy.google.gcloud import Gcloud, shown
from deploy.secret import Secret

RENEW_S = 300.0
"""A token is renewed if it expires within this time, which is longer than any call takes."""

_ASK = ("config", "config-helper", "--format=json(credential)")
"""Returns the token with its time of expiry; ``auth print-access-token`` returns none."""


class AccessTokens:
    """The tokens of one login. Safe to use from several threads. ``now`` returns unix seconds.

    A token of the variable CLOUDSDK_AUTH_ACCESS_TOKEN has no known expiry, and cannot be renewed.
    """

    def __init__(self, google: Gcloud, now: Callable[[], float]) -> None:
        self._google = google
        self._now = now
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._expires_at: float | None = None

    def get(self) -> Secret:
        """Return a token that is valid for some minutes.

        Raises:
            GcloudFailed: gcloud has no login, or cannot renew it.

        """
        with self._lock:
            if self._token is None or self._is_old():
                self._renew("--min-expiry=10m")
            return self._token or Secret("")

    def refused(self, token: Secret) -> None:
        """Renew a token that Google has refused, unless another thread has renewed it already.

        Raises:
            GcloudFailed: gcloud has no login, or cannot renew it.

        """
        with self._lock:
            if self._token is not None and self._token.reveal() == token.reveal():
                self._renew("--force-auth-refresh")

    def _is_old(self) -> bool:
        return self._expires_at is not None and self._expires_at - RENEW_S <= self._now()

    def _renew(self, how: str) -> None:
        argv = (*_ASK, how)
        try:
            credential = json.loads(self._google.read_text(argv))["credential"]
            token, expiry = str(credential["access_token"]), credential.get("token_expiry")
            self._expires_at = datetime.fromisoformat(expiry).timestamp() if expiry else None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise GcloudFailed("OTHER", "its answer has an unexpected structure", where=shown(argv)) from None
        self._token = Secret(token)
