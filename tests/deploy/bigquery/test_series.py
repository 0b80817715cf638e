"""Samples, increments, heartbeats and state intervals, with the results worked out by hand."""

from tests.deploy.bigquery.engines import Warehouse, body, samples


def test_each_temperature_is_there_once_whether_an_event_has_samples_or_not(warehouse: Warehouse) -> None:
    warehouse.write(
        body(
            "temperature",
            "2026-11-02T08:15:00Z",
            {
                "value": 5.0,
                "samples": samples(
                    (5.0, "2026-11-02T08:15:00Z"), (9.5, "2026-11-02T08:10:00Z"), (4.0, "2026-11-02T08:05:00Z")
                ),
            },
        ),
        body("temperature", "2026-11-02T08:30:00Z", {"value": 6.0, "samples": []}),
        body("temperature", "2018-10-02T08:00:00.123456789Z", {"value": -3.0}),
        body("humidity", "2026-11-02T08:20:00Z", {"temperature": 21.0, "relativeHumidity": 40}),
    )
    assert warehouse.query("SELECT event_time, sample_time, celsius FROM @temperature_samples ORDER BY 2") == [
        ("2018-10-02T08:00:00.123456Z", "2018-10-02T08:00:00.123456Z", -3.0),
        ("2026-11-02T08:15:00Z", "2026-11-02T08:05:00Z", 4.0),
        ("2026-11-02T08:15:00Z", "2026-11-02T08:10:00Z", 9.5),
        ("2026-11-02T08:15:00Z", "2026-11-02T08:15:00Z", 5.0),
        ("2026-11-02T08:30:00Z", "2026-11-02T08:30:00Z", 6.0),
    ]


def test_samples_of_a_repeated_event_count_once(warehouse: Warehouse) -> None:
    text = body(
        "temperature", "2026-11-02T08:15:00Z", {"value": 5.0, "samples": samples((5.0, "2026-11-02T08:15:00Z"))}
    )
    warehouse.write(text, text, text)
    assert warehouse.query("SELECT COUNT(*), SUM(celsius) FROM @temperature_samples") == [(1, 5.0)]


def test_a_stored_reading_has_the_time_at_which_it_was_measured(warehouse: Warehouse) -> None:
    data = {"value": 5.0, "updateTime": "2026-10-31T22:43:09.120455999Z", "isBackfilled": True}
    warehouse.write(body("temperature", "2026-10-31T22:43:09.120455999Z", data), published="2026-11-02T10:00:00Z")
    assert warehouse.query("SELECT sample_time FROM @temperature_samples") == [("2026-10-31T22:43:09.120455Z",)]
    assert warehouse.query("SELECT is_backfilled FROM @temperature") == [(True,)]


def test_each_pair_of_humidity_and_temperature_is_there_once(warehouse: Warehouse) -> None:
    pairs = [
        {"temperature": 22.5, "relativeHumidity": 17, "sampleTime": "2026-11-02T08:15:00Z"},
        {"temperature": 22.0, "relativeHumidity": 18.5, "sampleTime": "2026-11-02T08:10:00.1234567Z"},
    ]
    warehouse.write(
        body("humidity", "2026-11-02T08:15:00Z", {"temperature": 22.5, "relativeHumidity": 17, "samples": pairs}),
        body("humidity", "2022-11-02T08:15:00Z", {"temperature": 10, "relativeHumidity": 90}),
    )
    columns = "sample_time, relative_humidity_percent, celsius"
    assert warehouse.query(f"SELECT {columns} FROM @humidity_samples ORDER BY 1") == [
        ("2022-11-02T08:15:00Z", 90.0, 10.0),
        ("2026-11-02T08:10:00.123456Z", 18.5, 22.0),
        ("2026-11-02T08:15:00Z", 17.0, 22.5),
    ]


def test_counts_are_the_differences_in_the_order_of_the_events_and_begin_anew_after_a_reset(
    warehouse: Warehouse,
) -> None:
    for hour, total in ((11, 2), (9, 112), (10, 112), (8, 100)):
        warehouse.write(body("touchCount", f"2026-11-02T{hour:02}:00:00Z", {"total": total}))
    warehouse.write(body("objectPresentCount", "2026-11-02T08:30:00Z", {"total": 7}))
    warehouse.write(body("touchCount", "2026-11-02T08:30:00Z", {"total": 5000}, device="d2"))
    counts = "SELECT device_id, event_type, event_time, total, increment FROM @count_increments ORDER BY 1, 2 DESC, 3"
    assert warehouse.query(counts) == [
        ("d1", "touchCount", "2026-11-02T08:00:00Z", 100, None),
        ("d1", "touchCount", "2026-11-02T09:00:00Z", 112, 12),
        ("d1", "touchCount", "2026-11-02T10:00:00Z", 112, 0),
        ("d1", "touchCount", "2026-11-02T11:00:00Z", 2, 2),
        ("d1", "objectPresentCount", "2026-11-02T08:30:00Z", 7, None),
        ("d2", "touchCount", "2026-11-02T08:30:00Z", 5000, None),
    ]


def test_a_heartbeat_that_two_cloud_connectors_heard_is_one_with_the_best_signal(warehouse: Warehouse) -> None:
    heard = (("c1", 45, "08:15"), ("c2", 80, "08:15"), ("c1", 30, "08:30"))
    for connector, percent, time in heard:
        data = {"signalStrength": percent, "cloudConnectors": [{"id": connector, "signalStrength": percent}]}
        warehouse.write(body("networkStatus", f"2026-11-02T{time}:00Z", data, event_id=f"{connector}{time}"))
    columns = "device_id, heard_at, signal_percent, cloud_connectors"
    assert warehouse.query(f"SELECT {columns} FROM @device_heartbeats ORDER BY heard_at") == [
        ("d1", "2026-11-02T08:15:00Z", 80.0, 2),
        ("d1", "2026-11-02T08:30:00Z", 30.0, 1),
    ]


def test_a_state_lasts_until_the_next_other_state_of_the_same_device_by_the_time_of_the_events(
    warehouse: Warehouse,
) -> None:
    states = [
        ("d1", "contact", "2026-11-02T08:00:00Z", "OPEN"),
        ("d1", "contact", "2026-11-03T06:00:00Z", "CLOSED"),
        ("d1", "contact", "2026-11-02T09:30:00.5Z", "CLOSED"),
        ("d1", "contact", "2026-11-02T22:00:00Z", "OPEN"),
        ("d1", "contact", "2026-11-02T23:00:00Z", "OPEN"),
        ("d1", "motion", "2026-11-02T08:30:00Z", "MOTION_DETECTED"),
        ("d2", "contact", "2026-11-02T08:10:00Z", "CLOSED"),
    ]
    for device, event_type, time, state in states:
        warehouse.write(body(event_type, time, {"state": state}, device=device))
    columns = "device_id, event_type, state, state_from, state_until, seconds"
    assert warehouse.query(f"SELECT {columns} FROM @device_state_intervals ORDER BY 1, 2, 4") == [
        ("d1", "contact", "OPEN", "2026-11-02T08:00:00Z", "2026-11-02T09:30:00.500000Z", 5400.5),
        ("d1", "contact", "CLOSED", "2026-11-02T09:30:00.500000Z", "2026-11-02T22:00:00Z", 44999.5),
        ("d1", "contact", "OPEN", "2026-11-02T22:00:00Z", "2026-11-03T06:00:00Z", 28800.0),
        ("d1", "contact", "CLOSED", "2026-11-03T06:00:00Z", None, None),
        ("d1", "motion", "MOTION_DETECTED", "2026-11-02T08:30:00Z", None, None),
        ("d2", "contact", "CLOSED", "2026-11-02T08:10:00Z", None, None),
    ]


def test_a_new_state_of_dts_and_a_missing_one_do_not_disturb(warehouse: Warehouse) -> None:
    for minute, state in ((0, "OPEN"), (10, None), (20, "TAMPERED"), (30, 5)):
        warehouse.write(body("contact", f"2026-11-02T08:{minute:02}:00Z", {"state": state}))
    assert warehouse.query("SELECT state, seconds FROM @device_state_intervals ORDER BY state_from") == [
        ("OPEN", 1200.0),
        ("TAMPERED", 600.0),
        ("5", None),
    ]


def test_the_connection_of_a_cloud_connector_is_a_state_too(warehouse: Warehouse) -> None:
    for minute, connection in ((0, "ETHERNET"), (5, "OFFLINE"), (7, "CELLULAR")):
        warehouse.write(body("connectionStatus", f"2026-11-02T08:{minute:02}:00Z", {"connection": connection}))
    offline = "SELECT SUM(seconds) FROM @device_state_intervals WHERE state = 'OFFLINE'"
    assert warehouse.query(offline) == [(120.0,)]
