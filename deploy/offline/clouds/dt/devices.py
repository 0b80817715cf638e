"""Emulated devices, the events they publish, and the history of these.

https://docs.developer.disruptive-technologies.com/docs/other/sensor-emulator
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from deploy.offline.clouds.dt.problems import Refusal
from deploy.offline.clouds.dt.xid import new_xid
from deploy.offline.clouds.exchange import Json, Request, Route, page
from deploy.offline.events import SAMPLES

KEPT = timedelta(days=31)
TYPES = frozenset(device_type for device_type, _ in SAMPLES.values())
_OF_ALL = frozenset({"touch", "networkStatus", "batteryStatus", "connectionStatus"})


class Devices:
    """All devices by full name; ``on_event`` is told of each event with its device."""

    def __init__(self) -> None:
        self._devices: dict[str, Json] = {}
        self._history: dict[str, list[Json]] = {}
        self.on_event: Callable[[Json, Json], None] = lambda _device, _event: None

    def emulator_routes(self) -> list[Route]:
        """All that is played of the emulator's API."""
        many = "/v2/projects/{project}/devices"
        one = many + "/{device}"
        return [
            Route("GET", many, self._list, "emulator.read"),
            Route("POST", many, self._create, "emulator.create"),
            Route("GET", one, self._get, "emulator.read"),
            Route("DELETE", one, self._delete, "emulator.delete"),
            Route("POST", one + ":publish", self._publish, "emulator.update"),
        ]

    def routes(self) -> list[Route]:
        """All that is played of the API's devices."""
        many = "/v2/projects/{project}/devices"
        return [
            Route("GET", many, self._list, "device.read"),
            Route("GET", many + "/{device}", self._get, "device.read"),
            Route("GET", many + "/{device}/events", self._events, "device.read"),
        ]

    def names(self) -> list[str]:
        """Give the full names of all devices."""
        return sorted(self._devices)

    def create(self, project: str, device_type: str, labels: Json) -> Json:
        """Make an emulated device."""
        if device_type not in TYPES:
            raise Refusal(400, f"unknown device type {device_type!r}: one of {', '.join(sorted(TYPES))}")
        name = f"projects/{project}/devices/emu{new_xid()}"
        self._devices[name] = {"name": name, "type": device_type, "labels": {**labels, "virtual-sensor": ""}}
        self._history[name] = []
        return self._devices[name]

    def latest(self, project: str) -> list[tuple[Json, Json]]:
        """Give each device of a project with its most recent event of each type."""
        found = []
        for name, device in list(self._devices.items()):
            if name.startswith(f"projects/{project}/"):
                newest = {event["eventType"]: event for event in self._history[name]}
                found += [(device, event) for event in newest.values()]
        return found

    def publish(self, name: str, event_type: str, data: Json) -> Json:
        """Let a device emit an event."""
        device = self._devices[name]
        if event_type not in SAMPLES or event_type == "labelsChanged":
            raise Refusal(400, f"{event_type!r} cannot be published")
        if event_type not in _OF_ALL and SAMPLES[event_type][0] != device["type"]:
            raise Refusal(400, f"a device of type {device['type']} has no {event_type} events")
        time = data.get("updateTime") or _written(datetime.now(UTC))
        event = {
            "eventId": new_xid(),
            "targetName": name,
            "eventType": event_type,
            "data": {event_type: _whole(event_type, data, time)},
            "timestamp": time,
        }
        self._history[name].append(event)
        self.on_event(device, event)
        return event

    def _list(self, request: Request, project: str) -> Json:
        found = [device for name, device in list(self._devices.items()) if name.startswith(f"projects/{project}/")]
        return page("devices", found, request, default=100, most=100)

    def _create(self, request: Request, project: str) -> Json:
        asked = request.json()
        return self.create(project, asked.get("type", ""), asked.get("labels") or {})

    def _get(self, _: Request, project: str, device: str) -> Json:
        name = f"projects/{project}/devices/{device}"
        if name not in self._devices:
            raise Refusal(404, f"device {device} not found")
        return self._devices[name]

    def _delete(self, request: Request, project: str, device: str) -> Json:
        name = self._get(request, project, device)["name"]
        del self._devices[name], self._history[name]
        return {}

    def _publish(self, request: Request, project: str, device: str) -> Json:
        name, asked = self._get(request, project, device)["name"], request.json()
        if len(asked) != 1:
            raise Refusal(400, "one event has to be published")
        ((event_type, data),) = asked.items()
        if not isinstance(data, dict):
            raise Refusal(400, "an event's data has to be an object")
        self.publish(name, event_type, data)
        return {}

    def _events(self, request: Request, project: str, device: str) -> Json:
        name, now = self._get(request, project, device)["name"], datetime.now(UTC)
        start = max(_read(request.parameter("startTime", "start_time"), now - timedelta(days=1)), now - KEPT)
        end = _read(request.parameter("endTime", "end_time"), now + timedelta(seconds=1))
        types = [*request.query.get("eventTypes", []), *request.query.get("event_types", [])]
        chosen = [
            event
            for event in sorted(self._history[name], key=lambda event: _read(event["timestamp"], now), reverse=True)
            if start <= _read(event["timestamp"], now) <= end and (not types or event["eventType"] in types)
        ]
        return page("events", chosen, request, default=100, most=1000)


def _whole(event_type: str, data: Json, time: str) -> Json:
    """What DT makes of the little that the emulator is told."""
    whole = {**data, "updateTime": time}
    if event_type == "temperature":
        return {"samples": [{"value": data.get("value"), "sampleTime": time}], "isBackfilled": False, **whole}
    if event_type == "humidity":
        values = {key: data.get(key) for key in ("temperature", "relativeHumidity")}
        return {"samples": [{**values, "sampleTime": time}], "isBackfilled": False, **whole}
    return {**({"remarks": []} if event_type == "deskOccupancy" else {}), **whole}


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _read(time: str, default: datetime) -> datetime:
    if not time:
        return default
    try:
        moment = datetime.fromisoformat(time.replace(" ", "+"))
    except ValueError as error:
        raise Refusal(400, f"{time!r} is no time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
