"""A fake of DT's cloud in memory: what exists, what was requested, what fails."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.dt.calls import DtAnswer, DtRequest
from tests.deploy.fakes.history import FakeHistory

DT_PROJECT = "c0md3pm0p7bet3vico8g"
SECOND = "bsuu3fmh1p7g00c9m8og"
ORGANIZATION = "b8ntihoaplm0028st07g"
ROLE_DEVELOPER = ("dataconnector.create", "dataconnector.delete", "dataconnector.read", "dataconnector.update")


@dataclass
class FakeDt:
    """DT's cloud: the projects of a service account, their connectors and emulated devices.

    ``organizations``: the organization of each project that is not in ``ORGANIZATION``. ``sensor_counts``: of each
    project for which DT says a number.

    ``stumbles`` are answers that replace those of the next calls; ``swallows`` is the number of POSTs of a connector
    that are carried out and not answered; ``interrupts`` are the groups of which the next POST is carried out, and then
    ended by Ctrl-C; ``lists_behind`` is the number of lists that do not have a new connector or device yet;
    ``before`` is called with each request, and may answer it in place of DT; ``after`` is called when it is answered;
    ``statuses_behind`` is the number of lists after a PATCH that still show paused connectors as paused; the next PATCH
    in a project of ``refuses`` is refused; ``history`` is DT's history of events of any device, ``histories`` that of
    each; ``on_event`` is called with each emulated event.
    """

    connectors: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {DT_PROJECT: []})
    organizations: dict[str, str] = field(default_factory=dict)
    sensor_counts: dict[str, int] = field(default_factory=dict)
    permissions: Sequence[str] = ROLE_DEVELOPER
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    histories: FakeHistory = field(default_factory=FakeHistory)
    emulator_is_allowed: bool = True
    removes_devices: bool = True
    shows_secrets: bool = True
    lists_behind: int = 0
    statuses_behind: int = 0
    refuses: list[str] = field(default_factory=list)
    metrics: Any = field(default_factory=lambda: {"successCount": 9, "errorCount": 0, "latency99p": "0.411s"})
    fails_metrics: bool = False
    swallows: int = 0
    interrupts: list[str] = field(default_factory=list)
    page_size: int = 100
    stumbles: list[DtAnswer] = field(default_factory=list)
    asked: list[DtRequest] = field(default_factory=list)
    on_event: Callable[[str, str, Mapping[str, Any]], None] = lambda *_: None
    _new_device: str = ""
    _new: dict[str, Any] | None = None
    before: Callable[[DtRequest], DtAnswer | None] = lambda _: None
    after: Callable[[DtRequest], object] = lambda _: None
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Answer one call."""
        answer = self._answer(request)
        self.after(request)
        return answer

    def _answer(self, request: DtRequest) -> DtAnswer:
        self.asked.append(request)
        if answer := self.before(request) or (self.stumbles.pop(0) if self.stumbles else None):
            return answer
        if request.path == "/projects":
            return self._projects(request)
        found = re.fullmatch(r"/projects/([^/]+)(?:/(\w+)(?:/([^/:]+))?(?:[:/](\w+))?)?", request.path)
        assert found, request.path
        project, group, item, action = found.groups()
        if project not in self.connectors:
            return _refusal(404, "not found")
        if group == "dataconnectors":
            return self._connector(request, project, item, action)
        if group == "devices":
            return self._device(request, project, item, action)
        return DtAnswer(200, {"permissions": list(self.permissions)} if group == "permissions" else self._one(project))

    def _one(self, project: str) -> dict[str, Any]:
        organization = self.organizations.get(project, ORGANIZATION)
        return {
            "name": f"projects/{project}",
            "displayName": f"Building {project[:3]}",
            "organization": f"organizations/{organization}",
            "organizationDisplayName": f"Company {organization[:3]}",
            **({"sensorCount": self.sensor_counts[project]} if project in self.sensor_counts else {}),
        }

    def _projects(self, request: DtRequest) -> DtAnswer:
        first = int(str(request.params.get("pageToken", "0")))
        last = first + self.page_size
        more = str(last) if last < len(self.connectors) else ""
        listed = [self._one(project) for project in self.connectors]
        return DtAnswer(200, {"projects": listed[first:last], "nextPageToken": more})

    def has_connector(self, project: str = DT_PROJECT, **settings: Any) -> dict[str, Any]:
        """Add a connector of another owner; return it."""
        made = {
            "name": f"projects/{project}/dataconnectors/dc{next(self._ids):018}",
            "displayName": "somebody's",
            "type": "HTTP_PUSH",
            "status": "ACTIVE",
            "events": [],
            "labels": [],
            "httpConfig": {"url": "https://example.com/", "signatureSecret": "", "headers": {}},
            **settings,
        }
        self.connectors.setdefault(project, []).append(made)
        return made

    def has_device(self, device: str, project: str = DT_PROJECT, **fields: Any) -> None:
        """Add a sensor, or replace it."""
        sensor = {"type": "temperature", "productNumber": "100110", "labels": {"name": f"Fridge {device}"}}
        self.devices[device] = {"name": f"projects/{project}/devices/{device}", **sensor, **fields}

    def calls(self, method: str) -> list[DtRequest]:
        """Return the requests with this method for connectors."""
        return [request for request in self.asked if request.method == method and "/dataconnectors" in request.path]

    def _connector(self, request: DtRequest, project: str, item: str | None, action: str | None) -> DtAnswer:
        body = dict(request.body or {})
        if request.method == "POST" and item is None:
            self._new = made = self.has_connector(
                project, **{**body, "httpConfig": {"headers": {}, **body.pop("httpConfig")}}
            )
            return self._answer_to("dataconnectors", made)
        if item is None:
            return self._page(request, project)
        found = next(
            (connector for connector in self.connectors[project] if connector["name"].endswith(f"/{item}")), None
        )
        return self._one_connector(request, project, found, action) if found else _refusal(404, "not found")

    def _answer_to(self, group: str, made: Mapping[str, Any]) -> DtAnswer:
        """Return the answer to a POST that was carried out, unless it is lost."""
        if group in self.interrupts:
            self.interrupts.remove(group)
            raise KeyboardInterrupt
        if self.swallows:
            self.swallows -= 1
            return DtAnswer(0, {"error": "no usable answer (ReadTimeout)"})
        return DtAnswer(200, made)

    def _one_connector(self, request: DtRequest, project: str, found: dict[str, Any], action: str | None) -> DtAnswer:
        if action == "metrics" and self.fails_metrics:
            return _refusal(403, "permission denied")
        if action == "metrics":
            return DtAnswer(200, {"metrics": self.metrics})
        if request.method == "GET":
            return DtAnswer(200, self._shown(found))
        if request.method == "DELETE":
            self.connectors[project].remove(found)
            return DtAnswer(200, {})
        if project in self.refuses:
            self.refuses.remove(project)
            return _refusal(403, "permission denied")
        body = dict(request.body or {})
        found["httpConfig"] |= body.pop("httpConfig", {})
        found |= body
        return DtAnswer(200, found)

    def _page(self, request: DtRequest, project: str) -> DtAnswer:
        first = int(str(request.params.get("pageToken", "0")))
        last = first + self.page_size
        more = str(last) if last < len(self.connectors[project]) else ""
        if self._new and self.lists_behind:
            self.lists_behind -= 1
            return DtAnswer(
                200, {"dataConnectors": [connector for connector in self.connectors[project] if connector != self._new]}
            )
        if self.statuses_behind and any(earlier.method == "PATCH" for earlier in self.asked):
            self.statuses_behind -= 1
            behind = [{**connector, "status": "USER_DISABLED"} for connector in self.connectors[project]]
            return DtAnswer(200, {"dataConnectors": behind})
        listed = [self._shown(connector) for connector in self.connectors[project][first:last]]
        return DtAnswer(200, {"dataConnectors": listed, "nextPageToken": more})

    def _shown(self, connector: dict[str, Any]) -> dict[str, Any]:
        if self.shows_secrets or "httpConfig" not in connector:
            return connector
        return {**connector, "httpConfig": {**connector["httpConfig"], "signatureSecret": "********"}}

    def _device(self, request: DtRequest, project: str, item: str | None, action: str | None) -> DtAnswer:
        if not self.emulator_is_allowed or (request.method == "DELETE" and not self.removes_devices):
            return _refusal(403, "permission denied")
        if request.method == "GET":
            return self._device_read(request, project, item, action)
        if item is None:
            device = f"emu{next(self._ids):020}"
            self.devices[device] = {"name": f"projects/{project}/devices/{device}", **(request.body or {})}
            self._new_device = device
            return self._answer_to("devices", self.devices[device])
        if action == "publish":
            self.on_event(project, item, request.body or {})
        else:
            self.devices.pop(item, None)
        return DtAnswer(200, {})

    def _device_read(self, request: DtRequest, project: str, item: str | None, action: str | None) -> DtAnswer:
        if item is None:
            return self._devices_page(request, project)
        if action == "events" and "startTime" in request.params:
            return self.histories.answer(item, request)
        if action == "events":
            return DtAnswer(200, {"events": self.history})
        found = self.devices.get(item, {"name": ""})
        return DtAnswer(200, found) if f"/{project}/" in found["name"] else _refusal(404, "device not found")

    def _devices_page(self, request: DtRequest, project: str) -> DtAnswer:
        key, _, value = str(request.params.get("label_filters", "")).partition("=")
        there = [device for device in self.devices.values() if not key or device["labels"].get(key) == value]
        if self._new_device and self.lists_behind:
            self.lists_behind -= 1
            there = [device for device in there if not device["name"].endswith(f"/{self._new_device}")]
        first = int(str(request.params.get("pageToken", "0")))
        last, there = first + self.page_size, [device for device in there if f"/{project}/" in device["name"]]
        return DtAnswer(200, {"devices": there[first:last], "nextPageToken": str(last) if there[last:] else ""})


def _refusal(status: int, sentence: str) -> DtAnswer:
    return DtAnswer(status, {"error": sentence, "code": status})
