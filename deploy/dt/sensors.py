"""How many sensors DT projects have: those in the list of a project's devices, or DT's own count if it is long."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from deploy.dt.api import SENSOR_COUNT, DtApi, parsing_response, text_or_none
from deploy.dt.calls import DtAnswer
from deploy.errors import DtUnanswered
from deploy.parallel import raise_if_cancelled
from deploy.spec import last_segment

PAGES = 5
"""Pages of a hundred devices that are read in all, but at least one of each project: more would take longer than a
plan without it, and DT allows 25 calls in five seconds."""

_GATEWAY = "ccon"
"""DT's type of a Cloud Connector, which is no sensor."""

_PER_PAGE = {"page_size": "100"}


@dataclass(frozen=True, slots=True)
class SensorCount:
    """The number of sensors in DT projects.

    ``emulated``: how many of them are known to be. DT's own count of a project with a long list does not tell.
    """

    projects: tuple[str, ...]
    sensors: int
    emulated: int = 0


def count_sensors(api: DtApi, projects: Sequence[str]) -> SensorCount:
    """Return how many sensors these projects have in all. No call is repeated, because the number is not essential.

    A call that hangs may take as long as the transport allows, so that a command has to limit how long it waits. A
    cancelled worker reads no further page.

    Raises:
        DeployError: there are no credentials.
        DtFailed: DT refused a call or did not answer, or does not say how many there are.
        CancelledError: this is a worker whose result is not waited for any more.

    """
    once, spare, sensors, emulated = replace(api, pauses_s=()), max(PAGES - len(projects), 0), 0, 0
    for project in projects:
        pages = _first_pages(once, project, 1 + spare)
        spare -= len(pages) - 1
        if pages[-1].body.get("nextPageToken"):
            sensors += _counted_by_dt(once, project)
        else:
            names = _sensors_in(pages, project)
            sensors += len(names)
            emulated += len([name for name in names if last_segment(name).startswith("emu")])
    return SensorCount(tuple(projects), sensors, emulated)


def _first_pages(api: DtApi, project: str, most: int) -> list[DtAnswer]:
    pages = []
    for page in islice(api.stream(f"/projects/{project}/devices", "devices", _PER_PAGE), most):
        raise_if_cancelled()
        pages.append(page)
    return pages


def _sensors_in(pages: Sequence[DtAnswer], project: str) -> list[str]:
    with parsing_response(f"DT, GET /projects/{project}/devices"):
        names = [item["name"] for page in pages for item in page.body["devices"] if item.get("type") != _GATEWAY]
        return [text_or_none(name) for name in names]


def _counted_by_dt(api: DtApi, project: str) -> int:
    if not (counts := api.counts(project, SENSOR_COUNT)):
        where = f"DT, GET /projects/{project}"
        raise DtUnanswered(0, "does not say how many sensors the project has", where=where)
    return counts[0]
