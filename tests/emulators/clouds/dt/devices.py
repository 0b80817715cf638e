"""Devices, emulated or not, with their labels and their events, which the history keeps.

https://docs.developer.disruptive-technologies.com/docs/other/sensor-emulator
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.emulators.clouds.dt.device_lists import listed
from tests.emulators.clouds.dt.emissions import TYPES, check_emits, emitted, event_types, grouped
from tests.emulators.clouds.dt.history import History, read_time
from tests.emulators.clouds.dt.problems import Refusal
from tests.emulators.clouds.dt.xid import new_xid
from tests.emulators.clouds.exchange import Answer, Json, Request, Route, page

ANY_PROJECT = "-"
VIRTUAL: Json = {"virtual-sensor": ""}
"""The label of emulated devices."""


class Devices:
    """All devices by full name.

    ``on_event``: called with a device and its event. ``readable``: returns the projects whose devices the caller may
    read, of an organization (full name), or of all organizations if the name is empty.
    """

    def __init__(self) -> None:
        self._devices: dict[str, Json] = {}
        self.history = History()
        self.on_event: Callable[[Json, Json], None] = lambda _device, _event: None
        self.readable: Callable[[str], list[str]] = lambda _organization: []

    def emulator_routes(self) -> list[Route]:
        """Return the routes of the emulator's API."""
        many = "/v2/projects/{project}/devices"
        one = many + "/{device}"
        return [
            Route("GET", many, self._list, "emulator.read"),
            Route("POST", many, self._create, "emulator.create"),
            Route("GET", one, self._get, "emulator.read"),
            Route("PUT", one, self._put, "emulator.update"),
            Route("DELETE", one, self._delete, "emulator.delete"),
            Route("POST", one + ":publish", self._publish, "emulator.update"),
        ]

    def routes(self) -> list[Route]:
        """Return the routes of the main API; ``-`` stands for any project."""
        many = "/v2/projects/{project}/devices"
        anywhere = f"/v2/projects/{ANY_PROJECT}/devices"
        return [
            Route("GET", anywhere, self._list_anywhere),
            Route("GET", anywhere + "/{device}", self._get_anywhere),
            Route("GET", anywhere + "/{device}/events", self._events_anywhere),
            Route("GET", many, self._list, "device.read"),
            Route("POST", many + ":batchUpdate", self._batch_update, "device.update"),
            Route("GET", many + "/{device}", self._get, "device.read"),
            Route("GET", many + "/{device}/events", self._events, "device.read"),
        ]

    def names(self) -> list[str]:
        """Return the full names of all devices."""
        return sorted(self._devices)

    def create(self, project: str, device_type: str, labels: Json, product_number: str = "") -> Json:
        """Create a device and return it. Without a product number it is an emulated one."""
        if device_type not in TYPES:
            raise Refusal(400, f"unknown device type {device_type!r}: one of {', '.join(sorted(TYPES))}")
        is_emulated = not product_number
        name = f"projects/{project}/devices/{'emu' * is_emulated}{new_xid()}"
        self._devices[name] = {
            "name": name,
            "type": device_type,
            "productNumber": product_number,
            "labels": {**_text(labels), **(VIRTUAL if is_emulated else {})},
            "reported": dict.fromkeys(sorted(event_types(device_type))),
        }
        return self._devices[name]

    def latest(self, project: str) -> list[tuple[Json, Json]]:
        """Return the devices of a project with their most recent event of each type."""
        pairs = []
        for name, device in list(self._devices.items()):
            if name.startswith(f"projects/{project}/"):
                pairs += [(device, event) for event in self.history.newest(name)]
        return pairs

    def publish(self, name: str, event_type: str, data: Json) -> Json:
        """Let a device emit an event, or several for one networkStatus, and return the first."""
        device = self._devices[name]
        check_emits(device["type"], event_type)
        time = data.get("updateTime") or _written(datetime.now(UTC))
        read_time(time)
        events = [_event(name, event_type, {event_type: whole}, time) for whole in emitted(event_type, data, time)]
        for event in events:
            self.history.keep(name, event)
            self._report(device, event_type, event["data"][event_type])
            self.on_event(device, event)
        return events[0]

    def label(self, name: str, added: Json, removed: list[str]) -> None:
        """Set and remove labels of a device. The device emits an event on it, which the history does not keep."""
        device = self._devices[name]
        before = device["labels"]
        after = {key: value for key, value in {**before, **_text(added)}.items() if key not in removed}
        device["labels"] = after
        changes: Json = {
            "added": {key: value for key, value in after.items() if key not in before},
            "modified": {key: value for key, value in after.items() if before.get(key, value) != value},
            "removed": [key for key in before if key not in after],
        }
        if any(changes.values()):
            self.on_event(device, _event(name, "labelsChanged", changes, _written(datetime.now(UTC))))

    def _report(self, device: Json, event_type: str, data: Json) -> None:
        before = device["reported"].get(event_type)
        if before is None or read_time(before["updateTime"]) <= read_time(data["updateTime"]):
            whole = grouped(before, data) if event_type == "networkStatus" else data
            device["reported"] = {**device["reported"], event_type: whole}

    def _of(self, *projects: str) -> list[Json]:
        return [device for name, device in list(self._devices.items()) if name.split("/")[1] in projects]

    def _list(self, request: Request, project: str) -> Json:
        return page("devices", listed(self._of(project), request), request, default=100, most=100)

    def _list_anywhere(self, request: Request) -> Json:
        organization = request.parameter("organization")
        if not organization:
            raise Refusal(400, "organization is required if the project is -")
        chosen = [name.removeprefix("projects/") for name in request.query.get("projects", [])]
        projects = [project for project in self.readable(organization) if not chosen or project in chosen]
        return page("devices", listed(self._of(*projects), request), request, default=100, most=100)

    def _create(self, request: Request, project: str) -> Json:
        body = request.json()
        return _emulated(self.create(project, body.get("type") or "", body.get("labels") or {}))

    def _put(self, request: Request, project: str, device: str) -> Json:
        before, body = self._emulated_device(request, project, device), request.json()
        if body.get("type") not in {None, before["type"]}:
            raise Refusal(400, "the type of a device cannot be changed")
        if body.get("name") not in {None, "", before["name"]}:
            raise Refusal(400, "the name of a device cannot be changed")
        labels = {**_text(body.get("labels") or {}), **VIRTUAL}
        self.label(before["name"], labels, [key for key in before["labels"] if key not in labels])
        return _emulated(before)

    def _get(self, _: Request, project: str, device: str) -> Json:
        name = f"projects/{project}/devices/{device}"
        if name not in self._devices:
            raise Refusal(404, f"device {device} not found")
        return self._devices[name]

    def _get_anywhere(self, _: Request, device: str) -> Json:
        for found in self._of(*self.readable("")):
            if found["name"].endswith(f"/{device}"):
                return found
        raise Refusal(404, f"device {device} not found")

    def _emulated_device(self, request: Request, project: str, device: str) -> Json:
        found = self._get(request, project, device)
        if "virtual-sensor" not in found["labels"]:
            raise Refusal(404, f"emulated device {device} not found")
        return found

    def _delete(self, request: Request, project: str, device: str) -> Json:
        name = self._emulated_device(request, project, device)["name"]
        del self._devices[name]
        self.history.forget(name)
        return {}

    def _publish(self, request: Request, project: str, device: str) -> Json:
        name, body = self._emulated_device(request, project, device)["name"], request.json()
        if len(body) != 1:
            raise Refusal(400, "one event has to be published")
        ((event_type, data),) = body.items()
        if not isinstance(data, dict):
            raise Refusal(400, "an event's data has to be an object")
        self.publish(name, event_type, data)
        return {}

    def _batch_update(self, request: Request, project: str) -> Json:
        body = request.json()
        added, removed = _text(body.get("addLabels") or {}), body.get("removeLabels") or []
        names = body.get("devices") or []
        if not names or not (added or removed):
            raise Refusal(400, "devices, and addLabels or removeLabels, are required")
        errors = []
        for name in names:
            if name in self._devices and name.split("/")[1] == project:
                self.label(name, added, removed)
            else:
                status = {"code": "NOT_FOUND", "message": f"device {name.rpartition('/')[2]} not found"}
                errors.append({"device": name, "status": status})
        return {"batchErrors": errors}

    def _events_anywhere(self, request: Request, device: str) -> Answer:
        return self.history.answer(self._get_anywhere(request, device)["name"], request)

    def _events(self, request: Request, project: str, device: str) -> Answer:
        return self.history.answer(self._get(request, project, device)["name"], request)


def _event(device: str, event_type: str, data: Json, time: str) -> Json:
    return {"eventId": new_xid(), "targetName": device, "eventType": event_type, "data": data, "timestamp": time}


def _emulated(device: Json) -> Json:
    """Return a device as the emulator's API shows it."""
    return {key: device[key] for key in ("name", "type", "labels")}


def _text(labels: Any) -> Json:
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise Refusal(400, "labels have to map text to text")
    return labels


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
