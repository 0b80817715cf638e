"""The row of the cost: what a month costs at the measured rate of requests. Pure."""

from dataclasses import dataclass, replace

from deploy.costs.bill import money
from deploy.costs.prices import AS_OF
from deploy.errors import DeployError
from deploy.google.request_counts import RequestCounts
from deploy.resources.log_exclusion import LogExclusion
from deploy.spec import Spec
from deploy.stages.costing import BEYOND_WAREHOUSE, Costing, as_deployed, costing_of, rate_of
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, unreadable
from deploy.stages.health.words import duration
from deploy.stages.observed import Observed

MEASURED_S = 1800
"""A shorter time is only a first guess: the first and the last counts of Cloud Monitoring are incomplete."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Dollars per month at a rate of events per second, measured over ``measured_s`` seconds.

    ``cheaper``: the profile that would cost much less, with its dollars, if there is one.
    """

    dollars: float
    per_s: float
    measured_s: float
    cheaper: tuple[str, float] | None = None


def estimate(spec: Spec, readings: Readings) -> Estimate | None:
    """Return the cost of a month at the measured rate; None if there is no rate."""
    requests = readings.requests
    if not isinstance(requests, RequestCounts) or not requests.measured_s:
        return None
    costing = _deployed(spec, readings)
    total, better = costing.dollars(requests.per_s), costing.cheaper(requests.per_s)
    return Estimate(total, requests.per_s, requests.measured_s, better)


def _deployed(spec: Spec, readings: Readings) -> Costing:
    return costing_of(as_deployed(spec), _with_exclusions(spec, readings))


def _with_exclusions(spec: Spec, readings: Readings) -> Observed:
    """Return what was observed, with the exclusions of the log if they could be read."""
    exclusion, observed = LogExclusion(spec), readings.observed
    if isinstance(readings.exclusions, DeployError):
        return observed
    return replace(observed, facts={**observed.facts, exclusion.id: {exclusion.key: list(readings.exclusions)}})


def cost_row(spec: Spec, readings: Readings) -> Row:
    """Return the cost of a month, with the rate and the date of the prices. docs/cost.md says what it leaves out."""
    if isinstance(readings.requests, DeployError):
        return unreadable("cost", readings.requests)
    found, of_sensors = estimate(spec, readings), _of_sensors(spec, readings)
    if found is None:
        return Row("cost", "ok", f"no requests in the last 24 h, so next to nothing{of_sensors}")
    how = "a first guess from" if found.measured_s < MEASURED_S else "measured over"
    rate = f"{found.per_s:.2g} requests/s, {how} {duration(found.measured_s)}"
    better = found.cheaper if found.measured_s >= MEASURED_S else None
    hint = f"; with up --profile={better[0]} {money(better[1])}" if better else ""
    more = f"; {BEYOND_WAREHOUSE}" if _deployed(spec, readings).is_stored else ""
    return Row("cost", "ok", f"{money(found.dollars)} a month at {rate}{hint}{of_sensors}{more}; prices of {AS_OF}")


def _of_sensors(spec: Spec, readings: Readings) -> str:
    """Return what a month costs by the number of sensors, if that is given."""
    sensors = spec.cost.sensors
    if sensors is None:
        return ""
    return f"; {money(_deployed(spec, readings).dollars(rate_of(spec, sensors)))} for {sensors:,} sensors"
