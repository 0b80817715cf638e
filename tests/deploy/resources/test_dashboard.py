"""The dashboard: one page with a fixed id, replaced whole, which keeps the tiles of others and all places."""

import json
from typing import Any

import pytest

from deploy.resources.dashboard import Dashboard, with_tiles_of_others
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.steps import Get, RestCall
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.deployed import bring_up
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage, spec

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())
NAME = f"projects/{PROJECT}/dashboards/dt-pubsub-dt-pubsub"


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    bring_up(stage, alerts=WITH_ALERTS)
    stage.api.sent.clear()
    return stage


def test_a_title_that_was_changed_is_set_again_and_labels_stay(alerted: Stage) -> None:
    alerted.api.dashboards.items[NAME] |= {"displayName": "Mine", "labels": {"team": ""}}
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == CHANGES
    assert "displayName Mine -> dt-pubsub" in alerted.shown
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert alerted.api.dashboards.items[NAME]["labels"] == {"team": ""}
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO


def test_a_change_between_plan_and_update_is_read_first_so_that_googles_etag_is_the_newest(alerted: Stage) -> None:
    alerted.api.dashboards.items[NAME]["displayName"] = "Mine"

    def changed(argv: tuple[str, ...]) -> None:
        if argv[:2] == ("billing", "projects"):
            alerted.api.dashboards.items[NAME]["etag"] = "another"

    alerted.google.before = changed
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO


def tiles_of(stage: Stage) -> list[dict[str, Any]]:
    """Return the tiles as Google has them, for changes by hand."""
    tiles: list[dict[str, Any]] = stage.api.dashboards.items[NAME]["mosaicLayout"]["tiles"]
    return tiles


def titles(stage: Stage) -> list[str]:
    return [tile["widget"].get("title", "") for tile in tiles_of(stage)]


def test_a_tile_that_a_person_adds_moves_or_sorts_is_no_difference_and_stays(alerted: Stage) -> None:
    tiles = tiles_of(alerted)
    bottom = max(tile.get("yPos", 0) + tile["height"] for tile in tiles)
    tiles[0] |= {"yPos": bottom, "width": 12, "height": 8}
    tiles.insert(1, {"width": 24, "height": 16, "widget": {"text": {"content": "Call Kari first"}}})
    tiles.reverse()
    by_hand = [dict(tile) for tile in tiles]
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO
    alerted.api.dashboards.items[NAME]["displayName"] = "Mine"
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert tiles_of(alerted) == by_hand


def test_what_our_tile_shows_is_set_again_in_the_place_where_a_person_has_put_it(alerted: Stage) -> None:
    last = tiles_of(alerted)[-1]
    last |= {"xPos": 0, "yPos": 100}
    last["widget"]["logsPanel"]["filter"] = "x"
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == CHANGES
    assert "mosaicLayout.tiles[7].widget.logsPanel.filter x -> " in alerted.shown
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    after = tiles_of(alerted)[-1]
    assert (after["yPos"], after["widget"]["logsPanel"]["filter"] != "x") == (100, True)
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO


def test_a_tile_of_ours_that_has_become_another_kind_is_a_chart_again_and_nothing_else(alerted: Stage) -> None:
    widget = tiles_of(alerted)[0]["widget"]
    widget["timeSeriesTable"] = {"dataSets": widget.pop("xyChart")["dataSets"]}
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert set(tiles_of(alerted)[0]["widget"]) == {"title", "xyChart"}


@pytest.mark.parametrize("columns", [48, 12])
def test_a_tile_of_ours_that_was_removed_comes_back_below_all_others(alerted: Stage, columns: int) -> None:
    before = titles(alerted)
    layout = alerted.api.dashboards.items[NAME]["mosaicLayout"]
    layout |= {"columns": columns, "tiles": [tile for tile in layout["tiles"] if tile["widget"]["title"] != before[2]]}
    for place, tile in enumerate(layout["tiles"]):
        tile |= {"xPos": 0, "yPos": 16 * place, "width": columns}
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == CHANGES
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert titles(alerted) == [*before[:2], *before[3:], before[2]]
    assert alerted.api.dashboards.items[NAME]["mosaicLayout"]["columns"] == columns
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO


def test_another_layout_is_replaced_because_a_dashboard_has_only_one(alerted: Stage) -> None:
    dashboard = alerted.api.dashboards.items[NAME]
    widgets = [tile["widget"] for tile in dashboard.pop("mosaicLayout")["tiles"]]
    dashboard["gridLayout"] = {"widgets": widgets}
    assert alerted.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
    assert "gridLayout" not in alerted.api.dashboards.items[NAME]
    assert alerted.deployment(alerts=WITH_ALERTS).plan() == NOTHING_TO_DO


def test_two_deployments_have_two_dashboards() -> None:
    assert spec().dashboard != spec(name="site2-pubsub").dashboard
    other = Dashboard(spec(name="site2-pubsub"))
    assert other.part_of({"name": NAME}) == ""
    assert other.part_of({"name": f"projects/{PROJECT}/dashboards/dt-pubsub-site2-pubsub"}) == "the page"
    assert other.part_of({}) == ""


URL = f"https://monitoring.googleapis.com/v1/projects/{PROJECT}/dashboards"
DASHBOARD = Dashboard(spec(alerts=WITH_ALERTS))


def found(**changes: Any) -> dict[str, Any]:
    """Return the dashboard as Google has it after the first ``up``, but for these changes."""
    (step,) = DASHBOARD.plan({"dashboards": []})
    assert isinstance(step.call, RestCall)
    body: dict[str, Any] = json.loads(json.dumps(step.call.body))
    return {**body, "etag": "e1", **changes}


def test_a_new_dashboard_is_made_with_its_fixed_id() -> None:
    (step,) = DASHBOARD.plan({"dashboards": [{"name": "projects/p/dashboards/theirs"}]})
    assert (DASHBOARD.title, DASHBOARD.describe) == ("dashboard dt-pubsub-dt-pubsub", Get(URL, "dashboards"))
    assert (step.action, step.resource, step.reason) == ("create", DASHBOARD.title, "not there")
    assert isinstance(step.call, RestCall)
    assert (step.call.method, step.call.url, step.call.body["name"]) == ("POST", URL, NAME)


def test_a_dashboard_is_kept_with_what_google_adds_and_deleted_by_its_url() -> None:
    (step,) = DASHBOARD.plan({"dashboards": [found()]})
    assert (step.action, step.reason) == ("keep", "shows what it should")
    (step,) = DASHBOARD.removal({"dashboards": [found()]})
    assert (step.action, step.resource) == ("delete", DASHBOARD.title)
    assert step.call == RestCall("DELETE", f"{URL}/dt-pubsub-dt-pubsub")


@pytest.mark.parametrize("layout", ["columnLayout", "gridLayout", "rowLayout"])
def test_an_update_sends_the_whole_dashboard_with_its_etag_and_without_another_layout(layout: str) -> None:
    (step,) = DASHBOARD.plan({"dashboards": [found(displayName="Mine", labels={"team": ""}, **{layout: {"a": 1}})]})
    assert step.action == "update"
    body = found(labels={"team": ""})
    assert step.call == RestCall("PATCH", f"{URL}/dt-pubsub-dt-pubsub", body)


def tile(title: str, x: int, y: int, width: int, **widget: Any) -> dict[str, Any]:
    """Return a tile of 16 rows."""
    return {"xPos": x, "yPos": y, "width": width, "height": 16, "widget": {"title": title, **widget}}


FOUR = {
    "displayName": "d",
    "mosaicLayout": {"columns": 48, "tiles": [tile(name, 0, 0, 24, chart=name) for name in "abcd"]},
}


@pytest.mark.parametrize(("columns", "width"), [(48, 24), (12, 6), (3, 1), (1, 1)])
def test_missing_tiles_come_below_all_others_two_in_a_row_of_half_the_width(columns: int, width: int) -> None:
    theirs = {"height": 24, "widget": {"text": {}}}
    there = {"columns": columns, "tiles": [tile("c", 0, 8, columns, chart="c"), theirs, {"yPos": 20, "height": 3}]}
    assert with_tiles_of_others(FOUR, {"mosaicLayout": there}) == {
        "displayName": "d",
        "mosaicLayout": {
            "columns": columns,
            "tiles": [
                *there["tiles"],  # type: ignore[misc]
                tile("a", 0, 24, width, chart="a"),
                tile("b", width, 24, width, chart="b"),
                tile("d", 0, 40, width, chart="d"),
            ],
        },
    }


def test_all_tiles_come_back_to_a_dashboard_that_a_person_has_emptied() -> None:
    after = with_tiles_of_others(FOUR, {"mosaicLayout": {"columns": 48}})
    places = [(one["xPos"], one["yPos"]) for one in after["mosaicLayout"]["tiles"]]
    assert places == [(0, 0), (24, 0), (0, 16), (24, 16)]


@pytest.mark.parametrize("there", [{}, {"mosaicLayout": None}, {"mosaicLayout": {"tiles": [tile("x", 0, 0, 1)]}}])
def test_a_dashboard_without_our_layout_gets_it(there: dict[str, Any]) -> None:
    assert with_tiles_of_others(FOUR, there) == FOUR


def test_a_second_tile_with_the_title_of_ours_is_one_of_a_person() -> None:
    tiles = [tile(name, 0, 0, 24, chart=name, id="1") for name in "abcd"] + [tile("a", 0, 0, 24, chart="mine")]
    after = with_tiles_of_others(FOUR, {"mosaicLayout": {"columns": 48, "tiles": tiles}})
    assert after["mosaicLayout"]["tiles"] == tiles
