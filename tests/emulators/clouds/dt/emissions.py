"""Completes the data that a user publishes by the emulator, so that the official package can read the event.

Shapes: https://docs.developer.disruptive-technologies.com/docs/concepts/events
"""

from typing import Any

from tests.emulators.clouds.dt.problems import Refusal
from tests.emulators.clouds.exchange import Json
from tests.emulators.events import SAMPLES

TYPES = frozenset(device_type for device_type, _ in SAMPLES.values())
_COMMON = frozenset({"touch", "networkStatus", "batteryStatus", "connectionStatus"})
_ALSO = {"co2": frozenset({"humidity"})}
_NETWORK: Json = SAMPLES["networkStatus"][1]
_LISTS = {
    "deskOccupancy": "remarks",
    "connectionStatus": "available",
    "ethernetStatus": "errors",
    "cellularStatus": "errors",
}


def event_types(device_type: str) -> frozenset[str]:
    """Return the event types that a device of this type can be made to emit."""
    own = {name for name, (emitter, _) in SAMPLES.items() if emitter == device_type}
    return frozenset(own | _COMMON | _ALSO.get(device_type, frozenset())) - {"labelsChanged"}


def check_emits(device_type: str, event_type: str) -> None:
    """Refuse an event that a device of this type cannot emit."""
    if event_type not in SAMPLES or event_type == "labelsChanged":
        raise Refusal(400, f"{event_type!r} cannot be published")
    if event_type not in event_types(device_type):
        raise Refusal(400, f"a device of type {device_type} has no {event_type} events")


def emitted(event_type: str, published: Json, time: str) -> list[Json]:
    """Return the data of the events: of one event, or for networkStatus one for each Cloud Connector in range."""
    if event_type == "networkStatus":
        return [_network_status(published, connector, time) for connector in _cloud_connectors(published)]
    whole = {**published, "updateTime": time}
    if event_type == "temperature":
        return [{"samples": [{"value": published.get("value"), "sampleTime": time}], "isBackfilled": False, **whole}]
    if event_type == "humidity":
        values = {key: published.get(key) for key in ("temperature", "relativeHumidity")}
        return [{"samples": [{**values, "sampleTime": time}], "isBackfilled": False, **whole}]
    return [{**({_LISTS[event_type]: []} if event_type in _LISTS else {}), **whole}]


def grouped(before: Json | None, data: Json) -> Json:
    """Return the networkStatus that a device reports: all Cloud Connectors at its time, and the best signal."""
    if not before or before["updateTime"] != data["updateTime"]:
        return data
    connectors = [*before["cloudConnectors"], *data["cloudConnectors"]]
    best = max(connectors, key=lambda connector: connector["signalStrength"])
    return {**data, "signalStrength": best["signalStrength"], "rssi": best["rssi"], "cloudConnectors": connectors}


def _cloud_connectors(published: Json) -> list[Json]:
    """Return the Cloud Connectors, also by the name in the official package 1.7.3, which leaves out their ``rssi``."""
    listed: list[Any] = published.get("cloudConnectors") or published.get("cloud_connectors") or [{}]
    if not all(isinstance(connector, dict) for connector in listed):
        raise Refusal(400, "networkStatus.cloudConnectors has to be a list of objects")
    return listed


def _network_status(published: Json, connector: Json, time: str) -> Json:
    signal = {key: connector.get(key, published.get(key, _NETWORK[key])) for key in ("signalStrength", "rssi")}
    return {
        **signal,
        "updateTime": time,
        "cloudConnectors": [{"id": connector.get("id", _NETWORK["cloudConnectors"][0]["id"]), **signal}],
        "transmissionMode": published.get("transmissionMode", _NETWORK["transmissionMode"]),
    }
