"""Data Connectors of type HTTP_PUSH: made, changed, listed, with DT's limits.

https://docs.developer.disruptive-technologies.com/docs/data-connectors/creating-a-data-connector
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from deploy.offline.clouds.dt.problems import Refusal
from deploy.offline.clouds.dt.xid import new_xid
from deploy.offline.clouds.exchange import Json, Request, Route, page
from deploy.offline.events import SAMPLES

MOST_PER_PROJECT = 10
STATUSES = ("ACTIVE", "USER_DISABLED")
_SETTABLE = {"displayName", "status", "events", "labels", "httpConfig"}
_PUSH_SETTINGS = {"url", "signatureSecret", "headers"}


@dataclass
class Counts:
    """How a connector has fared: the seconds of each success, and the failures. DT's window is three hours."""

    successes_s: list[float] = field(default_factory=list)
    errors: int = 0

    def metrics(self) -> Json:
        """As DT shows them."""
        ranked = sorted(self.successes_s)
        slowest = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))] if ranked else 0.0
        counts = {"successCount": len(ranked), "errorCount": self.errors}
        return {"metrics": {**counts, "latency99p": f"{slowest:.3f}s"}}


class Connectors:
    """All connectors by full name; ``on_sync`` is told of a connector that wants the latest events again.

    ``most_per_project`` is for tests to change.
    """

    def __init__(self) -> None:
        self._connectors: dict[str, Json] = {}
        self._counts: dict[str, Counts] = {}
        self.most_per_project = MOST_PER_PROJECT
        self.on_sync: Callable[[Json], None] = lambda _: None

    def routes(self) -> list[Route]:
        """All that is played."""
        many = "/v2/projects/{project}/dataconnectors"
        one = many + "/{connector}"
        return [
            Route("GET", many, self._list, "dataconnector.read"),
            Route("POST", many, self._create, "dataconnector.create"),
            Route("GET", one, self._get, "dataconnector.read"),
            Route("PATCH", one, self._update, "dataconnector.update"),
            Route("DELETE", one, self._delete, "dataconnector.delete"),
            Route("POST", one + ":sync", self._sync, "dataconnector.update"),
            Route("GET", one + ":metrics", self._metrics, "dataconnector.read"),
        ]

    def of(self, project: str) -> list[Json]:
        """Give the connectors of a project."""
        return [each for name, each in list(self._connectors.items()) if name.startswith(f"projects/{project}/")]

    def names(self) -> list[str]:
        """Give the full names of all connectors."""
        return sorted(self._connectors)

    def current(self, name: str) -> Json | None:
        """Give a connector as it is now, if it is there and active."""
        connector = self._connectors.get(name)
        return connector if connector and connector["status"] == "ACTIVE" else None

    def switch_off(self, name: str) -> None:
        """Do as DT does with a connector that has failed for five days."""
        self._connectors[name] = {**self._connectors[name], "status": "SYSTEM_DISABLED"}

    def counts(self, name: str) -> Counts:
        """Give how a connector has fared, to be counted on."""
        return self._counts.setdefault(name, Counts())

    def _list(self, request: Request, project: str) -> Json:
        return page("dataConnectors", self.of(project), request, default=100, most=100)

    def add(self, project: str, asked: Json) -> Json:
        """Make one, however many there are; ``asked`` is a request's body without the type."""
        name = f"projects/{project}/dataconnectors/{new_xid()}"
        new: Json = {
            "name": name,
            "displayName": "",
            "type": "HTTP_PUSH",
            "status": "ACTIVE",
            "events": [],
            "labels": [],
            "httpConfig": {"url": "", "signatureSecret": "", "headers": {}},
        }
        self._connectors[name] = _changed(new, asked)
        return self._connectors[name]

    def _create(self, request: Request, project: str) -> Json:
        asked = request.json()
        if asked.pop("type", None) != "HTTP_PUSH":
            raise Refusal(400, "type is required, and only HTTP_PUSH is played here")
        if "url" not in asked.get("httpConfig", {}):
            raise Refusal(400, "httpConfig.url is required")
        if len(self.of(project)) >= self.most_per_project:
            raise Refusal(400, f"a project can have at most {self.most_per_project} data connectors")
        return self.add(project, asked)

    def _get(self, _: Request, project: str, connector: str) -> Json:
        name = f"projects/{project}/dataconnectors/{connector}"
        if name not in self._connectors:
            raise Refusal(404, f"data connector {connector} not found")
        return self._connectors[name]

    def _update(self, request: Request, project: str, connector: str) -> Json:
        before, asked = self._get(request, project, connector), request.json()
        if asked.pop("type", before["type"]) != before["type"]:
            raise Refusal(400, "type cannot be changed")
        mask = {path.partition(".")[0] for path in request.parameter("updateMask", "update_mask").split(",") if path}
        chosen = {key: value for key, value in asked.items() if not mask or key in mask}
        self._connectors[before["name"]] = _changed(before, chosen)
        return self._connectors[before["name"]]

    def _delete(self, request: Request, project: str, connector: str) -> Json:
        del self._connectors[self._get(request, project, connector)["name"]]
        return {}

    def _sync(self, request: Request, project: str, connector: str) -> Json:
        self.on_sync(self._get(request, project, connector))
        return {}

    def _metrics(self, request: Request, project: str, connector: str) -> Json:
        return self.counts(self._get(request, project, connector)["name"]).metrics()


def _changed(before: Json, asked: Json) -> Json:
    """A connector with what was asked for, if that is sound."""
    unknown = sorted(asked.keys() - _SETTABLE - {"name"})
    push = asked.get("httpConfig", {})
    if unknown or push.keys() - _PUSH_SETTINGS:
        raise Refusal(400, f"unknown fields: {', '.join([*unknown, *sorted(push.keys() - _PUSH_SETTINGS)])}")
    after: Json = {**before, **{key: value for key, value in asked.items() if key != "name"}}
    after["httpConfig"] = {**before["httpConfig"], **push}
    _check(after)
    if asked.get("status", STATUSES[0]) not in STATUSES:
        raise Refusal(400, f"status has to be one of {', '.join(STATUSES)}")
    return after


def _check(connector: Json) -> None:
    push = connector["httpConfig"]
    url = urlsplit(push["url"])
    if url.scheme != "https" or not url.hostname:
        raise Refusal(400, "httpConfig.url has to be an https URL")
    if unknown := [each for each in connector["events"] if each not in SAMPLES]:
        raise Refusal(400, f"unknown event types: {unknown}")
    if not _is_of_strings(connector["labels"]) or not isinstance(push["signatureSecret"], str):
        raise Refusal(400, "labels and httpConfig.signatureSecret have to be text")
    if not isinstance(push["headers"], dict) or not _is_of_strings(push["headers"].values()):
        raise Refusal(400, "httpConfig.headers has to map text to text")


def _is_of_strings(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)
