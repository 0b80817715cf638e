"""The access token of gcloud's login, renewed before it expires."""

import json
import shlex
import threading
from collections.abc import Callable
from datetime import datetime

from deploy.errors import GcloudFailed
from deploy.secret import Secret
from deploy.steps import Argv

RENEW_S = 300.0
"""A token is renewed if it expires within this time, which is longer than any call takes."""

_ASK = ("config", "config-helper", "--format=json(credential)")
"""Returns the token with its time of expiry; ``auth print-access-token`` returns none."""


def token_for_now(read_text: Callable[[Argv], str]) -> Secret:
    """Return the token of gcloud's login, for requests within the next seconds.

    Raises:
        GcloudFailed: gcloud has no login.

    """
    return Secret(read_text(("auth", "print-access-token")).strip())


class AccessTokens:
    """The tokens of one login. Safe to use from several threads.

    ``read_text`` returns the output of a gcloud command. ``now`` returns unix seconds.
    A token of the variable CLOUDSDK_AUTH_ACCESS_TOKEN has no known expiry, and cannot be renewed.
    """

    def __init__(self, read_text: Callable[[Argv], str], now: Callable[[], float]) -> None:
        self._read_text = read_text
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
            credential = json.loads(self._read_text(argv))["credential"]
            token, expiry = str(credential["access_token"]), credential.get("token_expiry")
            self._expires_at = datetime.fromisoformat(expiry).timestamp() if expiry else None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise GcloudFailed(
                "OTHER", "its answer has an unexpected structure", where=shlex.join(("gcloud", *argv))
            ) from None
        self._token = Secret(token)
