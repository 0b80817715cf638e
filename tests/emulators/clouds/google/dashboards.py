"""``monitoring.googleapis.com`` v1: dashboards, whose id a client may choose.

https://cloud.google.com/monitoring/api/ref_v1/rest/v1/projects.dashboards
"""

import itertools
import re
from collections.abc import Iterator

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.log_metrics import LogMetrics
from tests.emulators.clouds.google.messages import check_message, without_defaults
from tests.emulators.clouds.google.metric_types import checked_filter
from tests.emulators.clouds.google.problems import Problem, aborted, exists, invalid, not_found
from tests.emulators.clouds.google.strict import strict

_LAYOUTS = ("columnLayout", "gridLayout", "mosaicLayout", "rowLayout")
_MANY = "/v1/projects/{project}/dashboards"
_ONE = _MANY + "/{name}"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class Dashboards:
    """The dashboards of a project."""

    def __init__(self, estate: Estate, metrics: LogMetrics) -> None:
        self.items: dict[str, Json] = {}
        self._estate = estate
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        called = "monitoring.dashboards"
        return [
            strict(Route("GET", _MANY, self._list, f"{called}.list"), ("pageSize", "pageToken")),
            strict(Route("POST", _MANY, self._create, f"{called}.create"), ("validateOnly",)),
            strict(Route("GET", _ONE, self._get, f"{called}.get")),
            strict(Route("PATCH", _ONE, self._update, f"{called}.update"), ("validateOnly",)),
            strict(Route("DELETE", _ONE, self._delete, f"{called}.delete")),
        ]

    def names(self) -> list[str]:
        """Return the full names of all dashboards."""
        return sorted(self.items)

    def _list(self, request: Request, project: str) -> Json:
        del project
        return page("dashboards", list(self.items.values()), request, default=1000, most=1000)

    def _get(self, _: Request, project: str, name: str) -> Json:
        full = f"projects/{project}/dashboards/{name}"
        if full not in self.items:
            raise not_found(f"Dashboard {full} not found.")
        return self.items[full]

    def _create(self, request: Request, project: str) -> Json:
        body = request.json()
        if body.get("etag"):
            raise invalid("Field etag must not be set on create.")
        prefix = f"projects/{project}/dashboards/"
        full = str(body.get("name") or f"{prefix}{self._estate.next_number()}")
        if not full.startswith(prefix) or not _ID.fullmatch(full.removeprefix(prefix)):
            raise invalid(f"Field name had an invalid value of {full!r}.")
        if full in self.items:
            raise exists(f"Dashboard {full} already exists.")
        return self._stored(full, body)

    def _update(self, request: Request, project: str, name: str) -> Json:
        before, body = self._get(request, project, name), request.json()
        if body.get("etag", before["etag"]) != before["etag"]:
            raise aborted("The etag of the dashboard does not match: it was changed by somebody else.")
        return self._stored(before["name"], body)

    def _delete(self, request: Request, project: str, name: str) -> Json:
        del self.items[self._get(request, project, name)["name"]]
        return {}

    def _stored(self, full: str, body: Json) -> Json:
        check_message("Dashboard", body)
        self._check(body)
        stored = {**body, "name": full, "etag": f"etag-{self._estate.next_number()}"}
        self.items[full] = without_defaults("Dashboard", stored)
        return self.items[full]

    def _check(self, body: Json) -> None:
        layouts = [layout for layout in _LAYOUTS if layout in body]
        if not body.get("displayName") or len(layouts) != 1:
            raise invalid("A dashboard has a displayName and exactly one layout.")
        tiles = body.get("mosaicLayout", {}).get("tiles", [])
        for problem in _overlaps(tiles, body.get("mosaicLayout", {}).get("columns", 48)):
            raise problem
        for tile in tiles:
            for data in tile.get("widget", {}).get("xyChart", {}).get("dataSets", []):
                wanted = data.get("timeSeriesQuery", {}).get("timeSeriesFilter", {})
                checked_filter(str(wanted.get("filter", "")), self._metrics.every())


def _overlaps(tiles: list[Json], columns: int) -> Iterator[Problem]:
    if not 1 <= columns <= 48:
        yield invalid("Field mosaicLayout.columns must be between 1 and 48.")
    for tile in tiles:
        if tile.get("xPos", 0) + tile.get("width", 0) > columns or not tile.get("width") or not tile.get("height"):
            yield invalid("A tile has to be within the columns of the layout, and needs a width and a height.")
    for one, other in itertools.combinations(tiles, 2):
        if _is_within(one, other, "xPos", "width") and _is_within(one, other, "yPos", "height"):
            yield invalid("Tiles must not overlap.")


def _is_within(one: Json, other: Json, place: str, size: str) -> bool:
    first, second = one.get(place, 0), other.get(place, 0)
    return bool(first < second + other[size] and second < first + one[size])
