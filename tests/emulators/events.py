"""One sample event of each of DT's 19 types, as a Data Connector would send it.

Shapes: https://docs.developer.disruptive-technologies.com/docs/concepts/events
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

PROJECT_ID = "bhmh0143iktucae701vg"

SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "touch": ("touch", {}),
    "temperature": ("temperature", {"value": 24.9, "samples": [{"value": 24.9}], "isBackfilled": False}),
    "objectPresent": ("proximity", {"state": "NOT_PRESENT"}),
    "humidity": (
        "humidity",
        {
            "temperature": 22.45,
            "relativeHumidity": 17,
            "samples": [{"temperature": 22.45, "relativeHumidity": 17}],
            "isBackfilled": False,
        },
    ),
    "objectPresentCount": ("proximityCounter", {"total": 4176}),
    "touchCount": ("touchCounter", {"total": 469}),
    "waterPresent": ("waterDetector", {"state": "PRESENT"}),
    "co2": ("co2", {"ppm": 526}),
    "pressure": ("co2", {"pascal": 99301}),
    "motion": ("motion", {"state": "MOTION_DETECTED"}),
    "deskOccupancy": ("deskOccupancy", {"state": "OCCUPIED", "remarks": ["INCOMPLETE_DATA"]}),
    "contact": ("contact", {"state": "OPEN"}),
    "probeWireStatus": ("temperature", {"state": "THREE_WIRE"}),
    "networkStatus": (
        "temperature",
        {
            "signalStrength": 45,
            "rssi": -83,
            "cloudConnectors": [{"id": "bdkjbo2v0000uk377c4g", "signalStrength": 45, "rssi": -83}],
            "transmissionMode": "LOW_POWER_STANDARD_MODE",
        },
    ),
    "batteryStatus": ("temperature", {"percentage": 100}),
    "labelsChanged": (
        "temperature",
        {"added": {"room": "A1"}, "modified": {"name": "Fridge 2"}, "removed": ["old-key"]},
    ),
    "connectionStatus": ("ccon", {"connection": "ETHERNET", "available": ["CELLULAR", "ETHERNET"]}),
    "ethernetStatus": ("ccon", {"macAddress": "f0:b5:b7:00:0a:08", "ipAddress": "10.0.0.1", "errors": []}),
    "cellularStatus": ("ccon", {"signalStrength": 80, "errors": []}),
}
"""Event type -> the type of the device that emits it, and the event's data without times."""


def sample_event(event_type: str, *, number: int, at: datetime) -> dict[str, Any]:
    """Return an event of this type, of the device with this number (below 10,000). All its times are ``at``."""
    device_type, sample = SAMPLES[event_type]
    time = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    device_id = f"emu{number:04}dr2b5vjs7396g"
    return {
        "event": {
            "eventId": f"{int(at.timestamp() * 1000):013}demo{number:03}",
            "targetName": f"projects/{PROJECT_ID}/devices/{device_id}",
            "eventType": event_type,
            "data": _timed(event_type, sample, time),
            "timestamp": time,
        },
        "labels": {"name": f"Demo {event_type}"},
        "metadata": {
            "deviceId": device_id,
            "projectId": PROJECT_ID,
            "deviceType": device_type,
            "productNumber": "",
        },
    }


def encode(event: Mapping[str, Any]) -> bytes:
    """Return an event as DT writes it: compact JSON in UTF-8."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _timed(event_type: str, sample: Mapping[str, Any], time: str) -> dict[str, Any]:
    if event_type == "labelsChanged":  # the only type whose data is not nested and has no time
        return dict(sample)
    data = {**sample, "updateTime": time}
    if "samples" in sample:
        data["samples"] = [{**values, "sampleTime": time} for values in sample["samples"]]
    return {event_type: data}
