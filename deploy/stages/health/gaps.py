"""Times of the last day without an event, from Google's counts of requests and DT's newest events. Pure.

Counts are cheap, and cannot see single events that are missing: ``audit`` compares them one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.errors import DeployError
from deploy.google.request_counts import PERIOD_S, RequestCounts
from deploy.spec import Spec
from deploy.stages.health.readings import Readings
from deploy.stages.health.words import HOUR_S

SHORTEST_S = HOUR_S
"""A shorter time without an event is no gap: a sensor reports every 15 minutes, and Google's counts are late."""

FEWEST_EXPECTED = 10
"""A time in which fewer events are usual is no gap: a few sensors may be silent for an hour by chance."""

LEAST_COVERED_S = 3 * HOUR_S
"""The usual rate is taken over at least so long, so that a single burst of events makes nothing usual."""

REGULAR = frozenset({"networkStatus", "temperature", "humidity", "co2", "pressure", "touchCount", "objectPresentCount"})
"""Types of events that a sensor sends at regular times, day and night."""

REPEATED_S = 12 * HOUR_S
"""DT repeats an event for so long, if the function does not answer 2xx."""

TRIED_SHARE = 0.1
"""From so many refused requests for each usual event on, it was DT that sent them; strangers send fewer."""

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


def longest_gap(counts: RequestCounts) -> Gap | None:
    """Return the longest time without an answer 2xx since the first one of the day; None if there is no gap.

    The newest five minutes are left out, because Google shows counts up to three minutes late. Before the first event
    of the day there may have been no sensors, so that nothing is said about that time.
    """
    delivered = sorted(counts.delivered)
    if not delivered:
        return None
    until = counts.until - PERIOD_S
    ends = [*(end - PERIOD_S for end in delivered[1:]), until]
    start, end = max(zip(delivered, ends, strict=True), key=lambda span: span[1] - span[0])
    length_s = end - start
    covered_s = until - delivered[0] + PERIOD_S - length_s
    usual = sum(counts.delivered.values()) / max(covered_s, LEAST_COVERED_S) * length_s
    if length_s < SHORTEST_S or usual < FEWEST_EXPECTED:
        return None
    refused = sum(count for at, count in counts.refused.items() if start < at <= end)
    return Gap(start, end, round(usual), length_s < REPEATED_S and refused >= TRIED_SHARE * usual)


def gap_of(spec: Spec, readings: Readings) -> Gap | None:
    """Return the gap of the last day; None if there is none, or if nothing is known.

    If the connectors send only events that people cause, such as ``touch``, every night is without an event.
    """
    if isinstance(readings.requests, DeployError):
        return None
    owned = [found for project in spec.dt_projects for found in readings.observed.owned_in(project, spec)]
    is_regular = any(not found.event_types or REGULAR & set(found.event_types) for found in owned)
    return longest_gap(readings.requests) if is_regular else None


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
