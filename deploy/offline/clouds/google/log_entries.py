"""``logging.googleapis.com`` v2, for ``gcloud logging read``: what functions wrote that run now, or did not start.

A line's time is that at which it was first asked for. Of filters, the names of service and revision, the event's id
and the least severity count; the rest of a filter is passed over.
https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
"""

import json
import re

from deploy.offline.clouds.exchange import Json, Request, Route, page
from deploy.offline.clouds.google.estate import Estate, timestamp
from deploy.offline.clouds.google.problems import invalid
from deploy.offline.clouds.google.run import Run

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_OF_LABEL = {name: re.compile(rf'{name}"?\s*=\s*"?([\w-]+)') for name in ("service_name", "revision_name")}
_EVENT = re.compile(r'jsonPayload\.eventId\s*=\s*"([^"]*)"')
_SEVERITY = re.compile(r'severity\s*>=\s*"?([A-Z]+)')


class LogEntries:
    """The log of the project."""

    def __init__(self, estate: Estate, run: Run) -> None:
        self._estate = estate
        self._run = run
        self._entries: dict[tuple[str, int], Json] = {}

    def routes(self) -> list[Route]:
        """All that is played."""
        return [Route("POST", "/v2/entries:list", self._list, "logging.logEntries.list")]

    def _list(self, request: Request) -> Json:
        asked = request.json()
        for name in asked.get("resourceNames", []):
            self._estate.check_project(name.split("/")[1])
        self._collect()
        wanted = [entry for entry in self._entries.values() if _is_wanted(entry, asked.get("filter", ""))]
        if asked.get("orderBy") == "timestamp desc":
            wanted.reverse()
        elif asked.get("orderBy", "timestamp asc") != "timestamp asc":
            raise invalid("orderBy has to be timestamp asc or timestamp desc.")
        size, token = str(asked.get("pageSize", 50)), str(asked.get("pageToken", ""))
        paging = Request("GET", "", "", {"pageSize": [size], "pageToken": [token]})
        return page("entries", wanted, paging, default=50, most=1000)

    def _collect(self) -> None:
        for service in list(self._run.services.values()):
            if service.revision:
                self._note(service.name, service.region, service.revision.name, service.revision.log())
        for failed in self._run.failed:
            self._note(failed.service, failed.region, failed.revision, failed.log)

    def _note(self, service: str, region: str, revision: str, log: str) -> None:
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
                    **_payload(line),
                }


def _payload(line: str) -> Json:
    """A line of JSON is a structure, with its severity taken out of it; any other is text."""
    try:
        read = json.loads(line)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        return {"severity": "DEFAULT", "textPayload": line}
    return {"severity": read.pop("severity", "DEFAULT"), "jsonPayload": read}


def _is_wanted(entry: Json, text: str) -> bool:
    event = _EVENT.search(text)
    if event and entry.get("jsonPayload", {}).get("eventId") != event[1]:
        return False
    labels, severity = entry["resource"]["labels"], _SEVERITY.search(text)
    asked = {name: found[1] for name, label in _OF_LABEL.items() if (found := label.search(text))}
    if any(labels[name] != value for name, value in asked.items()):
        return False
    least = SEVERITIES.index(severity[1]) if severity and severity[1] in SEVERITIES else 0
    found = entry["severity"]
    return found in SEVERITIES and SEVERITIES.index(found) >= least
