"""One HTTPS call to a Google API. Every thread keeps its connections open for the next call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from deploy.network import DIRECT, GcloudNetwork, explain_no_answer
from deploy.web import forget_session, session, without_netrc

CONNECT_S = 5.0
"""Seconds within which a connection has to be made."""

READ_S = 30.0
"""Seconds without a byte after which an ordinary call is given up."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call. ``body``: sent as JSON. ``read_s``: seconds to wait for the answer."""

    method: str
    url: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    read_s: float = READ_S


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call: its status, and its JSON, or None if the body is not JSON.

    Status 0: there is no answer, for the reason ``why``, and ``fix`` is a command that may help. ``is_silent``: the
    server took the call, and did not answer in time. ``at``: the unix time in its header ``Date``, in whole seconds;
    None if it has none.
    """

    status: int
    body: Any = None
    why: str = ""
    fix: str = ""
    is_silent: bool = False
    at: float | None = field(default=None, compare=False)


Send = Callable[[Call], Answer]
"""Sends a call once, and returns the answer."""

without_netrc()


def send(call: Call, gcloud: GcloudNetwork = DIRECT) -> Answer:
    """Send a call once, and return the answer. ``gcloud``: its proxy and certificates, for the fix of an error."""
    try:
        answer = session().request(
            call.method,
            call.url,
            params=dict(call.params),
            json=call.body,
            headers=dict(call.headers),
            timeout=(CONNECT_S, call.read_s),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        forget_session()
        reason = explain_no_answer(error, urlsplit(call.url).hostname or "", gcloud)
        is_silent = isinstance(error, requests.exceptions.ReadTimeout)
        return Answer(0, why=reason.what, fix=reason.fix, is_silent=is_silent)
    at = _unix_time(answer.headers.get("Date", ""))
    try:
        return Answer(answer.status_code, answer.json(), at=at)
    except ValueError:
        return Answer(answer.status_code, at=at)


def _unix_time(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
