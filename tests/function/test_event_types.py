"""event_types: valid data of each type have no violation, and the violation of invalid data is the exact JSON path."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from function.event_types import Co2, Contact, Humidity, Temperature
from function.schema import EVENT_TYPES, find_violation
from tests.emulators.events import SAMPLES
from tests.function.builders import event

TIME = "2026-01-02T03:04:05.678901Z"


def data_of(event_type: str, **changes: Any) -> dict[str, Any]:
    """Return the data of a type's sample with changed members. A member that is ``...`` is left out."""
    data: dict[str, Any] = event(event_type)["event"]["data"]
    inner = data if event_type == "labelsChanged" else data[event_type]
    inner = {name: value for name, value in {**inner, **changes}.items() if value is not ...}
    return inner if event_type == "labelsChanged" else {event_type: inner}


def test_the_samples_and_the_structures_are_of_the_same_types() -> None:
    assert list(EVENT_TYPES) == list(SAMPLES)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_sample_of_each_type_fits_the_type(event_type: str) -> None:
    assert find_violation(event_type, data_of(event_type)) is None


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("touch", {"updateTime": ...}, ""),
    ("touch", {"updateTime": "yesterday"}, ".updateTime"),
    ("temperature", {"value": "24.9"}, ".value"),
    ("temperature", {"value": None}, ".value"),
    ("temperature", {"value": ...}, ""),
    ("temperature", {"value": True}, ".value"),
    ("temperature", {"value": -273.16}, ".value"),
    ("temperature", {"samples": None}, ".samples"),
    ("temperature", {"samples": {}}, ".samples"),
    ("temperature", {"samples": [{"value": 1, "sampleTime": TIME}, {"value": "1"}]}, ".samples[1].value"),
    ("temperature", {"samples": [{"value": 1}]}, ".samples[0]"),
    ("temperature", {"samples": [{"value": 1, "sampleTime": 1}]}, ".samples[0].sampleTime"),
    ("temperature", {"isBackfilled": "no"}, ".isBackfilled"),
    ("objectPresent", {"state": "GONE"}, ".state"),
    ("objectPresent", {"state": "present"}, ".state"),
    ("humidity", {"relativeHumidity": 101}, ".relativeHumidity"),
    ("humidity", {"relativeHumidity": -1}, ".relativeHumidity"),
    ("humidity", {"temperature": -300}, ".temperature"),
    ("humidity", {"samples": [{"temperature": 1, "sampleTime": TIME}]}, ".samples[0]"),
    ("objectPresentCount", {"total": -1}, ".total"),
    ("objectPresentCount", {"total": "4176"}, ".total"),
    ("touchCount", {"total": 1.5}, ".total"),
    ("waterPresent", {"state": None}, ".state"),
    ("touchCount", {"total": -1.0}, ".total"),
    ("co2", {"ppm": -1}, ".ppm"),
    ("co2", {"ppm": 526.5}, ".ppm"),
    ("co2", {"ppm": True}, ".ppm"),
    ("pressure", {"pascal": -0.5}, ".pascal"),
    ("pressure", {"pascal": 10**400}, ".pascal"),
    ("networkStatus", {"signalStrength": ...}, ""),
    ("networkStatus", {"signalStrength": 100.5}, ".signalStrength"),
    (
        "networkStatus",
        {"cloudConnectors": [{"id": "b", "signalStrength": 101.0}]},
        ".cloudConnectors[0].signalStrength",
    ),
    ("networkStatus", {"cloudConnectors": [{"id": "b", "signalStrength": 1, "rssi": "x"}]}, ".cloudConnectors[0].rssi"),
    ("pressure", {"pascal": []}, ".pascal"),
    ("motion", {"state": "PRESENT"}, ".state"),
    ("deskOccupancy", {"state": ""}, ".state"),
    ("deskOccupancy", {"remarks": [1]}, ".remarks[0]"),
    ("contact", {"state": ["OPEN"]}, ".state"),
    ("probeWireStatus", {"state": "FIVE_WIRE"}, ".state"),
    ("networkStatus", {"signalStrength": 101}, ".signalStrength"),
    ("networkStatus", {"rssi": "-83"}, ".rssi"),
    ("networkStatus", {"cloudConnectors": [{"id": 5, "signalStrength": 1, "rssi": 1}]}, ".cloudConnectors[0].id"),
    ("networkStatus", {"transmissionMode": "LOUD"}, ".transmissionMode"),
    ("batteryStatus", {"percentage": 101}, ".percentage"),
    ("batteryStatus", {"percentage": -(10**400)}, ".percentage"),
    ("labelsChanged", {"added": []}, ".added"),
    ("labelsChanged", {"added": {"room": 1}}, ".added[...]"),
    ("labelsChanged", {"modified": {"name": None}}, ".modified[...]"),
    ("labelsChanged", {"removed": ["a", 1]}, ".removed[1]"),
    ("connectionStatus", {"connection": "WIFI"}, ".connection"),
    ("connectionStatus", {"available": ["OFFLINE"]}, ".available[0]"),
    ("connectionStatus", {"available": ...}, ""),
    ("ethernetStatus", {"macAddress": 5}, ".macAddress"),
    ("ethernetStatus", {"errors": [{"code": 5, "message": ""}]}, ".errors[0].code"),
    ("cellularStatus", {"signalStrength": 100.5}, ".signalStrength"),
    ("cellularStatus", {"errors": [{}]}, ".errors[0]"),
]


@pytest.mark.parametrize(("event_type", "changes", "place"), WRONG)
def test_the_violation_is_the_path_of_the_wrong_value(event_type: str, changes: dict[str, Any], place: str) -> None:
    root = "$.event.data" if event_type == "labelsChanged" else f"$.event.data.{event_type}"
    assert find_violation(event_type, data_of(event_type, **changes)) == root + place


def test_each_type_has_an_invalid_sample() -> None:
    assert {event_type for event_type, _, _ in WRONG} == set(EVENT_TYPES)


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("temperature", {"samples": ..., "isBackfilled": ...}),
    ("temperature", {"value": -273.15}),
    ("temperature", {"value": 25}),
    ("humidity", {"samples": ..., "isBackfilled": ..., "relativeHumidity": 100}),
    ("deskOccupancy", {"remarks": ...}),
    ("networkStatus", {"cloudConnectors": ..., "transmissionMode": ...}),
    ("networkStatus", {"transmissionMode": None, "signalStrength": 0, "rssi": 0}),
    ("batteryStatus", {"percentage": 0}),
    ("labelsChanged", {"added": ..., "modified": ..., "removed": ...}),
    ("connectionStatus", {"connection": "OFFLINE", "available": []}),
    ("connectionStatus", {"connection": "SDS", "available": ["SDS"]}),
    ("ethernetStatus", {"errors": [{"code": "E1", "message": "cable", "since": 5}]}),
    ("touchCount", {"total": 2**70}),
    ("touchCount", {"total": 10**400}),
    ("touchCount", {"total": 469.0}),
    ("objectPresentCount", {"total": 0.0}),
    ("co2", {"ppm": 526.0}),
    ("pressure", {"pascal": 99301.0}),
    ("pressure", {"pascal": 99301.25}),
    ("batteryStatus", {"percentage": 100.0}),
    ("cellularStatus", {"signalStrength": 80.0}),
    ("networkStatus", {"rssi": ...}),
    ("networkStatus", {"rssi": -83.5, "signalStrength": 45.0}),
    ("networkStatus", {"cloudConnectors": [{"id": "b", "signalStrength": 45}]}),
    ("networkStatus", {"cloudConnectors": [{"id": "b", "signalStrength": 45.0, "rssi": -83.5}]}),
    ("networkStatus", {"rssi": ..., "cloudConnectors": ..., "cloud_connectors": [], "transmissionMode": ...}),
    ("humidity", {"temperature": 22, "relativeHumidity": 17.0}),
    ("networkStatus", {"signalStrength": 0.0}),
    ("humidity", {"relativeHumidity": 0}),
    ("pressure", {"pascal": 0}),
    ("objectPresentCount", {"total": 0}),
    ("touch", {"updateTime": "2026-01-02T03:04:05+02:00"}),
    ("touch", {"updateTime": "2026-01-02T03:04:05.123456789Z"}),
]


@pytest.mark.parametrize(("event_type", "changes"), RIGHT)
def test_values_at_their_limits_and_events_without_the_newer_members_fit_their_types(
    event_type: str, changes: dict[str, Any]
) -> None:
    assert find_violation(event_type, data_of(event_type, **changes)) is None


WORDS = {
    ("objectPresent", "state"): "PRESENT NOT_PRESENT",
    ("waterPresent", "state"): "PRESENT NOT_PRESENT",
    ("motion", "state"): "MOTION_DETECTED NO_MOTION_DETECTED",
    ("deskOccupancy", "state"): "OCCUPIED NOT_OCCUPIED",
    ("contact", "state"): "OPEN CLOSED",
    ("probeWireStatus", "state"): (
        "INVALID_WIRE_CONFIGURATION INVALID_COEFFICIENT_CONFIGURATION TWO_WIRE THREE_WIRE FOUR_WIRE"
    ),
    ("networkStatus", "transmissionMode"): "LOW_POWER_STANDARD_MODE HIGH_POWER_BOOST_MODE",
    ("connectionStatus", "connection"): "SDS ETHERNET CELLULAR OFFLINE",
}
"""Every value that DT's documentation of its events has for a member."""


@pytest.mark.parametrize(
    ("event_type", "member", "word"), [(*place, word) for place, words in WORDS.items() for word in words.split()]
)
def test_every_documented_value_of_a_member_fits_its_type(event_type: str, member: str, word: str) -> None:
    assert find_violation(event_type, data_of(event_type, **{member: word})) is None


def test_a_device_may_have_all_kinds_of_connection_at_once() -> None:
    assert (
        find_violation("connectionStatus", data_of("connectionStatus", available=["SDS", "ETHERNET", "CELLULAR"]))
        is None
    )


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_unknown_members_fit_every_type(event_type: str) -> None:
    assert find_violation(event_type, data_of(event_type, future={"a": [None]})) is None


@pytest.mark.parametrize("time", ["2026-01-02T03:04:05", "2026-01-02", "", 1_700_000_000, None, "9999-99-99T00:00:00Z"])
@pytest.mark.parametrize("event_type", [name for name in EVENT_TYPES if name != "labelsChanged"])
def test_a_time_without_an_offset_or_with_an_impossible_date_is_a_violation(event_type: str, time: object) -> None:
    assert find_violation(event_type, data_of(event_type, updateTime=time)) == f"$.event.data.{event_type}.updateTime"


@pytest.mark.parametrize("event_type", [name for name in EVENT_TYPES if name != "labelsChanged"])
def test_data_that_are_not_nested_below_their_types_name_are_a_violation(event_type: str) -> None:
    unnested: list[object] = [None, [], "x", {}, {"other": {}}, data_of(event_type)[event_type]]
    for data in unnested:
        assert find_violation(event_type, data) == "$.event.data"
    no_objects: list[object] = [None, [], "x", 5]
    for inner in no_objects:
        assert find_violation(event_type, {event_type: inner}) == f"$.event.data.{event_type}"


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_labels_changed_needs_an_object_too(data: object) -> None:
    assert find_violation("labelsChanged", data) == "$.event.data"


@pytest.mark.parametrize("event_type", ["", "Temperature", "radiation", "temperature "])
def test_an_unknown_type_has_no_violation(event_type: str) -> None:
    assert find_violation(event_type, {"anything": [1]}) is None


def test_a_lone_surrogate_is_a_violation_at_the_beginning_of_the_data() -> None:
    assert find_violation("contact", data_of("contact", state="\ud800")) == "$.event.data.contact"
    assert find_violation("contact", data_of("contact", **{"\ud800": 1})) == "$.event.data.contact"


def test_the_structures_show_their_units_and_defaults() -> None:
    made = msgspec.convert(data_of("temperature", samples=..., isBackfilled=...)["temperature"], Temperature)
    assert (made.value, made.samples, made.is_backfilled) == (24.9, [], False)
    humid = msgspec.convert(data_of("humidity", samples=..., isBackfilled=...)["humidity"], Humidity)
    assert (humid.samples, humid.is_backfilled) == ([], False)
    assert made.update_time == datetime.fromtimestamp(1_760_000_000, UTC)


def test_a_structure_tells_subscribers_the_meaning_and_unit_of_its_members() -> None:
    members = msgspec.json.schema(Co2)["$defs"]["Co2"]["properties"]
    assert members["ppm"]["description"] == "Carbon dioxide in the air."
    assert (members["ppm"]["x-unit"], members["ppm"]["examples"]) == ("ppm", [526])
    assert members["updateTime"]["description"].startswith("When a Cloud Connector received the reading")
    state = msgspec.json.schema(Contact)["$defs"]["Contact"]["properties"]["state"]
    assert "examples" not in state
