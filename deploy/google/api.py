"""Google's REST APIs with gcloud's own access token, for what gcloud can do only with components that may be missing.

Errors are those of gcloud: the same codes and the same remedies.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from deploy.errors import Code, GcloudFailed
from deploy.google.gcloud_errors import kind_of
from deploy.secret import Secret
from deploy.steps import Get, RestCall
from deploy.web import without_netrc

Send = Callable[[str, str, Mapping[str, Any] | None, Mapping[str, str]], tuple[int, str]]
"""Method, URL, JSON body (or None) and headers of a request -> status and text of its answer. Status 0: no answer."""

TIMEOUT_S = 60

READ_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Pauses between the attempts of a read request that fails for a reason that passes by itself."""

CHANGE_PAUSES_S: Mapping[Code, tuple[float, ...]] = {
    "METRIC_LAG": (5.0, 10.0, 15.0, *(30.0,) * 20),
    "SERVICE_DISABLED": (2.0, 4.0, 8.0, 15.0, 30.0, 30.0),
    "ABORTED": READ_PAUSES_S,
    "ALREADY_EXISTS": READ_PAUSES_S,
    "RESOURCE_EXHAUSTED": (2.0, 5.0, 15.0, 30.0, 60.0),
    "UNAVAILABLE": READ_PAUSES_S,
    "NETWORK": READ_PAUSES_S,
}
"""Pauses after each failure that passes by itself. A new log-based metric may take ten minutes to be known."""

_UNAVAILABLE = {500, 502, 503, 504}
_SHARED_CLIENT = "32555940559"
"""The project of gcloud's own login. An error that names it means that a request has to name the user's project."""

without_netrc()


def send(method: str, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> tuple[int, str]:
    """Send a request over HTTPS."""
    try:
        answer = requests.request(
            method, url, json=body, headers=dict(headers), timeout=TIMEOUT_S, allow_redirects=False
        )
    except requests.RequestException as error:
        return 0, type(error).__name__
    return answer.status_code, answer.text


@dataclass
class GoogleApi:
    """Google's REST APIs. ``token`` returns an access token, which is kept until Google no longer accepts it."""

    token: Callable[[], Secret]
    send: Send = send
    sleep: Callable[[float], None] = time.sleep
    notice: Callable[[str], None] = lambda _: None
    _kept: Secret | None = None
    _names_project: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, get: Get, *, is_on: bool = False) -> Any:
        """Return a resource, or None if it does not exist; of a list all items.

        ``is_on``: the API has been enabled, so ``SERVICE_DISABLED`` is a transient error.

        Raises:
            GcloudFailed: any other failure, or an answer with an unexpected structure.

        """
        if not get.items:
            return self._read(get.url, is_on=is_on)
        items: list[Any] = []
        url = get.url
        while True:
            answer = self._read(url, is_on=is_on) or {}
            found = answer.get(get.items, [])
            if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
                raise GcloudFailed("OTHER", "its answer has an unexpected structure", where=get.line())
            items += found
            if not (token := answer.get("nextPageToken")):
                return items
            url = f"{get.url}{'&' if '?' in get.url else '?'}{urlencode({'pageToken': token})}"

    def change(self, call: RestCall) -> Any:
        """Send a request that changes something once, and return its answer.

        Raises:
            GcloudFailed: it was refused, or there was no answer, so that it may have been carried out or not.

        """
        return self._sent(call.method, call.url, call.body if call.method != "DELETE" else None)

    def _read(self, url: str, *, is_on: bool) -> Any:
        for pause_s in (*READ_PAUSES_S, None):
            try:
                return self._sent("GET", url, None)
            except GcloudFailed as error:
                if error.code == "NOT_FOUND":
                    return None
                is_transient = error.code in {"RESOURCE_EXHAUSTED", "UNAVAILABLE", "NETWORK", "ABORTED"}
                if pause_s is None or not (is_transient or (is_on and error.code == "SERVICE_DISABLED")):
                    raise
                self.notice(f"{error.what}; again in {pause_s:.0f} s")
                self.sleep(pause_s)
        return None

    def _sent(self, method: str, url: str, body: Mapping[str, Any] | None) -> Any:
        status, text = self._authorized(method, url, body)
        if status == 401:
            self._kept = None
            status, text = self._authorized(method, url, body)
        if status == 403 and _SHARED_CLIENT in text and not self._names_project:
            self._names_project = True
            status, text = self._authorized(method, url, body)
        answer = _json(text)
        if status != 200:
            raise refusal(method, url, status, text)
        if not isinstance(answer, dict):
            raise GcloudFailed("OTHER", "answered with something other than JSON", where=f"{method} {url}")
        return answer

    def _authorized(self, method: str, url: str, body: Mapping[str, Any] | None) -> tuple[int, str]:
        with self._lock:
            token = self._kept = self._kept or self.token()
        named = {"X-Goog-User-Project": _project(url)} if self._names_project else {}
        return self.send(method, url, body, {"Authorization": f"Bearer {token.reveal()}", **named})


def refusal(method: str, url: str, status: int, text: str) -> GcloudFailed:
    """Return the error of an answer, with its reason and remedy. Status 0: there was none, and the text says why."""
    where = f"{method} {url}"
    if status == 0:
        what = f"there was no answer ({text})"
        return GcloudFailed("NETWORK", what, where=where, fix=[f"curl https://{urlsplit(url).hostname}/"])
    answer = _json(text)
    error = answer.get("error") if isinstance(answer, dict) else None
    found = error if isinstance(error, dict) else {}
    message = str(found.get("message") or f"HTTP status {status}")
    argv = ((urlsplit(url).hostname or "").partition(".")[0], method, f"--project={_project(url)}")
    kind = kind_of(argv, f"{found.get('status', '')}: {message}")
    code = kind.code
    if code in {"ELSEWHERE", "OTHER"} and status == 404:
        code = "NOT_FOUND"
    if code in {"OTHER", "UNWORDED"} and status in _UNAVAILABLE:
        code = "UNAVAILABLE"
    return GcloudFailed(code, message.splitlines()[0], where=where, fix=kind.remedy)


def _project(url: str) -> str:
    return urlsplit(url).path.partition("/projects/")[2].partition("/")[0]


def _json(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return None
