"""One attempt of a call to DT's API, through the ``disruptive`` package: the only module that imports it.

The package repeats a POST after 3 s without an answer, which would create a second connector; it drops
``Retry-After``; it carries page tokens from one list to the next; and it treats every 2xx but 200 as an error. So each
call here is one attempt with a timeout of half a minute and its own parameters; ``dt.api`` repeats the calls that may
be repeated.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import disruptive
import requests
from disruptive.authentication import ServiceAccountAuth, create_jwt
from disruptive.requests import USER_AGENT, DTRequest

from deploy.dt.calls import Credentials, DtAnswer, DtRequest
from deploy.network import DIRECT, GcloudNetwork
from deploy.no_answer import explain_no_answer
from deploy.secret import Secret
from deploy.web import forget_session, session, without_netrc

Network = Callable[[], GcloudNetwork]

TIMEOUT_S = 30
LOGIN_S = 3600
"""Lifetime of the signed claim that a login sends, in seconds: DT's own limit."""
CLOCKS_DIFFER_S = 5.0
"""A clock that differs from DT's by at least this many seconds is wrong; the network delays an answer by less."""

disruptive.request_timeout = TIMEOUT_S
without_netrc()


class DisruptiveTransport:
    """The ``disruptive`` package, logged in as one service account.

    ``gcloud`` returns gcloud's proxy and certificates. It is called only if DT is not reached, and may block.
    """

    def __init__(
        self, credentials: Credentials, gcloud: Network = lambda: DIRECT, *, now: Callable[[], float] = time.time
    ) -> None:
        self._auth = _Login(credentials, gcloud, now)
        self._gcloud = gcloud
        self._lock = threading.Lock()

    def log_in(self) -> DtAnswer | None:
        """Log in if there is no valid token, in one thread only. Return the answer if it failed."""
        token = self._token()
        return None if isinstance(token, str) else token

    def _token(self) -> str | DtAnswer:
        try:
            with self._lock:
                return self._auth.get_token()
        except _LoginFailed as failed:
            return failed.answer

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Send the call once, and return the answer."""
        token = self._token()
        if isinstance(token, DtAnswer):
            return token
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
    """Return the answer with this token or assertion masked in its error message, which may quote the request."""
    message = answer.body.get("error")
    if not isinstance(message, str):
        return answer
    return replace(answer, body={**answer.body, "error": Secret(bearer).hidden_in(message)})


class _LoginFailed(Exception):
    """The login returned no token; ``answer`` has the reason."""

    def __init__(self, answer: DtAnswer) -> None:
        super().__init__(answer.body)
        self.answer = replace(answer, was_sent=False)


class _Login(ServiceAccountAuth):
    """The package's login. It keeps a valid token, and raises ``_LoginFailed`` with the reason if it gets none."""

    def __init__(self, credentials: Credentials, gcloud: Network, now: Callable[[], float]) -> None:
        super().__init__(credentials.key_id, credentials.secret.reveal(), credentials.email)
        self._gcloud = gcloud
        self._now = now

    def _get_access_token(self) -> dict[str, Any]:
        answer = self._ask_for_token()
        if answer.status in {400, 401, 403}:
            raise _LoginFailed(DtAnswer(401, {"error": _why_refused(answer.date, self._now())}))
        if not 200 <= answer.status < 300:
            message = answer.body.get("error") or f"status {answer.status}"
            raise _LoginFailed(replace(answer, body={"error": f"could not log in: {message}"}))
        if not answer.body.get("access_token") or not isinstance(answer.body.get("expires_in"), int):
            raise _LoginFailed(DtAnswer(0, {"error": "could not log in: the answer has no token"}))
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
    """Return why DT refused a login: the key, or a wrong clock. A claim from the future or an hour ago is refused."""
    try:
        ahead_s = now_s - parsedate_to_datetime(dated).timestamp()
    except ValueError:
        ahead_s = 0.0
    if abs(ahead_s) < CLOCKS_DIFFER_S:
        return "the service account's key was refused"
    way = "ahead of" if ahead_s > 0 else "behind"
    return f"the login was refused: the clock of this machine is {abs(ahead_s):.0f} s {way} DT's"


class _OneAttempt(DTRequest):
    """A request of the package that is sent once; a status other than 200 is no error."""

    def answer(self, gcloud: Network) -> DtAnswer:
        """Send the request, and return the answer. The package itself would not keep the text of the answer.

        A thread keeps its connection open for its next reading call. A change gets a connection of its own: an open one
        may be dead, and then it would not be known whether the change was carried out.
        """
        is_read = self.method == "GET"
        try:
            response = (session().request if is_read else requests.request)(
                self.method,
                self.full_url,
                params=self.params,
                headers={**self.headers, "User-Agent": USER_AGENT},
                json=self.body,
                data=self.data,
                timeout=TIMEOUT_S,
            )
            body, text = response.json(), response.content.decode("utf-8-sig")
        except (requests.RequestException, ValueError) as failure:
            if is_read:
                forget_session()
            why = explain_no_answer(failure, urlsplit(self.full_url).hostname or "", gcloud())
            return DtAnswer(0, {"error": why.what}, None, why.fix, why.is_unreachable)
        status, is_success = response.status_code, 200 <= response.status_code < 300
        if not isinstance(body, dict):
            status, body = (0, {"error": "no usable answer (not an object)"}) if is_success else (status, {})
        date, retry_after = response.headers.get("Date", ""), response.headers.get("Retry-After")
        return DtAnswer(status, body, retry_after, date=date, text=text if is_success else "")
