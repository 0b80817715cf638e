"""What follow reads from an event: a text with units, numbers, a state, and the name of the device."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.live.readings import KNOWN_TYPES, Value, event_text, reading
from function.schema import EVENT_TYPES
from tests.deploy.live.builders import DEVICE, NOON, NOON_TEXT, body, message
from tests.emulators.events import SAMPLES, encode, sample_event

TEXTS = {
    "touch": "touched",
    "temperature": "24.9 °C",
    "objectPresent": "not present",
    "humidity": "22.45 °C, 17 % RH",
    "objectPresentCount": "4,176 objects",
    "touchCount": "469 touches",
    "waterPresent": "water present",
    "co2": "526 ppm",
    "pressure": "993.01 hPa",
    "motion": "motion detected",
    "deskOccupancy": "occupied, incomplete data",
    "contact": "open",
    "probeWireStatus": "three wire",
    "networkStatus": "signal 45 %, -83 dBm",
    "batteryStatus": "battery 100 %",
    "labelsChanged": "+room ~name -old-key",
    "connectionStatus": "by ethernet",
    "ethernetStatus": "ethernet 10.0.0.1",
    "cellularStatus": "cellular 80 %",
}
NUMBERS = {
    "temperature": [("temperature", 24.9, "°C")],
    "humidity": [("temperature", 22.45, "°C"), ("relative humidity", 17, "%")],
    "objectPresentCount": [("count", 4176, "objects")],
    "touchCount": [("count", 469, "touches")],
    "co2": [("CO2", 526, "ppm")],
    "pressure": [("pressure", 993.01, "hPa")],
    "networkStatus": [("signal", 45, "%"), ("rssi", -83, "dBm")],
    "batteryStatus": [("battery", 100, "%")],
    "cellularStatus": [("signal", 80, "%")],
}
STATES = {
    "objectPresent": "not present",
    "waterPresent": "present",
    "motion": "motion detected",
    "deskOccupancy": "occupied",
    "contact": "open",
    "probeWireStatus": "three wire",
    "connectionStatus": "ethernet",
}


def text_of(event_type: str, data: Any) -> str:
    return reading(message(body(event_type, data), attributes={})).text


def values_of(event_type: str, data: Any) -> tuple[Value, ...]:
    return reading(message(body(event_type, data), attributes={})).values


def test_every_known_event_type_has_a_reading() -> None:
    assert KNOWN_TYPES == EVENT_TYPES.keys() == SAMPLES.keys() == TEXTS.keys()


@pytest.mark.parametrize("event_type", SAMPLES)
def test_an_event_is_read_as_text_with_units_as_numbers_and_as_a_state(event_type: str) -> None:
    sample = sample_event(event_type, number=7, at=datetime.fromtimestamp(NOON, UTC))

    found = reading(message(encode(sample), attributes={}))

    assert (found.text, found.state) == (TEXTS[event_type], STATES.get(event_type))
    assert [(value.name, value.number, value.unit) for value in found.values] == NUMBERS.get(event_type, [])
    assert (found.at, found.event_type) == (NOON, event_type)
    assert (found.device_id, found.device_name) == ("emu0007dr2b5vjs7396g", f"Demo {event_type}")
    assert event_text(sample["event"]) == found.text


def test_the_samples_of_a_temperature_are_values_in_the_order_of_their_times() -> None:
    samples = [
        {"value": 24.9, "sampleTime": NOON_TEXT},
        {"value": 24.5, "sampleTime": "2026-11-02T11:55:00Z"},
        {"value": "broken", "sampleTime": "2026-11-02T11:50:00Z"},
    ]

    values = values_of("temperature", {"value": 24.9, "updateTime": NOON_TEXT, "samples": samples})

    assert values == (Value("temperature", 24.5, "°C", NOON - 300), Value("temperature", 24.9, "°C", NOON))


def test_the_samples_of_a_humidity_are_values_of_both_kinds() -> None:
    samples = [
        {"temperature": 20, "relativeHumidity": 41, "sampleTime": NOON_TEXT},
        {"temperature": 19, "relativeHumidity": 40, "sampleTime": "2026-11-02T11:55:00Z"},
    ]

    values = values_of("humidity", {"temperature": 20, "relativeHumidity": 41, "samples": samples})

    assert [(value.name, value.number) for value in values] == [
        ("temperature", 19),
        ("relative humidity", 40),
        ("temperature", 20),
        ("relative humidity", 41),
    ]


def test_a_reading_without_a_signal_strength_in_dbm_has_the_one_in_percent() -> None:
    assert text_of("networkStatus", {"signalStrength": 45}) == "signal 45 %"


def test_a_connector_that_is_offline_is_offline_by_nothing() -> None:
    assert text_of("connectionStatus", {"connection": "OFFLINE", "available": []}) == "offline"


def test_the_problems_of_a_cloud_connector_are_shown() -> None:
    errors = [{"code": "1", "message": "no SIM"}, {"code": "E2"}, "?"]
    assert text_of("cellularStatus", {"signalStrength": 0, "errors": errors}) == "cellular 0 %; no SIM; E2"


def test_of_an_unknown_type_the_plain_values_are_shown() -> None:
    found = reading(message(body("radon", {"becquerel": 3.5, "isAlarm": True, "state": "TOO_HIGH", "x": {}})))

    assert found.text == "becquerel 3.5, isAlarm true, state TOO_HIGH"
    assert (found.values, found.state) == ((Value("becquerel", 3.5, "", NOON),), "too high")
    assert text_of("radon", {}) == "no values"


def test_of_data_that_contradict_their_type_the_plain_values_are_shown() -> None:
    assert text_of("temperature", {"value": "warm"}) == "value warm"
    assert text_of("contact", {"state": ""}) == "state "
    assert text_of("co2", {"ppm": True}) == "ppm true"


def test_long_data_of_an_unknown_type_are_shortened() -> None:
    assert text_of("radon", {f"k{number}": number for number in range(10)}).endswith("k7 7, and 2 more")
    assert text_of("radon", {"note": "x" * 5000}) == f"note {'x' * 100}…"


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b"null", b'{"event": oops', b"[" * 100_000, b'{"a": NaN}'])
def test_a_body_that_is_no_json_object_is_shown_by_its_size(data: bytes) -> None:
    found = reading(message(data, attributes={}, rejected=True))

    assert found.text == f"{len(data):,} bytes, not a JSON object"
    assert (found.at, found.event_type, found.device_id, found.device_name) == (NOON, "", "", "")


@pytest.mark.parametrize("data", [b"{}", b'{"event": 5}', b'{"event": {}, "labels": [1]}'])
def test_a_body_without_an_event_says_so(data: bytes) -> None:
    assert reading(message(data, attributes={})).text == "no event in it"


def test_a_device_without_a_name_is_shown_by_its_id() -> None:
    assert reading(message(body(labels={"name": "Fridge 2"}))).device_name == "Fridge 2"
    assert reading(message(body(labels={"name": "  "}))).device_name == DEVICE
    assert reading(message(body(labels={"name": 5}))).device_name == DEVICE


def test_the_attributes_name_type_and_device_of_a_body_that_cannot_be_read() -> None:
    found = reading(message(b"\xff", attributes={"eventType": "touch", "deviceId": "abc"}))
    assert (found.event_type, found.device_id, found.device_name) == ("touch", "abc", "abc")


@pytest.mark.parametrize("timestamp", ["", "yesterday", "2026-11-02T12:00:00", "9999-99-99"])
def test_an_event_without_a_time_has_the_time_of_its_publication(timestamp: str) -> None:
    assert reading(message(body(timestamp=timestamp), at=NOON + 5)).at == NOON + 5


def test_the_nanoseconds_of_a_time_are_no_obstacle() -> None:
    assert reading(message(body(timestamp="2026-11-02T12:00:00.123456789Z"))).at == pytest.approx(NOON + 0.123456)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("value", "samples", "state", "ppm", "total", "errors", "remarks", "ipAddress", "added", "removed", "rssi")


@settings(max_examples=150)
@given(st.sampled_from([*SAMPLES, "radon"]), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5) | JSON, JSON)
def test_whatever_a_body_contains_it_has_a_reading_of_finite_numbers(event_type: str, data: Any, labels: Any) -> None:
    event = {"eventType": event_type, "data": {event_type: data}, "timestamp": labels, "targetName": labels}

    found = reading(message(json.dumps({"event": event, "labels": labels}).encode(), attributes={}))

    assert found.text
    assert all(abs(value.number) < float("inf") for value in found.values)
