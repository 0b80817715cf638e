"""Sends one HTTPS call to a Google API. Every thread keeps its connections open for the next call."""

from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from deploy.google.calls import Answer, Call
from deploy.network import DIRECT, GcloudNetwork
from deploy.no_answer import explain_no_answer
from deploy.web import forget_session, session, without_netrc

CONNECT_S = 5.0
"""Seconds within which a connection has to be made."""

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
