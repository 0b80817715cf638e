"""The rows of what the function answered: requests, the last event, and the reasons in its log. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from deploy.commands import audit_between, backfill_between, read_log
from deploy.errors import DeployError
from deploy.google.event_log import LogLine
from deploy.google.request_counts import PERIOD_S, RequestCounts
from deploy.program import PROGRAM
from deploy.spec import Spec
from deploy.stages.health.connector_rows import deliveries_of
from deploy.stages.health.gaps import BEHIND_S, UNAUTHORIZED, gap_of, newest_at_dt
from deploy.stages.health.readings import Readings, last_delivery
from deploy.stages.health.resource_rows import deployment_age_s
from deploy.stages.health.rotation_row import rotation_asked
from deploy.stages.health.row import Page, Row, unreadable
from deploy.stages.health.words import DAY_S, ago, counted, duration, moment, seconds_of

RECENT_S = 3 * 3600
"""The time in which DT counts deliveries; a problem that is older is no longer shown."""

SERVER_ERRORS_SHARE = 0.01
"""More 5xx than this share of all recent requests are a problem even if DT has delivered every event meanwhile."""

UNAUTHORIZED_SHARE, FEWEST_UNAUTHORIZED = 0.5, 10
"""This many answers 401 are a problem. Fewer come from strangers who try the address, and do no harm."""

SILENT_S = DAY_S
"""An older deployment without an event in this time has a problem, because a sensor reports every 15 minutes."""

SEVERE: Mapping[str, Page] = {
    "clock": "clock",
    "keys": "keys",
    "publish": "publish",
    "publish_config": "publish",
    "publish_rejected": "publish",
    "internal": "server-errors",
}
"""Reasons that are a problem unless an event was delivered since, each with its page of the runbook.

``checksum`` is not among them: verify and rotate cause it on purpose, to see which secret the function knows."""


def event_rows(spec: Spec, readings: Readings) -> Iterator[Row]:
    """Return the rows of the requests, the last event and severe problems."""
    yield _requests(spec, readings)
    yield _last_event(spec, readings)
    yield from _last_day(spec, readings)
    if isinstance(readings.problems, DeployError):
        yield unreadable("log", readings.problems)
    else:
        yield from _problems(spec, readings.problems, readings)


def _requests(spec: Spec, readings: Readings) -> Row:
    requests = readings.requests
    if isinstance(requests, DeployError):
        return unreadable("requests", requests)
    total = requests.recently("")
    if not total:
        return Row("requests", "ok", "none in the last 3 h, or Google has no numbers yet")
    by_class = ", ".join(f"{count:,} {kind}{_own_probes(kind, readings)}" for kind, count in by_kind(requests).items())
    detail = f"last 3 h: {by_class}"
    if requests.recently("5") > SERVER_ERRORS_SHARE * total:
        return Row("requests", "failing", detail, "unhealthy", read_log(spec), "server-errors")
    if requests.recently("401") >= max(FEWEST_UNAUTHORIZED, UNAUTHORIZED_SHARE * total):
        if rotation_asked(spec, readings, readings.at - RECENT_S - PERIOD_S):
            return Row("requests", "ok", f"{detail}; the rotation of the secret causes 401, so they say nothing")
        return Row("requests", "unauthorized", detail, "unhealthy", f"{PROGRAM} verify", "unauthorized")
    return Row("requests", "ok", detail)


def _own_probes(kind: str, readings: Readings) -> str:
    """Return how many of the answers 401 were to probes of ``up``, ``verify`` and ``rotate``, as the log has them.

    Anybody can name a request like a probe, so that nothing but this text depends on it.
    """
    if kind != "401" or isinstance(readings.probes, DeployError) or not isinstance(readings.requests, RequestCounts):
        return ""
    logged = sum(line.status == UNAUTHORIZED and line.at > readings.at - RECENT_S for line in readings.probes)
    count = min(logged, readings.requests.recently("401"))
    return f" ({count:,} by this command's own tests)" if count else ""


def by_kind(requests: RequestCounts) -> dict[str, int]:
    """Return the numbers of recent requests by the kind of answer; kinds without a request are left out.

    422 is no problem: only ``replay`` and ``backfill`` get it, and show it themselves.
    """
    unauthorized, unusable = requests.recently("401"), requests.recently("422")
    kinds = {
        "2xx": requests.recently("2"),
        "401": unauthorized,
        "422": unusable,
        "other 4xx": requests.recently("4") - unauthorized - unusable,
        "5xx": requests.recently("5"),
    }
    return {kind: count for kind, count in kinds.items() if count}


def _last_event(spec: Spec, readings: Readings) -> Row:
    """Return when an event was delivered last. It is a problem if DT has had newer ones for a quarter of an hour.

    Events that DT got before a ``resume`` do not come any more.
    """
    row, newest, delivered_at = _delivered(spec, readings), newest_at_dt(spec, readings), last_delivery(readings)
    if newest is None or (delivered_at is None and _delivered_by_dt(readings)):
        return row
    made_at = readings.at - deployment_age_s(spec, readings)
    resumed = readings.observed.memory(spec).resumed_at
    resumed_at = seconds_of(resumed) if resumed else made_at
    if newest <= max(made_at if delivered_at is None else delivered_at, resumed_at) + BEHIND_S:
        return row
    detail = f"{row.detail}; DT has a newer one, {ago(newest, readings.at)}"
    return Row("last event", "behind", detail, "unhealthy", f"{PROGRAM} verify", "no-events")


def _last_day(spec: Spec, readings: Readings) -> Iterator[Row]:
    """Return a row about a time of the last day without an event. A pause that goes on has a row of its own."""
    gap = gap_of(spec, readings)
    if gap is None:
        yield from _last_pause(spec, readings)
    if gap is None or (gap.end >= readings.at - RECENT_S and not _is_sending(spec, readings)):
        return
    times = f"from {moment(gap.start)} to {moment(gap.end)}"
    detail = f"no event was delivered {times}, in which {counted(gap.usual, 'is', 'are')} usual"
    if gap.is_repeated:
        yield Row("last day", "late", f"{detail}; requests failed, and DT repeats each event for 12 h")
        return
    if isinstance(readings.backfilled, LogLine) and readings.backfilled.at > gap.end:
        sent = f"{PROGRAM} backfill has sent events since, the last {ago(readings.backfilled.at, readings.at)}"
        yield Row("last day", "backfilled", f"{detail}; {sent}")
        return
    command = audit_between(gap.start, gap.end)
    yield Row("last day", "gap", f"{detail}: some may be missing", "unhealthy", command, "missing-events")


def _last_pause(spec: Spec, readings: Readings) -> Iterator[Row]:
    """Return a row about a pause that ended in the last day: DT delivers none of its events later."""
    memory = readings.observed.memory(spec)
    if not memory.was_paused_at or seconds_of(memory.resumed_at) < readings.at - DAY_S:
        return
    start, end = seconds_of(memory.was_paused_at), seconds_of(memory.resumed_at)
    detail = f"from {moment(start)} to {moment(end)}, {duration(end - start)}; DT delivers none of its events later"
    if isinstance(readings.backfilled, LogLine) and readings.backfilled.at > end:
        detail += f"; {PROGRAM} backfill has sent events since, the last {ago(readings.backfilled.at, readings.at)}"
    else:
        detail += f"; `{backfill_between(start, end)}` sends them"
    yield Row("last pause", "over", detail)


def _delivered(spec: Spec, readings: Readings) -> Row:
    line = readings.newest_event
    if isinstance(line, LogLine):
        what = " of ".join(word for word in (line.event_type, line.device_id) if word) or "an event"
        return Row("last event", "ok", f"{ago(line.at, readings.at, to_the_second=True)}: {what}")
    if isinstance(readings.requests, RequestCounts) and readings.requests.last_ok is not None:
        until = readings.requests.last_ok
        between = f"between {moment(until - PERIOD_S)} and {moment(until)}"
        return Row("last event", "ok", f"{between}: a request was answered 2xx")
    if _delivered_by_dt(readings):
        return Row("last event", "ok", "in the last 3 h, as DT counts it")
    for answer in (line, readings.requests):
        if isinstance(answer, DeployError):
            return unreadable("last event", answer)
    return _silence(spec, readings)


def _delivered_by_dt(readings: Readings) -> bool:
    """Return whether DT has counted a delivery: Google may have no numbers yet, and a quiet log has no line."""
    counts = [counted for counted in readings.deliveries.values() if not isinstance(counted, DeployError)]
    return any(deliveries_of(counted)[0] for counted in counts)


def _silence(spec: Spec, readings: Readings) -> Row:
    is_new, is_sending = deployment_age_s(spec, readings) < SILENT_S, _is_sending(spec, readings)
    detail = f"none in the last {duration(SILENT_S)}"
    if is_new or not is_sending:
        return Row("last event", "none", f"{detail}{' (the deployment is new)' if is_new else ''}")
    return Row("last event", "silent", detail, "unhealthy", f"{PROGRAM} verify", "no-events")


def _is_sending(spec: Spec, readings: Readings) -> bool:
    """Return whether an active connector sends to the function: if none does, its own row is the problem."""
    owned = [found for project in readings.connectors for found in readings.observed.owned_in(project, spec)]
    return any(connector.status == "ACTIVE" for connector in owned)


def _problems(spec: Spec, lines: Sequence[LogLine], readings: Readings) -> Iterator[Row]:
    """Return a row for each severe reason of the last three hours. It is a problem if no event was delivered since."""
    recent = [line for line in lines if line.reason in SEVERE and line.at > readings.at - RECENT_S]
    delivered_at = last_delivery(readings)
    for reason, count in Counter(line.reason for line in recent).items():
        newest = next(line for line in recent if line.reason == reason)
        said = f": {newest.detail}" if newest.detail else ""
        detail = f"{counted(count, 'time')} in 3 h, the last {ago(newest.at, readings.at)}{said}"
        if delivered_at is not None and delivered_at > newest.at:
            yield Row(f"log: {reason}", "over", f"{detail}; events were delivered since")
        else:
            yield Row(f"log: {reason}", "failing", detail, "unhealthy", read_log(spec), SEVERE[reason])
