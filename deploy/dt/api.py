"""DT's API: what may be repeated is repeated, what passes is waited for, and errors are in one family."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deploy.dt.transport import DtAnswer, DtRequest, Method, Transport
from deploy.errors import DeployError, DtFailed, DtUnanswered, DtUnreachable
from deploy.secret import Secret
from deploy.spec import last_segment

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
LONGEST_PAUSE_S = 60.0
AGAIN = "try again in a minute"
CLOCK = "sudo timedatectl set-ntp true"
CREDENTIALS = "check DT_SERVICE_ACCOUNT_KEY_ID, DT_SERVICE_ACCOUNT_SECRET and DT_SERVICE_ACCOUNT_EMAIL"
ROLE = "in DT Studio, API Integrations > Service Accounts: give it the role Project Developer in that project"


@dataclass
class DtApi:
    """DT's API, as one service account may use it; what is ``hidden`` is shown in no sentence of DT's."""

    transport: Transport
    sleep: Callable[[float], None] = time.sleep
    notice: Callable[[str], None] = lambda _: None
    hidden: tuple[Secret, ...] = ()
    _was_reached: bool = False

    def call(
        self,
        method: Method,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        emulator: bool = False,
        just_made: bool = False,
    ) -> Mapping[str, Any]:
        """Make one call and give its answer; wait for what passes, and repeat only what harms nothing twice.

        ``just_made``: the resource may be too young to be found everywhere, so a 404 is asked again.

        Raises:
            DtUnanswered: it may have been carried out, or not.
            DtFailed: DT refused it.

        """
        request = DtRequest(method, path, body, params or {}, emulator)
        pauses = iter(PAUSES_S)
        while True:
            answer = self.transport(request)
            self._was_reached |= not answer.is_unreachable
            if 200 <= answer.status < 300:
                return answer.body
            pause_s = next(pauses, None)
            is_cut_off = answer.is_unreachable and not self._was_reached  # no attempt of this process came through
            if is_cut_off or pause_s is None or not _may_repeat(method, answer, just_made=just_made):
                raise _explained(request, answer, self._sentence(request, answer))
            wait_s = min(max(pause_s, _seconds(answer.retry_after)), LONGEST_PAUSE_S)
            self.notice(f"DT: {self._sentence(request, answer)}; again in {wait_s:.0f} s")
            self.sleep(wait_s)

    def _sentence(self, request: DtRequest, answer: DtAnswer) -> str:
        """Return what DT says, without secrets: it may quote the request."""
        text = f"{answer.status or ''} {answer.body.get('error', '')}".strip()
        for secret in (Secret(((request.body or {}).get("httpConfig") or {}).get("signatureSecret", "")), *self.hidden):
            text = secret.hidden_in(text)
        return text

    def pages(self, path: str, key: str, params: Mapping[str, str] | None = None) -> list[Any]:
        """Return everything of a list, page by page; ``params`` are sent with each page's request.

        Raises:
            DtFailed: DT refused it, or did not answer.

        """
        items: list[Any] = []
        tokens = [""]
        while True:
            token = {"pageToken": tokens[-1]} if tokens[-1] else {}
            page = self.call("GET", path, params={**(params or {}), **token})
            with of_one_shape(f"DT, GET {path}"):
                items += _listed(page.get(key))
            after = page.get("nextPageToken") or ""
            if not after:
                return items
            if after in tokens:
                raise DtUnanswered(0, "its pages go in a circle", where=f"DT, GET {path}", mend=[AGAIN])
            tokens.append(after)

    def organization(self, project: str) -> str:
        """Return the id of the organization that a project belongs to.

        Raises:
            DtFailed: DT refused it, or did not answer.

        """
        path = f"/projects/{project}"
        with of_one_shape(f"DT, GET {path}"):
            name: str = self.call("GET", path)["organization"]
            return last_segment(name)


def no_credentials() -> DeployError:
    """Return the error for missing credentials."""
    mend = "export DT_SERVICE_ACCOUNT_KEY_ID=… DT_SERVICE_ACCOUNT_SECRET=… DT_SERVICE_ACCOUNT_EMAIL=…"
    return DeployError("no credentials", where="DT", mend=[mend])


@contextmanager
def of_one_shape(where: str) -> Iterator[None]:
    """Turn errors while reading an answer into DtUnanswered: it has another shape than DT documents.

    Raises:
        DtUnanswered: the answer cannot be read.

    """
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        what = f"answered in another shape than it should ({type(error).__name__}: {error})"
        raise DtUnanswered(0, what, where=where, mend=[AGAIN]) from None


def _may_repeat(method: Method, answer: DtAnswer, *, just_made: bool) -> bool:
    if answer.status == 429 or (answer.status == 404 and just_made):
        return True
    return (method != "POST" or not answer.was_sent) and answer.status in {0, 409, 500, 502, 503, 504}


def _listed(found: Any) -> list[Any]:
    if not isinstance(found, list | None):
        raise TypeError("no list")
    return found or []


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of refusal: its HTTP status, a pattern that DT's sentence or help has, and the line that helps."""

    status: int
    pattern: str
    remedy: str


TABLE = (
    Kind(0, r"clock of this machine", CLOCK),
    Kind(0, r"", AGAIN),
    Kind(400, r"(?i)unsupported|unknown event type", "python -m deploy up --event-type=ONE-THAT-DT-KNOWS"),
    Kind(400, r"", "https://developer.disruptive-technologies.com/docs/error-codes"),
    Kind(401, r"clock of this machine", CLOCK),
    Kind(401, r"", CREDENTIALS),
    Kind(403, r"", ROLE),
    Kind(404, r"", "check --dt-project: DT knows no such project or resource"),
    Kind(409, r"", "another change of the same resource is under way: python -m deploy status"),
    Kind(429, r"", AGAIN),
)
"""Every refusal of DT's that is known, looked for in this order."""


def _explained(request: DtRequest, answer: DtAnswer, sentence: str) -> DtFailed:
    where = f"DT, {request.method} {request.path}"
    if answer.is_unreachable:
        return DtUnreachable(0, sentence, where="DT", mend=[answer.fix])
    kind = DtUnanswered if answer.status == 0 or answer.status >= 500 else DtFailed
    return kind(answer.status, sentence, where=where, mend=[remedy(answer.status, sentence)])


def remedy(status: int, sentence: str) -> str:
    """Return the line that helps where DT answers a call with this status and this sentence."""
    found = (kind.remedy for kind in TABLE if kind.status == status and re.search(kind.pattern, sentence))
    return next(found, AGAIN)


def _seconds(retry_after: str | None) -> float:
    """Read ``Retry-After``; a date, which DT does not send, counts as unsaid."""
    return float(retry_after) if retry_after and retry_after.isdigit() else 0.0
