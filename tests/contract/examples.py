"""Two or more example events of each type: bodies as DT sends them. Pure.

``minimal`` has only what every event of the type has: it is as old as an event can be, without labels and metadata.
``full`` has every member that DT documents, and ``backfilled`` was stored by the sensor during an outage. ``make send
FILE=docs/schema/examples/co2.full.json`` sends one to ``make serve``.
"""

from collections.abc import Mapping
from typing import Any

from tests.contract.schemas import UNNESTED

PROJECT_ID = "bhmh0143iktucae701vg"
NOW = "2026-11-02T08:13:15.361624Z"
EARLIER = "2026-11-02T08:08:15.361624Z"
STORED = "2026-10-31T22:43:09.120455Z"
STORED_EARLIER = "2026-10-31T22:38:09.120455Z"
OLD = "2018-10-02T08:13:15.543483560Z"
"""DT writes 9 digits of a second in old events."""

_CONNECTOR = {"id": "bdkjbo2v0000uk377c4g", "signalStrength": 45, "rssi": -83}


def _temperatures(*values: tuple[float, str]) -> list[dict[str, Any]]:
    return [{"value": value, "sampleTime": time} for value, time in values]


def _humidities(*values: tuple[float, float, str]) -> list[dict[str, Any]]:
    return [
        {"temperature": celsius, "relativeHumidity": percent, "sampleTime": time} for celsius, percent, time in values
    ]


_DATA: dict[str, tuple[str, dict[str, Mapping[str, Any]]]] = {
    "touch": ("touch", {"minimal": {}, "full": {}}),
    "temperature": (
        "temperature",
        {
            "minimal": {"value": 24.9},
            "full": {"value": 24.9, "samples": _temperatures((24.9, NOW), (25, EARLIER)), "isBackfilled": False},
            "backfilled": {
                "value": -18.2,
                "samples": _temperatures((-18.2, STORED), (-18.15, STORED_EARLIER)),
                "isBackfilled": True,
            },
        },
    ),
    "objectPresent": ("proximity", {"minimal": {"state": "NOT_PRESENT"}, "full": {"state": "PRESENT"}}),
    "humidity": (
        "humidity",
        {
            "minimal": {"temperature": 22.45, "relativeHumidity": 17},
            "full": {
                "temperature": 22.45,
                "relativeHumidity": 17,
                "samples": _humidities((22.45, 17, NOW), (22.4, 17.5, EARLIER)),
                "isBackfilled": False,
            },
            "backfilled": {
                "temperature": 21.1,
                "relativeHumidity": 33,
                "samples": _humidities((21.1, 33, STORED)),
                "isBackfilled": True,
            },
        },
    ),
    "objectPresentCount": ("proximityCounter", {"minimal": {"total": 0}, "full": {"total": 4176}}),
    "touchCount": ("touchCounter", {"minimal": {"total": 0}, "full": {"total": 469}}),
    "waterPresent": ("waterDetector", {"minimal": {"state": "NOT_PRESENT"}, "full": {"state": "PRESENT"}}),
    "co2": ("co2", {"minimal": {"ppm": 412}, "full": {"ppm": 526}}),
    "pressure": ("co2", {"minimal": {"pascal": 101325}, "full": {"pascal": 99301}}),
    "motion": ("motion", {"minimal": {"state": "NO_MOTION_DETECTED"}, "full": {"state": "MOTION_DETECTED"}}),
    "deskOccupancy": (
        "deskOccupancy",
        {"minimal": {"state": "NOT_OCCUPIED"}, "full": {"state": "OCCUPIED", "remarks": ["INCOMPLETE_DATA"]}},
    ),
    "contact": ("contact", {"minimal": {"state": "CLOSED"}, "full": {"state": "OPEN"}}),
    "probeWireStatus": (
        "temperature",
        {"minimal": {"state": "THREE_WIRE"}, "full": {"state": "INVALID_WIRE_CONFIGURATION"}},
    ),
    "networkStatus": (
        "temperature",
        {
            "minimal": {"signalStrength": 45},
            "full": {
                "signalStrength": 45,
                "rssi": -83,
                "cloudConnectors": [_CONNECTOR],
                "transmissionMode": "LOW_POWER_STANDARD_MODE",
            },
        },
    ),
    "batteryStatus": ("temperature", {"minimal": {"percentage": 8}, "full": {"percentage": 100}}),
    UNNESTED: (
        "temperature",
        {
            "minimal": {"added": {}, "modified": {"name": "Fridge 2"}, "removed": []},
            "full": {"added": {"room": "A1"}, "modified": {"name": "Fridge 2"}, "removed": ["old-key"]},
        },
    ),
    "connectionStatus": (
        "ccon",
        {
            "minimal": {"connection": "OFFLINE", "available": []},
            "full": {"connection": "ETHERNET", "available": ["CELLULAR", "ETHERNET"]},
        },
    ),
    "ethernetStatus": (
        "ccon",
        {
            "minimal": {"macAddress": "f0:b5:b7:00:0a:08", "ipAddress": ""},
            "full": {"macAddress": "f0:b5:b7:00:0a:08", "ipAddress": "10.0.0.1", "errors": []},
        },
    ),
    "cellularStatus": (
        "ccon",
        {"minimal": {"signalStrength": 80}, "full": {"signalStrength": 65, "errors": []}},
    ),
}
"""Event type -> the type of the device, and the data of each example without ``updateTime``."""

_TIMES = {"minimal": OLD, "full": NOW, "backfilled": STORED}


def examples() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the example bodies: event type -> name of the example -> body."""
    return {
        event_type: {name: _body(event_type, name, device_type, data) for name, data in named.items()}
        for event_type, (device_type, named) in _DATA.items()
    }


def _body(event_type: str, name: str, device_type: str, data: Mapping[str, Any]) -> dict[str, Any]:
    number = [*_DATA].index(event_type)
    device_id = f"b0000000000000000d{number:02}"
    time = _TIMES[name]
    nested = dict(data) if event_type == UNNESTED else {event_type: {**data, "updateTime": time}}
    event = {
        "eventId": f"bjehn6sdm92f9pd7f{number:02}{[*_TIMES].index(name)}",
        "targetName": f"projects/{PROJECT_ID}/devices/{device_id}",
        "eventType": event_type,
        "data": nested,
        "timestamp": time,
    }
    if name == "minimal":
        return {"event": event}
    metadata = {
        "deviceId": device_id,
        "projectId": PROJECT_ID,
        "deviceType": device_type,
        "productNumber": "102081",
    }
    return {"event": event, "labels": {"name": "Fridge 2", "room": "A1"}, "metadata": metadata}
