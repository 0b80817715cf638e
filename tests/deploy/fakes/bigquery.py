"""A fake of BigQuery's REST API that knows one kind of query: the events of a window of one table, one row each.

It refuses what BigQuery would refuse: another table, a project that is not charged, parameters of another type.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deploy.google.calls import Answer, Call
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.fakes.pubsub import TOKEN, refusal

JOBS = f"https://bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}/queries"
TABLE = f"{PROJECT}.sensors.events"
_FROM = re.compile(
    r"FROM `([^`]+)`\s+WHERE event_time >= @window_start AND event_time < @window_end "
    r"AND event_id IS NOT NULL\s+GROUP BY"
)


@dataclass(frozen=True)
class TableRow:
    """A row: a message."""

    event_id: str
    device: str
    event_type: str
    event_time: str
    project: str
    publish_time: str


@dataclass
class FakeBigQuery:
    """One table. ``runs_for``: answers that a query still runs. ``stumbles``: answers in place of the next ones."""

    rows: list[TableRow] = field(default_factory=list)
    page_rows: int = 2
    runs_for: int = 0
    stumbles: list[Answer] = field(default_factory=list)
    asked: list[Call] = field(default_factory=list)
    answer: list[list[str]] = field(default_factory=list)

    def __call__(self, call: Call) -> Answer:
        """Answer a call."""
        self.asked.append(call)
        if self.stumbles:
            return self.stumbles.pop(0)
        assert call.headers["Authorization"] == f"Bearer {TOKEN}"
        assert call.headers["X-Goog-User-Project"] == PROJECT
        if call.method == "POST":
            assert call.url == JOBS
            return self._begin(json.loads(json.dumps(call.body)))
        parts = urlsplit(call.url)
        asked = {key: value for key, (value,) in parse_qs(parts.query).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{JOBS}/job_1"
        if asked.get("location") != "EU":
            return refusal(404, f"Not found: Job {PROJECT}:US.job_1")
        return self._page(int(asked.get("pageToken", "0")))

    def _begin(self, body: dict[str, Any]) -> Answer:
        assert (body["useLegacySql"], body["parameterMode"]) == (False, "NAMED")
        found = _FROM.search(body["query"])
        assert found, body["query"]
        if found[1] != TABLE:
            return refusal(404, f"Not found: Table {found[1]} was not found in location EU")
        given = {one["name"]: one for one in body["queryParameters"]}
        assert all(one["parameterType"] == {"type": "TIMESTAMP"} for one in given.values())
        start, end = (
            datetime.fromisoformat(given[name]["parameterValue"]["value"]) for name in ("window_start", "window_end")
        )
        self.answer = self._select(start, end)
        return self._page(0)

    def _select(self, start: datetime, end: datetime) -> list[list[str]]:
        chosen = [row for row in self.rows if start <= datetime.fromisoformat(row.event_time) < end]
        copies = Counter(row.event_id for row in chosen)
        first = {row.event_id: row for row in reversed(chosen)}
        return [
            [
                *(row.event_id, row.project, row.device, row.event_type),
                *(str(int(datetime.fromisoformat(at).timestamp() * 1e6)) for at in (row.event_time, row.publish_time)),
                str(copies[row.event_id]),
            ]
            for row in first.values()
        ]

    def _page(self, first: int) -> Answer:
        job = {"projectId": PROJECT, "jobId": "job_1", "location": "EU"}
        if self.runs_for:
            self.runs_for -= 1
            return Answer(200, {"jobComplete": False, "jobReference": job})
        last = first + self.page_rows
        rows = [{"f": [{"v": value} for value in row]} for row in self.answer[first:last]]
        more = {"pageToken": str(last)} if last < len(self.answer) else {}
        return Answer(200, {"jobComplete": True, "jobReference": job, "rows": rows, **more})
