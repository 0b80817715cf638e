"""``logging.googleapis.com`` v2, for ``gcloud logging read``: the log lines of running functions and of failed starts.

The time of a line is the time of the first request, or of the first ``collect``, that found it. ``log_filter`` applies
filters, and refuses what it does not know.
https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
"""

import json
import threading

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.log_filter import parse_filter
from tests.emulators.clouds.google.problems import invalid
from tests.emulators.clouds.google.run import Run


class LogEntries:
    """The log of the project."""

    def __init__(self, estate: Estate, run: Run) -> None:
        self._estate = estate
        self._run = run
        self._entries: dict[tuple[str, int], Json] = {}
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        return [Route("POST", "/v2/entries:list", self._list, "logging.logEntries.list")]

    def _list(self, request: Request) -> Json:
        requested = request.json()
        for name in requested.get("resourceNames", []):
            self._estate.check_project(name.split("/")[1])
        is_wanted = parse_filter(requested.get("filter", ""))
        wanted = [entry for entry in self.collect() if is_wanted(entry)]
        if requested.get("orderBy") == "timestamp desc":
            wanted.reverse()
        elif requested.get("orderBy", "timestamp asc") != "timestamp asc":
            raise invalid("orderBy has to be timestamp asc or timestamp desc.")
        size, token = str(requested.get("pageSize", 50)), str(requested.get("pageToken", ""))
        paging = Request("GET", "", "", {"pageSize": [size], "pageToken": [token]})
        return page("entries", wanted, paging, default=50, most=1000)

    def collect(self) -> list[Json]:
        """Read the new lines of all revisions, and return all entries, oldest first."""
        with self._lock:
            for service in list(self._run.services.values()):
                for revision in service.revisions:
                    self._add(service.name, service.region, revision.name, revision.log())
            for failed in list(self._run.failed):
                self._add(failed.service, failed.region, failed.revision, failed.log)
            return list(self._entries.values())

    def _add(self, service: str, region: str, revision: str, log: str) -> None:
        labels = {
            "project_id": self._estate.project,
            "location": region,
            "service_name": service,
            "revision_name": revision,
        }
        for number, line in enumerate(log.split("\n")[:-1]):
            key = (revision, number)
            if key not in self._entries:
                self._entries[key] = {
                    "insertId": f"{revision}-{number}",
                    "logName": f"projects/{self._estate.project}/logs/run.googleapis.com%2Fstdout",
                    "resource": {"type": "cloud_run_revision", "labels": labels},
                    "timestamp": timestamp(),
                    **fields_of(line),
                }


_SPECIAL = "logging.googleapis.com/"


def fields_of(line: str) -> Json:
    """Return the fields of an entry that a line sets: JSON without its special fields, or else text.

    https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields
    """
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    labels = {"goog-managed-by": "cloudfunctions"}
    if not isinstance(value, dict):
        return {"labels": labels, "severity": "DEFAULT", "textPayload": line}
    lifted = {name: value.pop(_SPECIAL + name) for name in ("trace", "spanId") if _SPECIAL + name in value}
    labels |= value.pop(f"{_SPECIAL}labels", {})
    return {"labels": labels, **lifted, "severity": value.pop("severity", "DEFAULT"), "jsonPayload": value}
