"""The dashboard: one page with a fixed id, replaced whole, which keeps the tiles of others and all places."""

from typing import Any

import pytest

from deploy.resources.dashboard import Dashboard
from deploy.spec import Alerts
from deploy.stages.source import runbook
from deploy.verbs.exit_codes import CHANGES, NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import Stage, spec

WITH_ALERTS = Alerts(emails=("ops@example.com",), pages=runbook())
NAME = f"projects/{PROJECT}/dashboards/dt-pubsub-dt-pubsub"


@pytest.fixture
def alerted(stage: Stage) -> Stage:
    """A finished deployment with alerts."""
    assert stage.deployment(alerts=WITH_ALERTS).up(verify=False) == NOTHING_TO_DO
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
    assert other.part_of({"name": f"projects/{PROJECT}/dashboards/dt-pubsub-site2-pubsub"})
