"""Readings of a healthy deployment, which a test changes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from deploy.google.backlog import Unread
from deploy.google.event_log import LogLine
from deploy.google.request_counts import RequestCounts
from deploy.spec import Spec
from deploy.stages.health.readings import Readings
from deploy.stages.plan import plan
from tests.deploy.cases import PLANS, observed_of, overlaid, read, spec_of

NOW = datetime(2026, 11, 25, 5, tzinfo=UTC).timestamp()
HOUR_S = 3600.0
EVERYTHING = read(PLANS / "everything.json")
SPEC: Spec = spec_of(EVERYTHING["spec"])
PROJECT = SPEC.dt_projects[0]


def line(ago_s: float, reason: str = "", status: int = 200, **fields: str) -> LogLine:
    """Return a line of the log that was written so many seconds ago."""
    return LogLine(NOW - ago_s, reason, status, "temperature", "b5rj9ed7rihk942p48og", "c0event", **fields)


def requests(ago_s: float = 300.0, **by_status: int) -> RequestCounts:
    """Return requests of the last hours, such as ``s200=9``; the first one was so many seconds ago."""
    counts = {name.removeprefix("s"): count for name, count in by_status.items()}
    last_ok = NOW - 60 if any(status.startswith("2") for status in counts) else None
    return RequestCounts(NOW, counts, counts, NOW - ago_s, last_ok)


def readings(observed: Any = None, **changes: Any) -> Readings:
    """Return the readings of a healthy deployment with these changes. ``observed``: laid over both ends."""
    both = observed_of(overlaid(EVERYTHING["observed"], observed or {}))
    connector = both.owned_in(PROJECT, SPEC)[0]
    healthy = Readings(
        at=NOW,
        google_side=replace(both, connectors={}),
        steps=plan(SPEC, both),
        connectors=both.connectors,
        deliveries={connector.id: {"successCount": 9, "errorCount": 0, "latency99p": "0.411s"}},
        backlog={name: Unread(0, 0, NOW - 120) for name in (SPEC.topic, SPEC.rejected_topic)},
        requests=requests(HOUR_S, s200=3600),
        newest_event=line(120),
    )
    return replace(healthy, **changes)
