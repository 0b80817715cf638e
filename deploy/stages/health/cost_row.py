"""The row of the cost: what a month costs, at the measured rate of requests or by the number of sensors. Pure."""

from dataclasses import replace

from deploy.costs.bill import money
from deploy.costs.prices import AS_OF
from deploy.errors import DeployError
from deploy.resources.log_exclusion import LogExclusion
from deploy.spec import Spec
from deploy.stages.costing import BEYOND_WAREHOUSE, Costing, as_deployed, costing_of
from deploy.stages.event_rate import Counts, found_out, given, why_uncounted
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, unreadable
from deploy.stages.monthly import Monthly, monthly
from deploy.stages.observed import Observed


def estimate(spec: Spec, readings: Readings) -> Monthly | None:
    """Return the cost of a month by what was measured or counted; None if neither is known."""
    rate = found_out(spec, Counts(readings.sensors, readings.requests))
    return monthly(_deployed(spec, readings), rate) if rate else None


def _of_set_sensors(spec: Spec, readings: Readings) -> Monthly | None:
    rate = given(spec)
    return monthly(_deployed(spec, readings), rate) if rate else None


def cost_words(spec: Spec, readings: Readings) -> str:
    """Return what a month costs, for the next steps; empty if no rate of events is known."""
    found = _of_set_sensors(spec, readings) or estimate(spec, readings)
    return found.words if found else ""


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
    found, of_set = estimate(spec, readings), _of_set_sensors(spec, readings)
    if found is None and isinstance(readings.requests, DeployError):
        return unreadable("cost", readings.requests)
    also = [f"{money(of_set.dollars)} for {of_set.rate.sensors:,} sensors"] if of_set else []
    if found is None:
        why = why_uncounted(Counts(readings.sensors))
        nothing = "no requests in the last 24 h, so next to nothing"
        return Row("cost", "ok", "; ".join([nothing, *([why] if why else []), *also]))
    better = [f"with up --profile={found.cheaper[0]} {money(found.cheaper[1])}"] if found.cheaper else []
    more = [BEYOND_WAREHOUSE] if _deployed(spec, readings).is_stored else []
    return Row("cost", "ok", "; ".join([found.words, *better, *also, *more, f"prices of {AS_OF}"]))
