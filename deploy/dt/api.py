"""DT's API. Repeats the calls that may be repeated, waits for transient errors, and raises one family of errors."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from deploy.dt.calls import DtAnswer, DtRequest, Method, Params, Transport
from deploy.errors import DeployError, DtFailed, DtUnanswered, DtUnreachable
from deploy.program import PROGRAM
from deploy.remedies import CLOCK, again_in
from deploy.secret import Secret
from deploy.spec import DT_STUDIO, last_segment
from deploy.times import spoken

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
MAX_PAUSE_S = 60.0
AGAIN = "try again in a minute"
SENSOR_COUNT = "sensorCount"
"""The field of a project in which DT counts its sensors."""
CREDENTIALS = f"check DT_SERVICE_ACCOUNT_KEY_ID, DT_SERVICE_ACCOUNT_SECRET and DT_SERVICE_ACCOUNT_EMAIL: {DT_STUDIO}"
VARIABLES = ("DT_SERVICE_ACCOUNT_KEY_ID", "DT_SERVICE_ACCOUNT_SECRET", "DT_SERVICE_ACCOUNT_EMAIL")
EXPORT = f"export {' '.join(f'{name}=…' for name in VARIABLES)}"
ROLE = "in DT Studio, API Integrations > Service Accounts: give it the role Project Developer in that project"


@dataclass
class DtApi:
    """DT's API, used by one service account. The ``hidden`` secrets are masked in DT's messages.

    ``transport``: None if there are no credentials. Then every call fails. ``pauses_s``: the pauses before a call is
    repeated, in seconds; a longer ``Retry-After`` counts instead, up to ``longest_pause_s``. ``gives_up_s``: after a
    longer ``Retry-After``, the call is not repeated.
    """

    transport: Transport | None
    sleep: Callable[[float], None] = time.sleep
    notice: Callable[[str], None] = lambda _: None
    hidden: tuple[Secret, ...] = ()
    pauses_s: Sequence[float] = PAUSES_S
    longest_pause_s: float = MAX_PAUSE_S
    gives_up_s: float = math.inf
    _was_reached: bool = False

    def require_credentials(self) -> Transport:
        """Return the transport. Raises ``DeployError`` if there are no credentials."""
        if self.transport is None:
            raise DeployError(f"no credentials; {DT_STUDIO} shows where they are", where="DT", fix=[EXPORT])
        return self.transport

    def call(
        self,
        method: Method,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Params | None = None,
        emulator: bool = False,
        just_made: bool = False,
    ) -> Mapping[str, Any]:
        """Return the body of DT's answer. Transient errors are waited for; only a safe call is repeated.

        ``emulator``: the call goes to the emulator's API. ``just_made``: the resource may be too new to be found
        everywhere, so the call is repeated after a 404.

        Raises:
            DtUnanswered: the call may have been carried out or not.
            DtFailed: DT refused the call.

        """
        return self.send(DtRequest(method, path, body, params or {}, emulator), just_made=just_made).body

    def send(self, request: DtRequest, *, just_made: bool = False, list_key: str = "") -> DtAnswer:
        """Return DT's answer to a call, as ``call`` does.

        ``list_key``: a list that a success must have, also if it is empty: an answer without it is not DT's own.

        Raises:
            DtFailed: DT refused the call or did not answer.

        """
        transport, pauses = self.require_credentials(), iter(self.pauses_s)
        while True:
            answer = _with_list(transport(request), list_key)
            self._was_reached |= not answer.is_unreachable
            if 200 <= answer.status < 300:
                return answer
            pause_s = next(pauses, None)
            is_over = answer.retry_after_s > self.gives_up_s
            is_cut_off = answer.is_unreachable and not self._was_reached  # no attempt of this process reached DT
            if is_cut_off or pause_s is None or is_over or not _may_repeat(request.method, answer, just_made=just_made):
                raise _explained(request, answer, self._message(request, answer))
            wait_s = min(max(pause_s, answer.retry_after_s), self.longest_pause_s)
            self.notice(f"DT: {again_in(self._message(request, answer), wait_s)}")
            self.sleep(wait_s)

    def _message(self, request: DtRequest, answer: DtAnswer) -> str:
        """Return DT's error message with all secrets masked, because it may quote the request."""
        text = f"{answer.status or ''} {answer.body.get('error', '')}".strip()
        if answer.retry_after_s > self.longest_pause_s:
            text += f"; DT wants the next call in {spoken(answer.retry_after_s)}"
        for secret in (Secret(((request.body or {}).get("httpConfig") or {}).get("signatureSecret", "")), *self.hidden):
            text = secret.hidden_in(text)
        return text

    def pages(self, path: str, key: str, params: Params | None = None) -> list[Any]:
        """Return all items of a list, from all its pages. ``params`` are sent with the request for every page.

        Raises:
            DtFailed: DT refused the call or did not answer.

        """
        items: list[Any] = []
        for page in self.stream(path, params=params):
            with parsing_response(f"DT, GET {path}"):
                items += _list_or_none(page.body.get(key))
        return items

    def stream(self, path: str, key: str = "", params: Params | None = None) -> Iterator[DtAnswer]:
        """Yield the pages of a list, so that only one is in memory. The next is read when the caller asks for it.

        ``key``: the list that each page must have; an answer without it is waited for like no answer.

        Raises:
            DtFailed: DT refused the call or did not answer, or its page tokens lead back to an earlier page, or are no
                texts.

        """
        token, seen = "", set[str]()
        while True:
            page = self.send(
                DtRequest("GET", path, params={**(params or {}), **({"pageToken": token} if token else {})}),
                list_key=key,
            )
            yield page
            with parsing_response(f"DT, GET {path}"):
                token = text_or_none(page.body.get("nextPageToken"))
            if not token:
                return
            if token in seen:
                raise DtUnanswered(0, "its page tokens repeat without end", where=f"DT, GET {path}", fix=[AGAIN])
            seen.add(token)

    def projects(self) -> list[Any]:
        """Return the projects in which the service account has a role, in all organizations.

        Raises:
            DtFailed: DT refused the call or did not answer.

        """
        return self.pages("/projects", "projects")

    def counts(self, project: str, *names: str) -> list[int]:
        """Return DT's own counts in a project, such as ``SENSOR_COUNT``. One that DT does not say is left out.

        Raises:
            DtFailed: DT refused the call or did not answer.

        """
        found = self.call("GET", f"/projects/{project}")
        return [count for name in names if isinstance(count := found.get(name), int)]

    def organization(self, project: str) -> str:
        """Return the id of the organization that a project belongs to.

        Raises:
            DtFailed: DT refused the call or did not answer.

        """
        path = f"/projects/{project}"
        with parsing_response(f"DT, GET {path}"):
            name: str = self.call("GET", path)["organization"]
            return last_segment(name)


@contextmanager
def parsing_response(where: str) -> Iterator[None]:
    """Turn errors while parsing DT's answer into ``DtUnanswered``. ``where``: the call, for the message.

    Raises:
        DtUnanswered: the answer has another structure than DT documents.

    """
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        what = f"its answer has an unexpected structure ({type(error).__name__}: {error})"
        raise DtUnanswered(0, what, where=where, fix=[AGAIN]) from None


def _with_list(answer: DtAnswer, key: str) -> DtAnswer:
    """Return the answer; one that says nothing if it is a success without the list ``key``, if a key is named."""
    if not key or not 200 <= answer.status < 300 or isinstance(answer.body.get(key), list):
        return answer
    return replace(answer, status=0, body={"error": f"its answer has no list {key!r}"})


def _may_repeat(method: Method, answer: DtAnswer, *, just_made: bool) -> bool:
    if answer.status == 429 or (answer.status == 404 and just_made):
        return True
    return (method != "POST" or not answer.was_sent) and answer.status in {0, 409, 500, 502, 503, 504}


def _list_or_none(value: Any) -> list[Any]:
    if not isinstance(value, list | None):
        raise TypeError("not a list")
    return value or []


def text_or_none(value: Any) -> str:
    """Return a text of DT's answer; "" for null. Raises ``TypeError`` for anything else: see ``parsing_response``."""
    if not isinstance(value, str | None):
        raise TypeError("not a text")
    return value or ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of refusal: its HTTP status, a pattern of DT's error message, and the command or advice that helps."""

    status: int
    pattern: str
    remedy: str


TABLE = (
    Kind(0, r"clock of this machine", CLOCK),
    Kind(0, r"", AGAIN),
    Kind(400, r"(?i)unsupported|unknown event type", f"{PROGRAM} up --event-type=ONE-THAT-DT-KNOWS"),
    Kind(400, r"", "https://developer.disruptive-technologies.com/docs/error-codes"),
    Kind(401, r"clock of this machine", CLOCK),
    Kind(401, r"", CREDENTIALS),
    Kind(403, r"", ROLE),
    Kind(404, r"", f"check --dt-project: DT knows no such project or resource; {DT_STUDIO} shows where the id is"),
    Kind(409, r"", f"another change of the same resource is under way: {PROGRAM} status"),
    Kind(429, r"", AGAIN),
)
"""All known refusals of DT's; the first one that matches counts."""


def _explained(request: DtRequest, answer: DtAnswer, message: str) -> DtFailed:
    where = f"DT, {request.method} {request.path}"
    if answer.is_unreachable:
        return DtUnreachable(0, message, where="DT", fix=[answer.fix])
    error_class = DtUnanswered if answer.status == 0 or answer.status >= 500 else DtFailed
    return error_class(answer.status, message, where=where, fix=[remedy(answer.status, message)])


def remedy(status: int, message: str) -> str:
    """Return the command or advice for an answer of DT's with this status and this error message."""
    remedies = (kind.remedy for kind in TABLE if kind.status == status and re.search(kind.pattern, message))
    return next(remedies, AGAIN)
