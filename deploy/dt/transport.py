"""One call of DT's API through the ``disruptive`` package, with its hazards fenced: the only room that imports it.

The package repeats a POST after 3 s of silence, which makes a second connector; loses ``Retry-After``; carries page
tokens from one list to the next; and calls every 2xx but 200 an error. So each call here is one attempt with half a
minute of patience and parameters of its own; what may be repeated is repeated in ``dt_api``.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol
from urllib.parse import urlencode, urlsplit

import disruptive
from disruptive.authentication import ServiceAccountAuth, create_jwt
from disruptive.requests import DTRequest

from deploy.network import DIRECT, GcloudNetwork, explain_no_answer
from deploy.secret import Secret
from deploy.web import without_netrc

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Network = Callable[[], GcloudNetwork]
PATIENCE_S = 30
LOGIN_S = 3600
"""Seconds that the token of a login may be asked for: DT's own limit."""
CLOCKS_DIFFER_S = 5.0
"""Seconds from which on a clock is wrong; the network's delay is less."""

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
    """An answer; status 0 says that there was none, or none that could be read, for the reason in ``body``.

    ``is_unreachable``: DT was not reached at all, and ``fix`` says what helps. ``was_sent``: False where the login
    before the call failed, so that the call itself did nothing. ``date``: when DT answered, by its clock.
    """

    status: int
    body: Mapping[str, Any]
    retry_after: str | None = None
    fix: str = ""
    is_unreachable: bool = False
    was_sent: bool = True
    date: str = ""


class Transport(Protocol):
    """Carries one call to DT and its answer back."""

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Send it once."""
        ...


class DisruptiveTransport:
    """The ``disruptive`` package, logged in as one service account.

    ``gcloud`` tells how gcloud reaches the internet; it is asked only where DT is not reached, and may wait.
    """

    def __init__(
        self, credentials: Credentials, gcloud: Network = lambda: DIRECT, *, now: Callable[[], float] = time.time
    ) -> None:
        self._auth = _Login(credentials, gcloud, now)
        self._gcloud = gcloud

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Send it once."""
        try:
            token = self._auth.get_token()
        except _LoginFailed as failed:
            return failed.answer
        attempt = _OneAttempt(
            request.method,
            request.path,
            base_url=disruptive.emulator_base_url if request.emulator else disruptive.base_url,
            params=dict(request.params),
            headers={"Authorization": token},
            body=None if request.body is None else dict(request.body),
            skip_auth=True,
        )
        return _without(attempt.answer(self._gcloud), token.rpartition(" ")[2])


def _without(answer: DtAnswer, bearer: str) -> DtAnswer:
    """Return an answer whose error does not quote what was sent as a proof of who asks."""
    said = answer.body.get("error")
    if not isinstance(said, str):
        return answer
    return replace(answer, body={**answer.body, "error": Secret(bearer).hidden_in(said)})


class _LoginFailed(Exception):
    """No token; the answer says why."""

    def __init__(self, answer: DtAnswer) -> None:
        super().__init__(answer.body)
        self.answer = replace(answer, was_sent=False)


class _Login(ServiceAccountAuth):
    """The package's login. It keeps the token while that is good, and tells why there is none."""

    def __init__(self, credentials: Credentials, gcloud: Network, now: Callable[[], float]) -> None:
        super().__init__(credentials.key_id, credentials.secret.reveal(), credentials.email)
        self._gcloud = gcloud
        self._now = now

    def _get_access_token(self) -> dict[str, Any]:
        answer = self._ask_for_token()
        if answer.status in {400, 401, 403}:
            raise _LoginFailed(DtAnswer(401, {"error": _why_refused(answer.date, self._now())}))
        if not 200 <= answer.status < 300:
            said = answer.body.get("error") or f"status {answer.status}"
            raise _LoginFailed(replace(answer, body={"error": f"could not log in: {said}"}))
        if not answer.body.get("access_token") or not isinstance(answer.body.get("expires_in"), int):
            raise _LoginFailed(DtAnswer(0, {"error": "could not log in: the answer holds no token"}))
        return dict(answer.body)

    def _ask_for_token(self) -> DtAnswer:
        """Exchange a signed claim for a token: https://developer.d21s.com/docs/authentication/oauth2."""
        now_s = int(self._now())
        claims = {"iat": now_s, "exp": now_s + LOGIN_S, "aud": self.token_endpoint, "iss": self.email}
        assertion = create_jwt(claims, self.secret, self.algorithm, {"alg": self.algorithm, "kid": self.key_id})
        form = {"assertion": assertion, "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
        attempt = _OneAttempt(
            "POST",
            "",
            base_url=self.token_endpoint,
            data=urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            skip_auth=True,
        )
        return _without(attempt.answer(self._gcloud), assertion)


def _why_refused(dated: str, now_s: float) -> str:
    """Return why DT refuses a login: it takes none that is signed in its future, nor one from more than an hour ago."""
    try:
        ahead_s = now_s - parsedate_to_datetime(dated).timestamp()
    except ValueError:
        ahead_s = 0.0
    if abs(ahead_s) < CLOCKS_DIFFER_S:
        return "the service account's key was refused"
    way = "ahead of" if ahead_s > 0 else "behind"
    return f"the login was refused: the clock of this machine is {abs(ahead_s):.0f} s {way} DT's"


class _OneAttempt(DTRequest):
    """A request as the package makes it, sent once and not judged."""

    def answer(self, gcloud: Network) -> DtAnswer:
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
            why = explain_no_answer(failure, urlsplit(self.full_url).hostname or "", gcloud())
            return DtAnswer(0, {"error": why.what}, None, why.fix, why.is_unreachable)
        status: int = response.status_code or 0
        body: Any = response.data
        if not isinstance(body, dict):
            status, body = (0, {"error": "no usable answer (no object)"}) if 200 <= status < 300 else (status, {})
        return DtAnswer(status, body, response.headers.get("Retry-After"), date=response.headers.get("Date", ""))
