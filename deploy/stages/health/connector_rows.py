"""The rows of the connectors: their states at DT, and DT's counts of the deliveries of three hours. Pure."""

from collections.abc import Iterator

from deploy.commands import read_log
from deploy.errors import DeployError
from deploy.program import PROGRAM, UP
from deploy.resources.connector import PAUSED, Connector, connector_id, name_in_memory, paused_words
from deploy.spec import Spec
from deploy.stages.health.readings import Metrics, Readings, last_delivery
from deploy.stages.health.resource_rows import STATES, note_on, step_of
from deploy.stages.health.row import Row, unreadable
from deploy.stages.health.words import ago

RECENT_S = 3 * 3600
"""The time in which DT counts deliveries."""

FIRST_SERVER_ERROR = 500

SWITCHED_OFF = "DT has switched it off after five days of failures, and drops the events until `{}`"


def connector_rows(spec: Spec, readings: Readings) -> Iterator[Row]:
    """Return a row for each of this deployment's connectors, and for each DT project that could not be read.

    The connectors in projects that are no longer named have rows among the steps of the plan.
    """
    for project, error in readings.unlisted.items():
        yield unreadable(str(connector_id(project)), error)
    for project in spec.dt_projects:
        for connector in readings.observed.owned_in(project, spec):
            yield _row(spec, project, connector, readings)


def _row(spec: Spec, project: str, connector: Connector, readings: Readings) -> Row:
    counted = readings.deliveries.get(connector.id, {})
    since = readings.observed.memory(spec).paused_since.get(name_in_memory(project, connector.id), "")
    what, status = str(connector_id(project)), connector.status
    if status == PAUSED:
        again = f"{PROGRAM} resume" if since else f"{PROGRAM} resume --all"
        return Row(what, status, paused_words(connector, since), "unhealthy", again, "connector-disabled")
    if status != "ACTIVE":
        detail = f"{connector.id}: {SWITCHED_OFF.format(UP)}"
        return Row(what, status, detail, "unhealthy", UP, "connector-disabled")
    if isinstance(counted, DeployError):
        return unreadable(what, counted)
    delivered, failed, p99_s = deliveries_of(counted)
    detail = (
        f"last 3 h: {delivered:,} delivered, {failed:,} failed attempts, p99 {'-' if p99_s is None else f'{p99_s:g}s'}"
    )
    detail += note_on(connector_id(project), readings)
    drift = step_of(connector_id(project), readings)
    if failed:
        detail += why_failed(readings)
        detail += f"; it also differs: {drift.reason}" if drift else ""
        return Row(what, "failing", detail, "unhealthy", UP if drift else read_log(spec), "connector-failing")
    if drift:
        return Row(what, STATES[drift.action], f"{drift.reason}; {detail}", "unhealthy", UP, "drift")
    return Row(what, status, detail)


def why_failed(readings: Readings) -> str:
    """Return the newest reason for which the function put an event off in these three hours, if it is not over.

    If it logged none, answers 5xx are Cloud Run's, whose requests did not reach it.
    """
    if isinstance(readings.problems, DeployError):
        return ""
    since = max(readings.at - RECENT_S, last_delivery(readings) or 0.0)
    newest = next((line for line in readings.problems if line.status >= FIRST_SERVER_ERROR and line.at > since), None)
    if newest is None:
        is_elsewhere = not isinstance(readings.requests, DeployError) and readings.requests.recently("5")
        return "; the function logged no reason, so that the requests may not have reached it" if is_elsewhere else ""
    return (
        f"; the newest reason, {ago(newest.at, readings.at)}: {newest.reason}{newest.detail and f': {newest.detail}'}"
    )


def deliveries_of(counted: Metrics) -> tuple[int, int, float | None]:
    """Return the deliveries that were answered 2xx, those that were not, and the 99th percentile in seconds.

    DT may write a number as text, or leave out one that is 0.
    """
    delivered, failed = (_number(counted.get(key)) for key in ("successCount", "errorCount"))
    return delivered, failed, _seconds(counted.get("latency99p"))


def _number(written: object) -> int:
    return int(str(written)) if str(written).isdecimal() else 0


def _seconds(written: object) -> float | None:
    try:
        return float(str(written).removesuffix("s"))
    except ValueError:
        return None
