"""Data Connectors: creates, changes and lists them, with DT's limits. Events are sent to those of type HTTP_PUSH only.

https://docs.developer.disruptive-technologies.com/docs/data-connectors/creating-a-data-connector; the other types as in
Terraform's provider (disruptive-technologies/terraform-provider-dt, internal/dt/data_connector.go), which sends every
field of every type, null if it has no value.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.emulators.clouds.dt.problems import Refusal
from tests.emulators.clouds.dt.xid import new_xid
from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.events import SAMPLES

MOST_PER_PROJECT = 10
STATUSES = ("ACTIVE", "USER_DISABLED")
METRICS_WINDOW_S = 3 * 3600.0
PUSH = "HTTP_PUSH"
CONFIGS: dict[str, tuple[str, Json]] = {
    PUSH: ("httpConfig", {"url": "", "signatureSecret": "", "headers": {}}),
    "GOOGLE_CLOUD_PUBSUB": ("pubsubConfig", {"topic": "", "audience": ""}),
    "AWS_SQS": ("awsSqsConfig", {"queueUrl": "", "awsRoleArn": "", "audience": ""}),
    "AZURE_SERVICE_BUS": ("azureServiceBusConfig", {"url": "", "authenticationConfig": {}, "brokerProperties": {}}),
    "AZURE_EVENT_HUB": ("azureEventHubConfig", {"url": "", "authenticationConfig": {}}),
}
"""The types of connectors, each with the name of its settings and their defaults."""
_REQUIRED = {"httpConfig": ("url",), "pubsubConfig": ("topic", "audience"), "awsSqsConfig": ("queueUrl",)}
_COMMON = {"displayName", "status", "events", "labels"}


@dataclass
class Counts:
    """The deliveries of a connector in the last three hours. ``clock``: monotonic, in seconds."""

    clock: Callable[[], float] = time.monotonic
    _deliveries: "deque[tuple[float, float | None]]" = field(default_factory=deque)
    _forgiven_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, seconds: float | None, began_at: float | None = None) -> None:
        """Add a delivery that took these seconds, or that failed (None). ``began_at``: now, if it is not given."""
        now = self.clock()
        with self._lock:
            if seconds is not None or (now if began_at is None else began_at) >= self._forgiven_at:
                self._deliveries.append((now, seconds))

    def forgive(self) -> None:
        """Forget all failures of deliveries that have begun, as if three hours had passed."""
        with self._lock:
            self._forgiven_at = self.clock()
            self._deliveries = deque(delivery for delivery in self._deliveries if delivery[1] is not None)

    def metrics(self) -> Json:
        """Return the counts in the format of DT's API."""
        since = self.clock() - METRICS_WINDOW_S
        with self._lock:
            while self._deliveries and self._deliveries[0][0] < since:
                self._deliveries.popleft()
            recent = [seconds for _, seconds in self._deliveries]
        ranked = sorted(seconds for seconds in recent if seconds is not None)
        slowest = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))] if ranked else 0.0
        counts = {"successCount": len(ranked), "errorCount": len(recent) - len(ranked)}
        return {"metrics": {**counts, "latency99p": f"{slowest:.3f}s"}}


class Connectors:
    """All connectors by full name. ``on_sync``: called with a connector that asks for the latest events again.

    Tests can change ``most_per_project``.
    """

    def __init__(self) -> None:
        self._connectors: dict[str, Json] = {}
        self._counts: dict[str, Counts] = {}
        self.most_per_project = MOST_PER_PROJECT
        self.on_sync: Callable[[Json], None] = lambda _: None

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
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
        """Return the connectors of a project."""
        prefix = f"projects/{project}/"
        return [connector for name, connector in list(self._connectors.items()) if name.startswith(prefix)]

    def names(self) -> list[str]:
        """Return the full names of all connectors."""
        return sorted(self._connectors)

    def current(self, name: str) -> Json | None:
        """Return a connector in its current state, or None if it does not exist or is not active."""
        connector = self._connectors.get(name)
        return connector if connector and connector["status"] == "ACTIVE" else None

    def switch_off(self, name: str) -> None:
        """Disable a connector, as DT does after five days of failed deliveries."""
        self._connectors[name] = {**self._connectors[name], "status": "SYSTEM_DISABLED"}

    def change(self, name: str, body: Json) -> None:
        """Change a connector as a request with this body does."""
        self._connectors[name] = _changed(self._connectors[name], body)

    def forgive(self) -> None:
        """Forget the failed deliveries of all connectors."""
        for counts in list(self._counts.values()):
            counts.forgive()

    def counts(self, name: str) -> Counts:
        """Return the counts of a connector, to which deliveries can be added."""
        return self._counts.setdefault(name, Counts())

    def _list(self, request: Request, project: str) -> Json:
        return page("dataConnectors", self.of(project), request, default=100, most=100)

    def add(self, project: str, body: Json) -> Json:
        """Create a connector, also beyond the limit. ``body``: a request's body; the default type is HTTP_PUSH."""
        wanted = _without_nulls(body)
        kind = wanted.pop("type", PUSH)
        if kind not in CONFIGS:
            raise Refusal(400, f"unknown type {kind!r}: one of {', '.join(CONFIGS)}")
        config, defaults = CONFIGS[kind]
        name = f"projects/{project}/dataconnectors/{new_xid()}"
        new: Json = {
            "name": name,
            "displayName": "",
            "type": kind,
            "status": "ACTIVE",
            "events": [],
            "labels": [],
            config: dict(defaults),
        }
        self._connectors[name] = _changed(new, wanted)
        return self._connectors[name]

    def _create(self, request: Request, project: str) -> Json:
        body = _without_nulls(request.json())
        body.pop("name", None)
        config, _ = CONFIGS.get(body.get("type") or "", ("", {}))
        if not config:
            raise Refusal(400, f"type is required: one of {', '.join(CONFIGS)}")
        given = body.get(config, {})
        missing = [name for name in _REQUIRED.get(config, ()) if not isinstance(given, dict) or not given.get(name)]
        if missing:
            raise Refusal(400, f"{config}.{missing[0]} is required")
        if len(self.of(project)) >= self.most_per_project:
            raise Refusal(400, f"a project can have at most {self.most_per_project} data connectors")
        return self.add(project, body)

    def _get(self, _: Request, project: str, connector: str) -> Json:
        name = f"projects/{project}/dataconnectors/{connector}"
        if name not in self._connectors:
            raise Refusal(404, f"data connector {connector} not found")
        return self._connectors[name]

    def _update(self, request: Request, project: str, connector: str) -> Json:
        before, body = self._get(request, project, connector), _without_nulls(request.json())
        if body.pop("type", before["type"]) != before["type"]:
            raise Refusal(400, "type cannot be changed")
        if body.pop("name", before["name"]) != before["name"]:
            raise Refusal(400, "name cannot be changed")
        mask = [path for path in request.parameter("updateMask", "update_mask").split(",") if path]
        self._connectors[before["name"]] = _changed(before, _chosen(body, mask, before) if mask else body)
        return self._connectors[before["name"]]

    def _delete(self, request: Request, project: str, connector: str) -> Json:
        del self._connectors[self._get(request, project, connector)["name"]]
        return {}

    def _sync(self, request: Request, project: str, connector: str) -> Json:
        self.on_sync(self._get(request, project, connector))
        return {}

    def _metrics(self, request: Request, project: str, connector: str) -> Json:
        return self.counts(self._get(request, project, connector)["name"]).metrics()


def _without_nulls(body: Json) -> Json:
    """Return a body without its null values, because null means that a field is not set."""
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in body.items()
        if value is not None
    }


def _chosen(body: Json, mask: Iterable[str], connector: Json) -> Json:
    """Return the fields that a mask names. A field that the body does not have gets its default."""
    config, defaults = CONFIGS[connector["type"]]
    empty: Json = {"displayName": "", "status": "ACTIVE", "events": [], "labels": [], config: defaults}
    chosen: Json = {}
    for path in mask:
        head, _, rest = path.partition(".")
        if head not in empty or (rest and (head != config or rest not in defaults)):
            raise Refusal(400, f"unknown field {path!r} in the update mask")
        if rest:
            chosen.setdefault(head, {})[rest] = body.get(head, {}).get(rest, defaults[rest])
        else:
            chosen[head] = {**defaults, **body.get(head, {})} if head == config else body.get(head, empty[head])
    return chosen


def _changed(before: Json, body: Json) -> Json:
    """Return a connector with the requested changes. Raises ``Refusal`` if they are invalid."""
    config, defaults = CONFIGS[before["type"]]
    push = body.get(config, {})
    if not isinstance(push, dict):
        raise Refusal(400, f"{config} has to be an object")
    unknown = [*sorted(body.keys() - _COMMON - {config}), *sorted(push.keys() - defaults.keys())]
    if unknown:
        raise Refusal(400, f"unknown fields: {', '.join(unknown)}")
    after: Json = {**before, **body}
    after[config] = {**before[config], **push}
    _check(after)
    if body.get("status", STATUSES[0]) not in STATUSES:
        raise Refusal(400, f"status has to be one of {', '.join(STATUSES)}")
    return after


def _check(connector: Json) -> None:
    if not all(_is_of_strings(connector[name]) for name in ("events", "labels")):
        raise Refusal(400, "events and labels have to be lists of text")
    if not isinstance(connector["displayName"], str):
        raise Refusal(400, "displayName has to be text")
    if unknown := [name for name in connector["events"] if name not in SAMPLES]:
        raise Refusal(400, f"unknown event types: {unknown}")
    if connector["type"] == PUSH:
        _check_push(connector["httpConfig"])


def _check_push(push: Json) -> None:
    if not _is_of_strings([push["url"], push["signatureSecret"]]):
        raise Refusal(400, "httpConfig.url and httpConfig.signatureSecret have to be text")
    url = urlsplit(push["url"])
    if url.scheme != "https" or not url.hostname:
        raise Refusal(400, "httpConfig.url has to be an https URL")
    if not isinstance(push["headers"], dict) or not _is_of_strings(list(push["headers"].values())):
        raise Refusal(400, "httpConfig.headers has to map text to text")


def _is_of_strings(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
