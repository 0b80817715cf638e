"""An event's reading as text for the terminal, such as ``24.9 °C``."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import ValidationError, convert

from function.schema import EVENT_TYPES


def reading(event: Mapping[str, Any]) -> str:
    """Return the reading of an event (the body's ``event`` member), or the name of its type if that is unknown."""
    event_type, data = str(event.get("eventType")), event.get("data")
    nested = data.get(event_type, data) if isinstance(data, dict) else data
    try:
        return _READINGS[event_type](convert(nested, EVENT_TYPES[event_type]))
    except (KeyError, ValidationError):
        return event_type


def _state(data: Any) -> str:
    state: str = data.state.lower().replace("_", " ")
    return state


def _labels(data: Any) -> str:
    changes = (("+", data.added), ("~", data.modified), ("-", data.removed))
    return " ".join(f"{sign}{key}" for sign, keys in changes for key in keys) or "no label changed"


_READINGS: dict[str, Callable[[Any], str]] = {
    "touch": lambda _: "touched",
    "temperature": lambda data: f"{data.value:g} °C",
    "objectPresent": _state,
    "humidity": lambda data: f"{data.temperature:g} °C, {data.relative_humidity:g} % RH",
    "objectPresentCount": lambda data: f"{data.total:,} objects",
    "touchCount": lambda data: f"{data.total:,} touches",
    "waterPresent": lambda data: f"water {_state(data)}",
    "co2": lambda data: f"{data.ppm:,} ppm",
    "pressure": lambda data: f"{data.pascal / 100:g} hPa",
    "motion": _state,
    "deskOccupancy": lambda data: ", ".join([_state(data), *data.remarks]).lower().replace("_", " "),
    "contact": _state,
    "probeWireStatus": _state,
    "networkStatus": lambda data: f"signal {data.signal_strength} %, {data.rssi} dBm",
    "batteryStatus": lambda data: f"battery {data.percentage} %",
    "labelsChanged": _labels,
    "connectionStatus": lambda data: f"by {data.connection.lower()}",
    "ethernetStatus": lambda data: f"ethernet {data.ip_address}",
    "cellularStatus": lambda data: f"cellular {data.signal_strength} %",
}
