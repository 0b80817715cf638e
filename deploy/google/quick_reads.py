"""Answers read commands of gcloud by the requests that gcloud would send: a process for each takes most of a second.

If the answer is anything but complete and successful, gcloud itself has to run the command. So its repetitions, its
errors with their fixes, and what counts as absent are the same.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from deploy.errors import GcloudFailed
from deploy.google.calls import Call, Send
from deploy.google.read_requests import ReadRequest, request_of
from deploy.spec import MARK
from deploy.steps import Argv


class QuickReads:
    """Reads by REST. Safe to use from several threads.

    ``send`` adds the token of gcloud's login. ``is_usual`` returns whether gcloud reaches Google's usual servers. If
    there is no answer once, for example because only gcloud knows the proxy, this asks for nothing more.
    """

    def __init__(self, send: Send, is_usual: Callable[[], bool], now: Callable[[], float]) -> None:
        self._send = send
        self._is_usual = is_usual
        self._now = now
        self._is_cut_off = threading.Event()

    def answer(self, argv: Argv) -> Any:
        """Return what the command would print as JSON; None if gcloud has to run it."""
        request = request_of(argv, self._now())
        if request is None or self._is_cut_off.is_set() or not self._is_usual():
            return None
        try:
            return self._all_items(request) if request.items else self._resource(request)
        except GcloudFailed:  # no login: gcloud's own error says which
            self._is_cut_off.set()
            return None

    def _all_items(self, request: ReadRequest) -> list[Any] | None:
        """Return the items of all pages; None if a page cannot be read."""
        items: list[Any] = []
        token, seen = "", set[str]()
        while token not in seen and (page := self._asked(request, token)) is not None:
            found = _items_of(page, request.items)
            if found is None:
                return None
            items += [item for item in found if not request.label or _has_label(item, request.label)]
            seen.add(token)
            token = str(page.get("nextPageToken") or "")
            if not token or (request.most is not None and len(items) >= request.most):
                return items[: request.most]
        return None

    def _resource(self, request: ReadRequest) -> dict[str, Any] | None:
        """Return one resource; None if it cannot be read. Only an IAM policy may be empty."""
        found = self._asked(request, "")
        return found if found or request.is_policy else None

    def _asked(self, request: ReadRequest, token: str) -> dict[str, Any] | None:
        """Return the JSON of one answer; None if there is none."""
        url, body = request.url, request.body
        if body is not None:
            call = Call("POST", url, {**body, "pageToken": token} if token else body)
        else:
            more = urlencode({"pageToken": token}) if token else ""
            call = Call("GET", f"{url}{'&' if '?' in url else '?'}{more}" if more else url)
        answer = self._send(call)
        if answer.status == 0:
            self._is_cut_off.set()
        is_answer = answer.status == 200 and isinstance(answer.body, dict) and "error" not in answer.body
        return answer.body if is_answer else None


def _items_of(page: Mapping[str, Any], name: str) -> list[dict[str, Any]] | None:
    """Return the items of a page; None if it is no such page, or if Google could not read all regions."""
    if page.get("unreachable") or (name not in page and page.keys() - {"nextPageToken"}):
        return None
    found = page.get(name, [])
    return found if isinstance(found, list) and all(isinstance(item, dict) for item in found) else None


def _has_label(item: dict[str, Any], label: str) -> bool:
    labels = item.get("labels")
    return isinstance(labels, dict) and labels.get(MARK) == label
