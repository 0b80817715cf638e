"""docs/examples/grafana: the dashboard has Grafana's shape, and its queries run on the views of deploy/bigquery."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from deploy.bigquery.blueprint import VIEWS
from tests.deploy.bigquery.engines import Warehouse, body, samples
from tests.examples.grafana import DASHBOARD, PANELS, VARIABLES, interpolated, sql_of

SCHEMA = json.loads(Path(__file__).with_name("grafana.schema.json").read_text("utf-8"))
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "Heard in the last 24 hours": [(1,)],
    "Silent for 24 hours": [(1,)],
    "Lowest battery": [(7.0,)],
    "Events in this time": [(8,)],
    "Temperature": [
        ("2026-11-02T11:55:00Z", "Fridge 2", 3.0),
        ("2026-11-02T12:00:00Z", "Fridge 2", 4.0),
        ("2026-11-02T12:00:00Z", "d2", 6.0),
    ],
    "Relative humidity": [("2026-11-02T08:00:00Z", "d2", 40.0)],
    "Doors, desks, water, motion": [
        ("2026-11-02T06:00:00Z", "Fridge 2", "OPEN"),
        ("2026-11-02T09:30:00Z", "Fridge 2", "CLOSED"),
    ],
    "Now": [
        ("Fridge 2", "2026-11-03T09:59:00Z", 5.0, None, 61.0, 7.0),
        ("d2", "2026-11-02T12:00:00Z", 6.0, 40.0, None, 80.0),
    ],
    "Events per hour": [
        ("2026-11-02T07:00:00Z", "batteryStatus", 2),
        ("2026-11-02T08:00:00Z", "humidity", 1),
        ("2026-11-02T09:00:00Z", "contact", 1),
        ("2026-11-02T12:00:00Z", "temperature", 2),
        ("2026-11-02T13:00:00Z", "networkStatus", 2),
    ],
}
"""What each panel's query returns for the rows below, worked out by hand."""


@pytest.fixture(scope="module")
def warehouse() -> Warehouse:
    made, named = Warehouse(), {"name": "Fridge 2"}
    warm = samples((5.0, "2026-11-02T12:03:00Z"), (3.0, "2026-11-02T12:00:00Z"), (3.0, "2026-11-02T11:57:00Z"))
    fridge = body("temperature", "2026-11-02T12:03:00Z", {"value": 5.0, "samples": warm}, labels=named)
    made.write(
        fridge,
        fridge,
        body("temperature", "2026-11-02T12:00:00Z", {"value": 6.0}, device="d2"),
        body("humidity", "2026-11-02T08:00:00Z", {"temperature": 21.0, "relativeHumidity": 40.0}, device="d2"),
        body("contact", "2026-11-01T23:00:00Z", {"state": "OPEN"}, labels=named),
        body("contact", "2026-11-02T09:30:00Z", {"state": "CLOSED"}, labels=named),
        body("batteryStatus", "2026-11-02T07:10:00Z", {"percentage": 7}, labels=named),
        body("batteryStatus", "2026-11-02T07:20:00Z", {"percentage": 80}, device="d2"),
        body("networkStatus", "2026-11-02T13:00:00Z", {"signalStrength": 45}, labels=named),
        body("networkStatus", "2026-11-02T13:01:00Z", {"signalStrength": 61}, labels=named),
        body("touch", "2026-11-03T09:59:00Z", {}, labels=named),
    )
    return made


def test_the_dashboard_has_the_shape_of_grafanas() -> None:
    errors = [error.message for error in jsonschema_rs.validator_for(SCHEMA).iter_errors(DASHBOARD)]
    assert errors == []


@pytest.mark.parametrize(
    ("path", "value"),
    [("graphTooltip", 3), ("style", "blue"), ("panels", [{"type": "stat"}]), ("unknown", 1), ("uid", "x" * 41)],
)
def test_another_shape_is_found(path: str, value: Any) -> None:
    assert not jsonschema_rs.validator_for(SCHEMA).is_valid({**DASHBOARD, path: value})


@pytest.mark.parametrize("title", PANELS)
def test_each_panel_shows_what_the_views_say(title: str, warehouse: Warehouse) -> None:
    assert warehouse.query(interpolated(sql_of(PANELS[title]))) == ROWS[title]


def test_every_panel_is_tested_and_reads_views_that_are_there() -> None:
    assert [*PANELS] == [*ROWS]
    views = set(re.findall(r"\$\{dataset\}\.(\w+)`", json.dumps(DASHBOARD)))
    assert views <= {view.name for view in VIEWS}


def test_the_list_of_devices_shows_names_and_gives_ids(warehouse: Warehouse) -> None:
    assert warehouse.query(interpolated(VARIABLES["device"]["query"]["rawSql"])) == [("Fridge 2", "d1"), ("d2", "d2")]


def test_a_time_series_has_a_time_first_in_order_then_a_name_and_a_number(warehouse: Warehouse) -> None:
    series = [panel for panel in PANELS.values() if panel["targets"][0]["format"] == 0]
    assert len(series) == 3
    for panel in series:
        rows = warehouse.query(interpolated(sql_of(panel)))
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)
        assert all(isinstance(name, str) and isinstance(number, int | float) for _, name, number in rows)


def test_every_query_is_limited_to_the_chosen_devices_and_every_plot_to_the_chosen_time() -> None:
    assert all("device_id IN ($device)" in sql_of(panel) for panel in PANELS.values())
    plots = [panel for panel in PANELS.values() if panel["type"] in {"timeseries", "state-timeline"}]
    assert all("$__time" in sql_of(panel).partition("FROM")[2] for panel in plots)


def test_only_variables_of_the_dashboard_are_used() -> None:
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"])))
    assert {name for name in used if not name.startswith("__")} == set(VARIABLES)


def test_panels_have_their_own_ids_and_places_in_24_columns() -> None:
    panels = [*PANELS.values()]
    assert len({panel["id"] for panel in panels}) == len(panels) == len(DASHBOARD["panels"])
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"], (one, other)


def test_every_number_has_its_unit() -> None:
    for panel in PANELS.values():
        fields = [panel["fieldConfig"]["defaults"], *panel["fieldConfig"]["overrides"]]
        assert "unit" in json.dumps(fields) or panel["type"] == "state-timeline", panel["title"]
