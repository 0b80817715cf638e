"""One call of DT's API through the ``disruptive`` package, with its hazards fenced: the only room that imports it.

The package repeats a POST after 3 s of silence, which makes a second connector; loses ``Retry-After``; carries page
tokens from one list to the next; and calls every 2xx but 200 an error. So each call here is one attempt with half a
minute of patience and parameters of its own; what may be repeated is repeated in ``dt_api``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import disruptive
import requests
from disruptive.authentication import ServiceAccountAuth, create_jwt
from disruptive.errors import DTApiError, Unauthorized
from disruptive.requests import DTRequest

from deploy.secret import Secret
from deploy.web import without_netrc

Method = Literal["GET", "POST", "PATCH", "DELETE"]
PATIENCE_S = 30

disruptive.request_timeout = PATIENCE_S
without_netrc()


@dataclass(frozen=True, slots=True)
class Credentials:
    """A service account's key."""

    key_id: str
    secret: Secret
    email: str


@dataclass(frozen=True, slots=True)
class DtRequest:
    """A call: ``emulator`` tells which of DT's two APIs."""

    method: Method
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    emulator: bool = False


@dataclass(frozen=True, slots=True)
class DtAnswer:
    """An answer; status 0 says that there was none, or none that could be read, for the reason in ``body``."""

    status: int
    body: Mapping[str, Any]
    retry_after: str | None = None


class Transport(Protocol):
    """Carries one call to DT and its answer back."""

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Send it once."""
        ...


class DisruptiveTransport:
    """The ``disruptive`` package, logged in as one service account."""

    def __init__(self, credentials: Credentials) -> None:
        self._auth = ServiceAccountAuth(credentials.key_id, credentials.secret.reveal(), credentials.email)

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Send it once."""
        try:
            token = self._auth.get_token()
        except Unauthorized:
            return DtAnswer(401, {"error": "the service account's key was refused"})
        except (DTApiError, requests.RequestException, KeyError, TypeError, ValueError) as error:
            return DtAnswer(0, {"error": f"could not log in ({type(error).__name__})"})
        attempt = _OneAttempt(
            request.method,
            request.path,
            base_url=disruptive.emulator_base_url if request.emulator else disruptive.base_url,
            params=dict(request.params),
            headers={"Authorization": token},
            body=None if request.body is None else dict(request.body),
            skip_auth=True,
        )
        return attempt.answer()


class _OneAttempt(DTRequest):
    """A request as the package makes it, sent once and not judged."""

    def answer(self) -> DtAnswer:
        """Send it."""
        response, failure = self._request_wrapper(
            method=self.method,
            url=self.full_url,
            params=self.params,
            headers=self.headers,
            body=self.body,
            data=self.data,
            timeout=PATIENCE_S,
        )
        if failure is not None:
            return DtAnswer(0, {"error": f"no usable answer ({type(failure).__name__})"})
        status: int = response.status_code or 0
        body: Any = response.data
        if not isinstance(body, dict):
            status, body = (0, {"error": "no usable answer (no object)"}) if 200 <= status < 300 else (status, {})
        return DtAnswer(status, body, response.headers.get("Retry-After"))


def sign(claims: Mapping[str, Any], secret: Secret) -> str:
    """Make an HS256 token as DT's ``X-Dt-Signature``."""
    return create_jwt(dict(claims), secret.reveal(), "HS256", {"alg": "HS256"})
