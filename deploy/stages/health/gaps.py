"""Times of the last day without an event, from Google's counts of requests and DT's newest events. Pure.

Counts are cheap, and cannot see single events that are missing: ``audit`` compares them one by one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

from deploy.errors import DeployError
from deploy.google.event_log import LogLine
from deploy.google.request_counts import PERIOD_S, RequestCounts
from deploy.spec import Spec
from deploy.stages.health.readings import Readings
from deploy.stages.health.words import HOUR_S

SHORTEST_S = HOUR_S
"""A shorter time without an event is no gap: a sensor reports every 15 minutes, and Google's counts are late."""

FEWEST_EXPECTED = 10
"""A time in which fewer events are usual is no gap: a few sensors may be silent for an hour by chance."""

FEWEST_HOURS = 3
"""The usual rate is the median of at least so many hours, so that one hour makes nothing usual."""

REGULAR = frozenset({"networkStatus", "temperature", "humidity", "co2", "pressure", "touchCount", "objectPresentCount"})
"""Types of events that a sensor sends at regular times, day and night."""

REPEATED_S = 12 * HOUR_S
"""DT repeats an event for so long, if the function does not answer 2xx."""

TRIED_SHARE = 0.5
"""From so many failed requests for each usual event on, DT has tried: it sends each event at least once."""

UNAUTHORIZED = 401

BEHIND_S = 900
"""DT's newest event may be so much newer than the newest delivered one, which Google shows late."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a delivered event; ``start`` and ``end`` are seconds since 1970.

    ``usual``: events that are usual in such a time. ``is_repeated``: DT has sent events, which were refused or not
    answered, and repeats them for 12 h, so that they may have come since.
    """

    start: float
    end: float
    usual: int
    is_repeated: bool


def longest_gap(counts: RequestCounts, probed: Iterable[float] | None = ()) -> Gap | None:
    """Return the longest time without an answer 2xx since the first one of the day; None if there is no gap.

    The newest five minutes are left out, because Google shows counts up to three minutes late. Before the first event
    of the day there may have been no sensors, so that nothing is said about that time. ``probed``: when this command
    itself was answered 401, in seconds since 1970; None if that is not known, and then 401 says nothing of DT.
    """
    delivered = sorted(counts.delivered)
    if not delivered:
        return None
    ends = [*(end - PERIOD_S for end in delivered[1:]), counts.until - PERIOD_S]
    for start, end in sorted(zip(delivered, ends, strict=True), key=lambda span: span[0] - span[1]):
        usual = _usual_per_hour(counts.delivered, start) * (end - start) / HOUR_S
        if end - start >= SHORTEST_S and usual >= FEWEST_EXPECTED:
            is_tried = _tried(counts, probed, start, end) >= TRIED_SHARE * usual
            return Gap(start, end, round(usual), end - start < REPEATED_S and is_tried)
    return None


def _usual_per_hour(delivered: Mapping[float, int], until: float) -> int:
    """Return the median of the events of each hour since the first one of the day.

    A replay or a backfill sends as much in a few minutes as DT does in days, and a test one event in an hour. Neither
    changes the median of several hours.
    """
    hours = Counter[int]()
    for end, count in delivered.items():
        if end <= until:
            hours[int((until - end) // HOUR_S)] += count
    return median_low([hours[hour] for hour in range(max(FEWEST_HOURS, max(hours, default=0) + 1))])


def _tried(counts: RequestCounts, probed: Iterable[float] | None, start: float, end: float) -> int:
    """Return the requests that DT may have sent: those that failed, and those answered 401 beyond our probes."""
    tried = sum(count for at, count in counts.failed.items() if start < at <= end)
    if probed is None:
        return tried
    unauthorized = sum(count for at, count in counts.unauthorized.items() if start < at <= end)
    return tried + max(0, unauthorized - sum(start < at <= end for at in probed))


def gap_of(spec: Spec, readings: Readings) -> Gap | None:
    """Return the gap of the last day; None if there is none, or if nothing is known.

    If the connectors send only events that people cause, such as ``touch``, every night is without an event.
    """
    if isinstance(readings.requests, DeployError):
        return None
    owned = [found for project in spec.dt_projects for found in readings.observed.owned_in(project, spec)]
    is_regular = any(not found.event_types or REGULAR & set(found.event_types) for found in owned)
    return longest_gap(readings.requests, _probed(readings.probes)) if is_regular else None


def _probed(lines: Sequence[LogLine] | DeployError) -> list[float] | None:
    return None if isinstance(lines, DeployError) else [line.at for line in lines if line.status == UNAUTHORIZED]


def newest_at_dt(spec: Spec, readings: Readings) -> float | None:
    """Return when DT got the newest event that an active connector sends; None if that is not known.

    DT is asked for one page of devices in each project, so that this is that of up to a hundred devices.
    """
    times = [
        at
        for project, listed in readings.reported.items()
        if not isinstance(listed, DeployError)
        for event_type, at in listed.items()
        if event_type in (types := _sent(spec, readings, project)) or types == ["*"]
    ]
    return max(times, default=None)


def _sent(spec: Spec, readings: Readings, project: str) -> Sequence[str]:
    """Return the types of events that the project's active connectors send; ``["*"]`` for all."""
    active = [found for found in readings.observed.owned_in(project, spec) if found.status == "ACTIVE"]
    if any(not found.event_types for found in active):
        return ["*"]
    return [event_type for found in active for event_type in found.event_types]
