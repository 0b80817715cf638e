"""The newest event, the last time heard and the days of each device, with the results worked out by hand."""

from tests.deploy.bigquery.engines import Warehouse, body, samples

NAMED = {"name": "Fridge 2"}


def test_the_newest_event_is_the_newest_by_its_own_time_whatever_arrives_last(warehouse: Warehouse) -> None:
    warehouse.write(body("co2", "2026-11-02T09:00:00Z", {"ppm": 700}, event_id="new"), published="2026-11-02T09:00:01Z")
    warehouse.write(body("co2", "2026-11-01T07:00:00Z", {"ppm": 400}, event_id="old"), published="2026-11-02T10:00:00Z")
    warehouse.write(body("co2", "2026-11-02T08:00:00Z", {"ppm": 500}, device="d2", event_id="other"))
    warehouse.write(body("touch", "2026-11-01T06:00:00Z", event_id="touch"))
    assert warehouse.query("SELECT device_id, event_type, event_id FROM @device_latest ORDER BY 1, 2") == [
        ("d1", "co2", "new"),
        ("d1", "touch", "touch"),
        ("d2", "co2", "other"),
    ]


def test_a_device_was_heard_by_any_event_of_its_own_and_not_by_those_of_dts_cloud(warehouse: Warehouse) -> None:
    warehouse.write(
        body("temperature", "2026-11-02T08:00:00Z", {"value": 5}, labels=NAMED),
        body("networkStatus", "2026-11-02T09:00:00Z", {"signalStrength": 50}, project="p2"),
        body("labelsChanged", "2026-11-02T10:00:00Z", labels={"name": "Renamed"}),
        body("connectionStatus", "2026-11-02T11:00:00Z", {"connection": "OFFLINE"}),
        body("radiation", "2026-11-02T07:00:00Z", device="d2"),
    )
    assert warehouse.query("SELECT * FROM @device_last_heard ORDER BY device_id") == [
        ("p2", "d1", "Fridge 2", "2026-11-02T09:00:00Z"),
        ("p1", "d2", None, "2026-11-02T07:00:00Z"),
    ]


def test_a_day_has_the_samples_that_were_measured_on_it_and_counts_each_event_once(warehouse: Warehouse) -> None:
    after_midnight = samples(
        (8.0, "2026-11-03T00:05:00Z"), (4.0, "2026-11-03T00:00:00Z"), (2.0, "2026-11-02T23:55:00Z")
    )
    warehouse.write(
        body("temperature", "2026-11-03T00:05:00Z", {"value": 8.0, "samples": after_midnight}, labels=NAMED),
        body("temperature", "2026-11-02T12:00:00Z", {"value": 6.0}),
        body("touch", "2026-11-02T12:30:00Z"),
        body("touch", "2026-11-02T12:31:00Z"),
        body("batteryStatus", "2026-11-02T13:00:00Z", {"percentage": 90}),
        body("networkStatus", "2026-11-02T13:00:00Z", {"signalStrength": 40}),
        body("networkStatus", "2026-11-02T14:00:00Z", {"signalStrength": 60}),
    )
    warehouse.write(body("touch", "2026-11-02T12:30:00Z"), published="2026-12-24T00:00:00Z")
    columns = (
        "device_name, day, events, temperature_samples, min_celsius, mean_celsius, max_celsius, touches, "
        "min_battery_percent, mean_signal_percent"
    )
    assert warehouse.query(f"SELECT {columns} FROM @device_daily ORDER BY day") == [
        ("Fridge 2", "2026-11-02", 6, 2, 2.0, 4.0, 6.0, 2, 90.0, 50.0),
        ("Fridge 2", "2026-11-03", 1, 2, 4.0, 6.0, 8.0, 0, None, None),
    ]


def test_an_event_counts_on_its_own_day_also_if_all_that_it_measured_is_of_the_day_before(warehouse: Warehouse) -> None:
    warehouse.write(
        body("temperature", "2026-11-03T00:00:01Z", {"value": 5.0, "updateTime": "2026-11-02T23:59:59Z"}),
        body("touch", "2026-11-03T08:00:00Z", device="d2"),
    )
    columns = "device_id, day, events, temperature_samples, touches"
    assert warehouse.query(f"SELECT {columns} FROM @device_daily ORDER BY device_id, day") == [
        ("d1", "2026-11-02", 0, 1, 0),
        ("d1", "2026-11-03", 1, 0, 0),
        ("d2", "2026-11-03", 1, 0, 1),
    ]


def test_a_day_of_humidity_and_air(warehouse: Warehouse) -> None:
    pairs = [
        {"temperature": 22.0, "relativeHumidity": 40, "sampleTime": "2026-11-02T08:15:00Z"},
        {"temperature": 20.0, "relativeHumidity": 30, "sampleTime": "2026-11-02T08:10:00Z"},
    ]
    warehouse.write(
        body("humidity", "2026-11-02T08:15:00Z", {"temperature": 22.0, "relativeHumidity": 40, "samples": pairs}),
        body("humidity", "2026-11-02T09:00:00Z", {"temperature": 24.0, "relativeHumidity": 50}),
        body("co2", "2026-11-02T09:00:00Z", {"ppm": 500}),
        body("co2", "2026-11-02T10:00:00Z", {"ppm": 900}),
        body("pressure", "2026-11-02T10:00:00Z", {"pascal": 99301}),
    )
    columns = (
        "events, temperature_samples, mean_celsius, mean_relative_humidity_percent, mean_ppm, max_ppm, mean_pascal"
    )
    assert warehouse.query(f"SELECT {columns} FROM @device_daily") == [(5, 3, 22.0, 40.0, 700.0, 900.0, 99301.0)]


def test_a_state_over_midnights_is_split_and_the_last_one_counts_until_the_device_was_last_heard(
    warehouse: Warehouse,
) -> None:
    for time, state in (("2026-11-01T22:00:00Z", "OPEN"), ("2026-11-04T00:00:00Z", "CLOSED")):
        warehouse.write(body("contact", time, {"state": state}))
    warehouse.write(body("networkStatus", "2026-11-04T01:00:00Z", {"signalStrength": 50}))
    warehouse.write(body("contact", "2026-11-02T12:00:00Z", {"state": "OPEN"}, device="d2"))
    columns = "device_id, state, day, seconds, begins"
    assert warehouse.query(f"SELECT {columns} FROM @device_state_daily ORDER BY 1, 3, 2") == [
        ("d1", "OPEN", "2026-11-01", 7200.0, 1),
        ("d1", "OPEN", "2026-11-02", 86400.0, 0),
        ("d1", "OPEN", "2026-11-03", 86400.0, 0),
        ("d1", "CLOSED", "2026-11-04", 3600.0, 1),
        ("d2", "OPEN", "2026-11-02", 0.0, 1),
    ]


def test_several_intervals_of_a_day_are_added(warehouse: Warehouse) -> None:
    states = ((8, "OCCUPIED"), (9, "NOT_OCCUPIED"), (10, "OCCUPIED"), (12, "NOT_OCCUPIED"))
    for hour, state in states:
        warehouse.write(body("deskOccupancy", f"2026-11-02T{hour:02}:00:00Z", {"state": state}))
    assert warehouse.query("SELECT seconds, begins FROM @device_state_daily WHERE state = 'OCCUPIED'") == [(10800.0, 2)]


def test_a_connection_that_only_dts_cloud_reports_has_days_too(warehouse: Warehouse) -> None:
    warehouse.write(body("connectionStatus", "2026-11-02T08:00:00Z", {"connection": "OFFLINE"}))
    warehouse.write(body("connectionStatus", "2026-11-02T08:10:00Z", {"connection": "ETHERNET"}))
    assert warehouse.query("SELECT state, seconds, begins FROM @device_state_daily ORDER BY seconds") == [
        ("ETHERNET", 0.0, 1),
        ("OFFLINE", 600.0, 1),
    ]


def test_events_without_a_device_or_a_time_are_in_no_summary(warehouse: Warehouse) -> None:
    warehouse.write('{"event":{"eventId":"e","eventType":"touch","targetName":"projects/p1"}}', body("touch", None))
    for view in ("device_latest", "device_last_heard", "device_daily", "device_state_daily"):
        assert warehouse.query(f"SELECT * FROM @{view}") == []
    assert warehouse.query("SELECT COUNT(*) FROM @touch") == [(2,)]
