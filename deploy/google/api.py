"""Reads and changes resources by Google's REST APIs, if gcloud has no command for them without further components.

Errors are those of gcloud: the same codes and the same remedies.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from deploy.errors import Code, GcloudFailed
from deploy.google.access_token import AccessTokens
from deploy.google.authorized import AuthorizedSend, project_of
from deploy.google.calls import Answer, Call, Send
from deploy.google.gcloud_errors import kind_of
from deploy.google.retries import SERVER_FAULTS, TRANSIENT_CODES, repeated
from deploy.remedies import again_in
from deploy.steps import Get, RestCall

NO_CONTENT = 204
CHANGE_S = 60.0
"""Seconds to wait for the answer to a change."""

RESULT_MS = 20_000
"""How long Google waits for the end of a query before it answers that it still runs."""

READ_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Pauses between the attempts of a read request that fails for a reason that passes by itself."""

CHANGE_PAUSES_S: Mapping[Code, tuple[float, ...]] = {
    "METRIC_LAG": (5.0, 10.0, 15.0, *(30.0,) * 20),
    "SERVICE_DISABLED": (2.0, 4.0, 8.0, 15.0, 30.0, 30.0),
    "ABORTED": READ_PAUSES_S,
    "ACCOUNT_LAG": (2.0, 4.0, 8.0, 15.0, 30.0, 30.0),
    "ALREADY_EXISTS": READ_PAUSES_S,
    "RESOURCE_EXHAUSTED": (2.0, 5.0, 15.0, 30.0, 60.0),
    "UNAVAILABLE": READ_PAUSES_S,
    "NETWORK": READ_PAUSES_S,
}
"""Pauses after each failure that passes by itself. A new log-based metric may take ten minutes to be known."""


class GoogleApi:
    """Google's REST APIs, as the user of gcloud's login. Safe to use from several threads.

    ``notice`` shows the user why a request waits. ``authorized`` sends any call with the same token.
    """

    def __init__(
        self,
        tokens: AccessTokens,
        send: Send,
        sleep: Callable[[float], None] = time.sleep,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.authorized = AuthorizedSend(tokens, send)
        self._sleep = sleep
        self._notice = notice

    def read(self, get: Get, *, is_on: bool = False) -> Any:
        """Return a resource, or None if it does not exist; of a list all items.

        ``is_on``: the API has been enabled, so ``SERVICE_DISABLED`` is a transient error.

        Raises:
            GcloudFailed: any other failure, or an answer with an unexpected structure.

        """
        if not get.items:
            return self._read(get, is_on=is_on)
        items: list[Any] = []
        page, seen = get, set[str]()
        while True:
            answer = self._read(page, is_on=is_on) or {}
            found = answer.get(get.items, [])
            token = answer.get("nextPageToken") or ""
            is_list = isinstance(found, list) and all(isinstance(item, dict) for item in found)
            if not is_list or not isinstance(token, str) or token in seen:
                raise GcloudFailed("OTHER", "its answer has an unexpected structure", where=get.line())
            items += found
            if not token:
                return items
            seen.add(token)
            page = replace(get, url=f"{get.url}{'&' if '?' in get.url else '?'}{urlencode({'pageToken': token})}")

    def change(self, call: RestCall) -> Any:
        """Send a request that changes something once, and return its answer. The end of a query is waited for.

        Raises:
            GcloudFailed: it was refused, or there was no answer, so that it may have been carried out or not.

        """
        body = call.body if call.method != "DELETE" else None
        answer = self.authorized(Call(call.method, call.url, body, read_s=CHANGE_S))
        changed = _resource(call.method, call.url, answer)
        while url := _url_of_running(call.url, changed):
            changed = _resource("GET", url, self.authorized(Call("GET", url, read_s=CHANGE_S)))
        return changed

    def _read(self, get: Get, *, is_on: bool) -> Any:
        method, url = get.method, get.url
        codes = TRANSIENT_CODES | {"ABORTED"} | ({"SERVICE_DISABLED"} if is_on else set())
        answer = repeated(
            lambda: self.authorized(Call(method, url, get.body, read_s=CHANGE_S)),
            READ_PAUSES_S,
            lambda answer: answer.status != 200 and refusal(method, url, answer).code in codes,
            self._sleep,
            lambda answer, pause_s: self._notice(again_in(refusal(method, url, answer).what, pause_s)),
        )
        try:
            return _resource(method, url, answer)
        except GcloudFailed as error:
            if error.code != "NOT_FOUND":
                raise
            return None


def _resource(method: str, url: str, answer: Answer) -> Any:
    """Return the body of an answer; some deletions have none. Raises ``GcloudFailed`` if it is no resource."""
    if answer.status == NO_CONTENT:
        return {}
    if answer.status != 200:
        raise refusal(method, url, answer)
    if not isinstance(answer.body, dict):
        raise GcloudFailed("OTHER", "answered with something other than JSON", where=f"{method} {url}")
    return answer.body


def _url_of_running(jobs: str, answer: Any) -> str:
    """Return the URL of the result of a query of BigQuery's that still runs; else an empty text. ``jobs``: its own URL.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query
    """
    if answer.get("jobComplete") is not False or "jobReference" not in answer:
        return ""
    job = answer["jobReference"]
    asked = {"location": job.get("location") or "", "maxResults": "0", "timeoutMs": str(RESULT_MS)}
    return f"{jobs}/{job['jobId']}?{urlencode({name: value for name, value in asked.items() if value})}"


def refusal(method: str, url: str, answer: Answer) -> GcloudFailed:
    """Return the error of an answer that is not 200, with its reason and remedy."""
    where = f"{method} {url}"
    if answer.status == 0:
        return GcloudFailed("NETWORK", answer.why, where=where, fix=[answer.fix] if answer.fix else [])
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    found = error if isinstance(error, dict) else {}
    message = str(found.get("message") or f"HTTP status {answer.status}")
    argv = ((urlsplit(url).hostname or "").partition(".")[0], method, f"--project={project_of(url)}")
    kind = kind_of(argv, f"{found.get('status', '')}: {message}")
    code = kind.code
    if code in {"ELSEWHERE", "OTHER"} and answer.status == 404:
        code = "NOT_FOUND"
    if code in {"OTHER", "UNWORDED"} and answer.status in SERVER_FAULTS:
        code = "UNAVAILABLE"
    return GcloudFailed(code, message.splitlines()[0], where=where, fix=kind.remedy)
