"""How many sensors DT projects have: those in the lists of their devices, or DT's own count if the lists are long."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from deploy.dt.api import DtApi, parsing_response
from deploy.errors import DtUnanswered
from deploy.spec import last_segment

PAGES = 5
"""Pages of a hundred devices, of all projects together: reading more would take longer than a plan without it, and
DT allows 25 calls in five seconds."""

_GATEWAY = "ccon"
"""DT's type of a Cloud Connector, which is no sensor."""

_PER_PAGE = {"page_size": "100"}


@dataclass(frozen=True, slots=True)
class SensorCount:
    """The number of sensors in DT projects. ``emulated``: how many of them are; 0 also if DT alone has counted."""

    projects: tuple[str, ...]
    sensors: int
    emulated: int = 0


def count_sensors(api: DtApi, projects: Sequence[str]) -> SensorCount:
    """Return how many sensors these projects have in all. No call is repeated: nobody has to wait for this number.

    Raises:
        DeployError: there are no credentials.
        DtFailed: DT refused a call or did not answer, or does not say how many there are.

    """
    once = replace(api, pauses_s=())
    lists = chain.from_iterable(once.stream(f"/projects/{name}/devices", "devices", _PER_PAGE) for name in projects)
    pages = list(islice(lists, PAGES + 1))
    if len(pages) > PAGES:
        return SensorCount(tuple(projects), sum(_counted_by_dt(once, projects)))
    with parsing_response("DT, lists of devices"):
        sensors = [item["name"] for page in pages for item in page.body["devices"] if item.get("type") != _GATEWAY]
        emulated = [name for name in sensors if last_segment(name).startswith("emu")]
    return SensorCount(tuple(projects), len(sensors), len(emulated))


def _counted_by_dt(api: DtApi, projects: Sequence[str]) -> list[int]:
    with parsing_response("DT, GET /projects"):
        counts: dict[str, Any] = {last_segment(found["name"]): found.get("sensorCount") for found in api.projects()}
    known = [count for name in projects if isinstance(count := counts.get(name), int)]
    if len(known) < len(projects):
        raise DtUnanswered(0, "does not say how many sensors a project has", where="DT, GET /projects")
    return known
