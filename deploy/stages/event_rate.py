"""How many events come, from which the cost of a month follows: given, measured, or counted as sensors. Pure."""

from dataclasses import dataclass, replace

from deploy.dt.sensors import SensorCount
from deploy.errors import DeployError
from deploy.google.request_counts import RequestCounts
from deploy.spec import Spec
from deploy.stages.costing import rate_of
from deploy.stages.health.words import DAY_S, counted, duration

FIRST_GUESS_S = 1800
"""A shorter time is only a first guess: the first and the last counts of Cloud Monitoring are incomplete."""

LONG_S = 3 * 3600
"""A rate that was measured for so long is better than a number of sensors, because sensors report at different
intervals; in a shorter time, an hour of the day or a test may have decided."""

FAR_BELOW = 0.1
"""Below this share of the rate of the sensors, what was measured may be a few tests, or a connector that sends nothing:
both rates are named."""

LEAST_PER_S = 0.01
"""A lower rate is written as requests a day, of which there are whole ones."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, or why it was not: the sensors of the DT projects, and the requests of the last day.

    None: it was not asked for.
    """

    sensors: SensorCount | DeployError | None = None
    requests: RequestCounts | DeployError | None = None


NOTHING_COUNTED = Counts()


@dataclass(frozen=True, slots=True)
class Rate:
    """Events per second. ``by``: ``given``, ``counted`` or ``measured``; ``words``: the same, after "$4 a month".

    ``sensors``: their number, unless the rate is measured. ``is_guess``: it was measured for a short time only, or
    before the connectors send other events.
    """

    per_s: float
    by: str
    words: str
    sensors: int | None = None
    is_guess: bool = False


def given(spec: Spec) -> Rate | None:
    """Return the rate of the number of sensors that is set; None if none is set."""
    sensors = spec.cost.sensors
    return None if sensors is None else Rate(rate_of(spec, sensors), "given", f"at {sensors:,} sensors", sensors)


def found_out(spec: Spec, counts: Counts, *, changes_events: bool = False) -> Rate | None:
    """Return the best rate that was found out; None if nothing is known.

    What was measured for hours is best, then the number of sensors, then what was measured for a shorter time.
    ``changes_events``: the connectors will send other events than those that were measured, so a number is better,
    and without one the measured rate is only a guess.
    """
    sensors, requests = _of_sensors(spec, counts.sensors), _of_requests(counts.requests)
    if requests and changes_events:
        requests = replace(requests, words=f"{requests.words}, before this change", is_guess=True)
    is_long = isinstance(counts.requests, RequestCounts) and counts.requests.measured_s >= LONG_S
    if requests and sensors and is_long and not changes_events:
        return _beside(requests, sensors)
    return (requests if is_long and not changes_events else sensors) or requests


def why_uncounted(counts: Counts) -> str:
    """Return in few words why the number of sensors is not known; empty if it is, or if it was not asked for."""
    sensors = counts.sensors
    if isinstance(sensors, DeployError):
        return f"the sensors could not be counted: {sensors.what}"
    return f"no sensors yet in {_projects(sensors)}" if sensors is not None and not sensors.sensors else ""


def why_unmeasured(counts: Counts) -> str:
    """Return in few words why the rate of requests is not known; empty if it was read, or if it was not asked for."""
    requests = counts.requests
    return f"the requests could not be counted: {requests.what}" if isinstance(requests, DeployError) else ""


def _beside(measured: Rate, sensors: Rate) -> Rate:
    """Return a measured rate, with that of the sensors in its words if it is far below it."""
    if measured.per_s >= sensors.per_s * FAR_BELOW:
        return measured
    return replace(measured, words=f"{measured.words}, far below {_often(sensors.per_s)} {sensors.words}")


def _of_sensors(spec: Spec, found: SensorCount | DeployError | None) -> Rate | None:
    if not isinstance(found, SensorCount) or not found.sensors:
        return None
    emulated = f" ({found.emulated:,} emulated)" if found.emulated else ""
    words = f"for the {counted(found.sensors, 'sensor')} that DT has in {_projects(found)}{emulated}"
    return Rate(rate_of(spec, found.sensors), "counted", words, found.sensors)


def _of_requests(found: RequestCounts | DeployError | None) -> Rate | None:
    if not isinstance(found, RequestCounts) or not found.measured_s:
        return None
    is_guess = found.measured_s < FIRST_GUESS_S
    how = f"{'a first guess from' if is_guess else 'measured over'} {duration(found.measured_s)}"
    return Rate(found.per_s, "measured", f"at {_often(found.per_s)}, {how}", is_guess=is_guess)


def _often(per_s: float) -> str:
    """Return a rate in words without an exponent: ``3.7 requests/s``, or ``12 requests a day``."""
    if per_s < LEAST_PER_S:
        return f"{counted(max(1, round(per_s * DAY_S)), 'request')} a day"
    return f"{per_s:.2g} requests/s" if per_s < 10 else f"{per_s:,.0f} requests/s"


def _projects(found: SensorCount) -> str:
    return f"DT project {found.projects[0]}" if len(found.projects) == 1 else f"{len(found.projects)} DT projects"
