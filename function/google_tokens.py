"""Fetches access tokens with the credentials that Google's library finds.

The import takes longer than that of the rest of the function, so ``credentials`` imports this module only if the
metadata server of Cloud Run is not used.
"""

import calendar
import functools
import math
from collections.abc import Callable, Sequence

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import Request

from function.access_token import AccessToken
from function.errors import PublishMisconfigured, PublishTransient


class GoogleCredentials:
    """Fetches tokens with the credentials that Google's library finds. It looks for them until it has found them."""

    def __init__(self, find: Callable[[], Credentials]) -> None:
        self._find = find
        self._credentials: Credentials | None = None

    def __call__(self, timeout_s: float) -> AccessToken:
        """Ask the issuer of these credentials for a token, within ``timeout_s`` seconds.

        Raises:
            PublishMisconfigured: there are no credentials on this machine.
            PublishTransient: the issuer did not return a token for the credentials.

        """
        try:
            self._credentials = credentials = self._credentials or self._find()
            credentials.refresh(functools.partial(Request(), timeout=timeout_s))  # type: ignore[no-untyped-call]
        except DefaultCredentialsError as error:
            raise PublishMisconfigured(f"no credentials: {type(error).__name__}") from error
        except GoogleAuthError as error:
            raise PublishTransient(f"no access token: {_cause(error)}") from error
        headers: dict[str, str] = {}
        credentials.apply(headers)  # type: ignore[no-untyped-call]
        expires_at = calendar.timegm(credentials.expiry.timetuple()) if credentials.expiry else math.inf
        return AccessToken(tuple((name.lower(), value) for name, value in headers.items()), expires_at)


def _cause(error: BaseException) -> str:
    """Return an error's type and the first line of its text. Further lines may quote the issuer's answer."""
    sentence: object = error
    while isinstance(sentence, BaseException):
        sentence = sentence.args[0] if sentence.args else ""
    return f"{type(error).__name__}: {str(sentence).partition(chr(10))[0]}"[:200]


def default_credentials(scopes: Sequence[str]) -> Credentials:
    """Return the credentials of the machine. May take seconds. Raises DefaultCredentialsError if there are none."""
    credentials, _ = google.auth.default(scopes=scopes)
    found: Credentials = credentials
    return found


def google_credentials(scopes: Sequence[str]) -> GoogleCredentials:
    """Return the credentials of this machine, which are looked for at the first fetch."""
    return GoogleCredentials(functools.partial(default_credentials, scopes))
