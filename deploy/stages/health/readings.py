"""What was read of a deployment: every answer is a value, or the error because of which there is none. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from deploy.dt.sensors import SensorCount
from deploy.errors import DeployError
from deploy.google.backlog import Unread
from deploy.google.event_log import LogLine
from deploy.google.request_counts import PERIOD_S, RequestCounts
from deploy.resources.connector import Connector
from deploy.stages.observed import Observed
from deploy.steps import ResourceId, Step

T = TypeVar("T")

Metrics = Mapping[str, Any]
"""DT's counts of the deliveries of one connector in the last three hours."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The answers to all questions. ``at``: the time of the reading, in seconds since 1970.

    ``google_side``: what a plan compares, without the connectors; ``unread``: why parts of it could not be read.
    ``steps``: what ``up`` would do, without the connectors that could not be listed; an error if that is not known.
    ``connectors``: by DT project, those that could be listed, ``unlisted``: why the others could not, ``closed``: DT's
    answers for projects that are no longer named and that DT does not show. ``deliveries``: by connector id.
    ``reported``: by DT project, when DT got the newest event of each type. ``backfilled``: the newest event that
    ``backfill`` has sent; it is read only if the last day has a gap. ``exclusions``: of the project's log.
    ``sensors``: of the named DT projects; None if their number is set.
    ``left``: as ``backlog``, of the subscriptions of the deployment that are in no settings.
    """

    at: float
    google_side: Observed
    steps: Sequence[Step] | DeployError
    unread: Mapping[ResourceId, DeployError] = field(default_factory=dict)
    connectors: Mapping[str, Sequence[Connector]] = field(default_factory=dict)
    unlisted: Mapping[str, DeployError] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)
    deliveries: Mapping[str, Metrics | DeployError] = field(default_factory=dict)
    backlog: Mapping[str, Unread] | DeployError = field(default_factory=dict)
    requests: RequestCounts | DeployError = field(default_factory=lambda: RequestCounts(0.0))
    newest_event: LogLine | DeployError | None = None
    problems: Sequence[LogLine] | DeployError = ()
    probes: Sequence[LogLine] | DeployError = ()
    reported: Mapping[str, Mapping[str, float] | DeployError] = field(default_factory=dict)
    backfilled: LogLine | DeployError | None = None
    exclusions: Sequence[Mapping[str, Any]] | DeployError = ()
    sensors: SensorCount | DeployError | None = None
    left: Mapping[str, Unread] | DeployError = field(default_factory=dict)

    @property
    def observed(self) -> Observed:
        """Both ends, as far as they could be read."""
        return replace(self.google_side, connectors=self.connectors, closed=self.closed)


def attempt(read: Callable[[], T]) -> T | DeployError:
    """Return the answer of a reader, or the error by which it failed."""
    try:
        return read()
    except DeployError as error:
        return error


def last_delivery(readings: Readings) -> float | None:
    """Return when an event was delivered last, from the log or else, to five minutes, from the count of requests."""
    times = []
    if isinstance(readings.newest_event, LogLine):
        times.append(readings.newest_event.at)
    if isinstance(readings.requests, RequestCounts) and readings.requests.last_ok is not None:
        times.append(readings.requests.last_ok - PERIOD_S)
    return max(times, default=None)
