"""Finds where an event's data contradicts its type. Pure.

The result becomes an attribute of the event. No event is dropped because of it, because otherwise every event would be
lost on the day on which DT changes a field.
"""

import re
from typing import Any

from msgspec import ValidationError, convert

from function import event_types

EVENT_TYPES: dict[str, type[event_types.Data]] = {
    "touch": event_types.Touch,
    "temperature": event_types.Temperature,
    "objectPresent": event_types.ObjectPresent,
    "humidity": event_types.Humidity,
    "objectPresentCount": event_types.ObjectPresentCount,
    "touchCount": event_types.TouchCount,
    "waterPresent": event_types.WaterPresent,
    "co2": event_types.Co2,
    "pressure": event_types.Pressure,
    "motion": event_types.Motion,
    "deskOccupancy": event_types.DeskOccupancy,
    "contact": event_types.Contact,
    "probeWireStatus": event_types.ProbeWireStatus,
    "networkStatus": event_types.NetworkStatus,
    "batteryStatus": event_types.BatteryStatus,
    "labelsChanged": event_types.LabelsChanged,
    "connectionStatus": event_types.ConnectionStatus,
    "ethernetStatus": event_types.EthernetStatus,
    "cellularStatus": event_types.CellularStatus,
}
"""Event type -> structure of ``event.data``. The data are nested below the type's name, except for ``_UNNESTED``."""

_DATA_SCHEMA = "urn:dt-pubsub:contract:1:"
"""Begins the name of each JSON Schema in docs/schema/: a name with the version of the contract, and not an address."""
_UNNESTED = frozenset({"labelsChanged"})
_PLACE = re.compile(r" - at `\$(?P<path>.*)`$", re.DOTALL)


def data_schema(event_type: str | None, violation: str | None) -> str:
    """Return the name of the JSON Schema that an event fits.

    It is the schema of its type. For an unknown type, or for data that contradict the type, it is the schema of every
    event, ``envelope``.
    """
    is_known = event_type in EVENT_TYPES and violation is None
    return f"{_DATA_SCHEMA}{event_type if is_known else 'envelope'}"


def find_violation(event_type: str, data: Any) -> str | None:
    """Return where ``event.data`` contradicts its event type.

    The result is a JSON path from the body's root, such as ``$.event.data.temperature.value``. It is None if the data
    fit their type, or if the type is not one of DT's 19.
    """
    structure = EVENT_TYPES.get(event_type)
    if structure is None:
        return None
    path = "$.event.data"
    if event_type not in _UNNESTED:
        if not isinstance(data, dict) or event_type not in data:
            return path
        data, path = data[event_type], f"{path}.{event_type}"
    try:
        convert(data, structure)
    except ValidationError as error:
        place = _PLACE.search(str(error))
        return path + (place["path"] if place else "")
    except UnicodeEncodeError:  # a lone surrogate, which JSON's escapes can make and msgspec cannot encode
        return path
    return None
