"""BigQuery's REST API: the answer to one query, page by page.

https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from deploy.errors import GcloudFailed
from deploy.google.access_token import AccessTokens
from deploy.google.api import refusal
from deploy.google.authorized import AuthorizedSend
from deploy.google.calls import Answer, Call, Send
from deploy.google.retries import TRANSIENT_CODES, repeated

BASE = "https://bigquery.googleapis.com/bigquery/v2"

PAGE_ROWS = 20_000
"""Rows of one page at most; Google cuts a page at 10 MB by itself."""

WAIT_MS = 20_000
"""How long Google waits for the end of a query before it answers that the query still runs."""

READ_S = 60.0
PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Pauses after failures that pass by themselves. A query is only read, so that it can be sent again."""

Row = Sequence[str | None]
"""The values of one row, as text, as Google sends them."""


class BigQuery:
    """Queries of one project, as the user of gcloud's login."""

    def __init__(
        self, project: str, tokens: AccessTokens, send: Send, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._jobs = f"{BASE}/projects/{project}/queries"
        self._send = AuthorizedSend(tokens, send)
        self._sleep = sleep

    def rows(self, query: str, times: Mapping[str, str]) -> Iterator[Row]:
        """Yield the rows of a query in GoogleSQL. ``times``: its named parameters of the type TIMESTAMP.

        Raises:
            GcloudFailed: Google refused the query, did not answer, or answered with something else than documented.

        """
        parameters = [
            {"name": name, "parameterType": {"type": "TIMESTAMP"}, "parameterValue": {"value": value}}
            for name, value in times.items()
        ]
        body = {
            "query": query,
            "useLegacySql": False,
            "parameterMode": "NAMED",
            "queryParameters": parameters,
            "maxResults": PAGE_ROWS,
            "timeoutMs": WAIT_MS,
        }
        answer = self._call("POST", self._jobs, body)
        while True:
            if answer.get("jobComplete"):
                yield from _rows_of(answer, self._jobs)
                if not answer.get("pageToken"):
                    return
            answer = self._call("GET", self._next(answer))

    def _next(self, answer: Mapping[str, Any]) -> str:
        """Return the URL of the next page, or of the first one while the query runs."""
        try:
            job = answer["jobReference"]
            place, url = job.get("location") or "", f"{self._jobs}/{quote(job['jobId'], safe='')}"
            token = answer.get("pageToken") if answer.get("jobComplete") else None
            wanted = {"location": place, "pageToken": token, "maxResults": str(PAGE_ROWS), "timeoutMs": str(WAIT_MS)}
            return f"{url}?{'&'.join(f'{key}={quote(value)}' for key, value in wanted.items() if value)}"
        except (AttributeError, KeyError, TypeError):
            raise _unexpected(self._jobs) from None

    def _call(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        call = Call(method, url, body, read_s=READ_S)
        answer = repeated(lambda: self._send(call), PAUSES_S, self._is_transient, self._sleep)
        if answer.status != 200:
            raise refusal(method, self._jobs, answer)
        if not isinstance(answer.body, dict):
            raise _unexpected(self._jobs)
        return answer.body

    def _is_transient(self, answer: Answer) -> bool:
        return answer.status != 200 and refusal("", self._jobs, answer).code in TRANSIENT_CODES


def _rows_of(answer: Mapping[str, Any], url: str) -> Iterator[Row]:
    try:
        for row in answer.get("rows") or ():
            yield [cell["v"] for cell in row["f"]]
    except (KeyError, TypeError):
        raise _unexpected(url) from None


def _unexpected(url: str) -> GcloudFailed:
    return GcloudFailed("OTHER", "its answer has an unexpected structure", where=url)
