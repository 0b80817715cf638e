"""The dashboard of a deployment. Its id is fixed, and names the deployment.

It is replaced whole. So a request has also what a person has added: further tiles, and the places of all tiles. A tile
of ours is known by its title.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.resources.alert_definitions import dashboard_of
from deploy.resources.alerting import MONITORING, Alerting, Found, step_of
from deploy.resources.own_fields import differences, merged
from deploy.resources.resource import Facts
from deploy.spec import last_segment
from deploy.steps import Get, ResourceId, RestCall, Step

PART = "the page"

_LAYOUTS = ("columnLayout", "gridLayout", "rowLayout")
"""Layouts that a person may choose in place of ours; a dashboard has only one."""


@dataclass(frozen=True, slots=True)
class Dashboard(Alerting):
    """One dashboard with the metrics of both ends of the function."""

    services: ClassVar[tuple[str, ...]] = (MONITORING,)
    permissions: ClassVar[tuple[str, ...]] = (
        "monitoring.dashboards.create",
        "monitoring.dashboards.delete",
        "monitoring.dashboards.list",
        "monitoring.dashboards.update",
    )
    key: ClassVar[str] = "dashboards"

    @property
    def id(self) -> ResourceId:
        """The id of the dashboard."""
        return ResourceId("dashboard", self.spec.dashboard)

    def part(self, name: str) -> ResourceId:
        """Return the id of the dashboard, which has no parts."""
        del name
        return self.id

    @property
    def listing(self) -> Get:
        """The request that lists the dashboards of the project."""
        return Get(f"https://{MONITORING}/v1/projects/{self.spec.google_project}/dashboards", "dashboards")

    def part_of(self, found: Found) -> str:
        """Return ``PART`` if the id of a dashboard names this deployment, else ""."""
        return PART if last_segment(str(found.get("name", ""))) == self.spec.dashboard else ""

    def url_of(self, found: Found) -> str:
        """Return the URL of the dashboard."""
        del found
        return f"{self.listing.url}/{self.spec.dashboard}"

    def plan_parts(self, facts: Facts) -> tuple[Step, ...]:
        """Return the step of the dashboard. A dashboard is replaced whole, so an update keeps its other fields."""
        found = dict(self.ours(facts)).get(PART)
        name = f"projects/{self.spec.google_project}/dashboards/{self.spec.dashboard}"
        wanted = dashboard_of(self.spec)
        if found is None:
            call = RestCall("POST", self.listing.url, {"name": name, **wanted})
            return (step_of(self.id, (), call, is_there=False, kept=""),)
        wanted = with_tiles_of_others(wanted, found)
        kept = {name: value for name, value in found.items() if name not in _LAYOUTS}
        call = RestCall("PATCH", self.url_of(found), merged(wanted, kept))
        return (step_of(self.id, differences(wanted, found), call, is_there=True, kept="shows what it should"),)

    def surplus(self, facts: Facts, wanted: Collection[str]) -> list[tuple[str, Found, str]]:
        """Return nothing: there can be only one dashboard of this id."""
        del facts, wanted
        return []


def with_tiles_of_others(wanted: Found, found: Found) -> dict[str, Any]:
    """Return the wanted dashboard with the tiles that are there, in their places. Our missing tiles come below them."""
    there = found.get("mosaicLayout") or {}
    columns = there.get("columns")
    if not columns:
        return dict(wanted)
    missing = {tile["widget"]["title"]: tile["widget"] for tile in wanted["mosaicLayout"]["tiles"]}
    tiles = []
    for tile in there.get("tiles", []):
        widget = tile.get("widget") or {}
        ours = missing.pop(widget.get("title"), None)
        tiles.append({**tile, "widget": _set(ours, widget)} if ours else tile)
    return {
        **wanted,
        "mosaicLayout": {"columns": columns, "tiles": [*tiles, *_below(tiles, missing.values(), columns)]},
    }


def _set(ours: Found, widget: Found) -> Found:
    """Return a widget of ours with what Google has added, or only ours if it has become another kind of widget."""
    widget_set: Found = merged(ours, widget) if ours.keys() <= widget.keys() else ours
    return widget_set


def _below(tiles: Sequence[Found], widgets: Iterable[Found], columns: int) -> list[dict[str, Any]]:
    """Return further tiles below all others, two in a row."""
    bottom = max((tile.get("yPos", 0) + tile.get("height", 0) for tile in tiles), default=0)
    width = max(columns // 2, 1)
    return [
        {
            "xPos": width * (place % 2),
            "yPos": bottom + 16 * (place // 2),
            "width": width,
            "height": 16,
            "widget": widget,
        }
        for place, widget in enumerate(widgets)
    ]
