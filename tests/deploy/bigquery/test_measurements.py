"""Events without duplicates, and one view for each event type."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.bigquery.measurements import MEASUREMENTS
from function.schema import EVENT_TYPES
from tests.deploy.bigquery.engines import Warehouse, body

BODIES = (Path(__file__).parents[2] / "contract" / "bodies.jsonl").read_text("utf-8").splitlines()
AT = "2026-11-02T08:13:15.361624Z"

VALUES: dict[str, tuple[Any, ...]] = {
    "touch": (),
    "temperature": (24.9, False),
    "object_present": ("NOT_PRESENT",),
    "humidity": (17.0, 22.45, False),
    "object_present_count": (4176,),
    "touch_count": (469,),
    "water_present": ("PRESENT",),
    "co2": (526.0,),
    "pressure": (99301.0,),
    "motion": ("MOTION_DETECTED",),
    "desk_occupancy": ("OCCUPIED", '["INCOMPLETE_DATA"]'),
    "contact": ("OPEN",),
    "probe_wire_status": ("THREE_WIRE",),
    "network_status": (45.0, -83.0, "bdkjbo2v0000uk377c4g", "LOW_POWER_STANDARD_MODE"),
    "battery_status": (100.0,),
    "labels_changed": ('{"room":"A1"}', '{"name":"Fridge 2"}', '["old-key"]'),
    "connection_status": ("ETHERNET", '["CELLULAR","ETHERNET"]'),
    "ethernet_status": ("f0:b5:b7:00:0a:08", "10.0.0.1", "[]"),
    "cellular_status": (80.0, "[]"),
}
"""View -> the values of its type's columns for the one event of that type in bodies.jsonl, but for samples."""


def test_each_view_has_the_values_of_its_event(warehouse: Warehouse) -> None:
    warehouse.write(*BODIES)
    assert set(VALUES) == {measurement.view for measurement in MEASUREMENTS}
    for measurement in MEASUREMENTS:
        names = [member.column for member in measurement.members if member.column != "samples"]
        listed = ", ".join(["device_id", "device_name", "event_time", "origin", "schema_violation", *names])
        (row,) = warehouse.query(f"SELECT {listed} FROM @{measurement.view}")
        assert row == ("bchonod7rihjtvdmd2vg", "Fridge 2", AT, None, None, *VALUES[measurement.view])


def test_each_member_of_each_event_type_is_a_column() -> None:
    assert {measurement.event_type: measurement for measurement in MEASUREMENTS}.keys() == EVENT_TYPES.keys()
    for measurement in MEASUREMENTS:
        structure = EVENT_TYPES[measurement.event_type]
        fields = {field.encode_name for field in msgspec.structs.fields(structure)} - {"updateTime"}
        prefix = "" if measurement.event_type == "labelsChanged" else f"{measurement.event_type}."
        columns = {member.path.removeprefix(prefix).partition("[")[0] for member in measurement.members}
        assert columns == fields


def test_an_event_with_three_copies_is_there_once_and_the_first_copy_stays(warehouse: Warehouse) -> None:
    copy = body("co2", AT, {"ppm": 500}, event_id="e1")
    warehouse.write(copy, published="2026-11-02T08:20:00Z")
    warehouse.write(copy, copy, published="2026-11-02T08:13:16Z")
    warehouse.write(body("co2", AT, {"ppm": 600}, event_id="e2"))
    assert warehouse.query("SELECT event_id, message_id FROM @events_once ORDER BY 1") == [
        (
            "e1",
            warehouse.query("SELECT MIN(message_id) FROM @events WHERE publish_time < '2026-11-02T08:15:00Z'")[0][0],
        ),
        ("e2", warehouse.query("SELECT MAX(message_id) FROM @events")[0][0]),
    ]
    assert warehouse.query("SELECT SUM(ppm), COUNT(*) FROM @co2") == [(1100.0, 2)]


def test_a_copy_from_dts_history_with_other_spelling_is_the_same_event(warehouse: Warehouse) -> None:
    warehouse.write(body("co2", "2026-11-02T08:13:15.123456Z", {"ppm": 500}, event_id="e1"))
    late = body("co2", "2026-11-02T08:13:15.123456789+00:00", {"ppm": 500.0}, event_id="e1", labels={"name": "New"})
    warehouse.write(late, published="2026-12-01T00:00:00Z", origin="backfill")
    assert warehouse.query("SELECT event_id, ppm, origin, device_name FROM @co2") == [("e1", 500.0, None, None)]


def test_an_event_of_2018_with_nanoseconds_and_without_labels_is_read(warehouse: Warehouse) -> None:
    warehouse.write(body("temperature", "2018-10-02T08:13:15.543483560Z", {"value": -18.5}))
    row = ("d1", None, "2018-10-02T08:13:15.543483Z", -18.5, False, None)
    columns = "device_id, device_name, event_time, celsius, is_backfilled, samples"
    assert warehouse.query(f"SELECT {columns} FROM @temperature") == [row]


def test_an_unknown_type_is_an_event_and_what_is_no_event_is_only_in_the_table(warehouse: Warehouse) -> None:
    warehouse.write(body("radiation", AT, {"microsievert": 3}), "not JSON", "[]", "")
    assert warehouse.query("SELECT event_type, JSON_VALUE(data, '$.radiation.microsievert') FROM @events_once") == [
        ("radiation", "3")
    ]
    assert warehouse.query("SELECT body FROM @events WHERE event_id IS NULL ORDER BY message_id") == [
        ("not JSON",),
        ("[]",),
        ("",),
    ]


@pytest.mark.parametrize("value", ["hot", None, {}, [], True, "1e999x"])
def test_a_value_of_another_kind_is_null_and_the_violation_is_named(warehouse: Warehouse, value: object) -> None:
    warehouse.write(body("temperature", AT, {"value": value}), schemaViolation="$.event.data.temperature.value")
    assert warehouse.query("SELECT celsius, schema_violation FROM @temperature") == [
        (None, "$.event.data.temperature.value")
    ]


def test_events_that_an_operator_sent_again_show_it(warehouse: Warehouse) -> None:
    warehouse.write(body("touch", AT), origin="replay", contract="1")
    assert warehouse.query("SELECT origin FROM @touch") == [("replay",)]


def test_whole_numbers_that_json_writes_with_a_fraction_are_counts(warehouse: Warehouse) -> None:
    text = json.dumps({"event": {"eventId": "e", "eventType": "touchCount", "data": {"touchCount": {"total": 0}}}})
    warehouse.write(text.replace('"total": 0', '"total": 469.0'))
    assert warehouse.query("SELECT total, device_id, event_time FROM @touch_count") == [(469, None, None)]
