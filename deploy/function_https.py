"""Posts a request to the deployed function over HTTPS."""

from collections.abc import Mapping

import requests

from deploy.function_client import Answer
from deploy.web import forget_session, session, without_netrc

TIMEOUT_S = 30

without_netrc()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Post a request over HTTPS and return its answer. The thread keeps its connection open for its next request."""
    try:
        answer = session().post(url, data=body, headers=dict(headers), timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException:
        forget_session()
        return Answer(0, "")
    return Answer(answer.status_code, answer.text, _seconds(answer.headers.get("Retry-After", "")))


def _seconds(text: str) -> float:
    """Return the seconds of ``Retry-After``, or 0 if it is missing or a date, which Google does not send."""
    return float(text) if text.isascii() and text.isdecimal() else 0.0
