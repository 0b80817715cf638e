"""The row of the cost: what a month costs, by the number of sensors or at the measured rate of requests. Pure."""

from dataclasses import replace

from deploy.costs.bill import money
from deploy.costs.prices import AS_OF
from deploy.errors import DeployError
from deploy.resources.log_exclusion import LogExclusion
from deploy.spec import Spec
from deploy.stages.costing import BEYOND_WAREHOUSE, Costing, as_deployed, costing_of
from deploy.stages.event_rate import Counts, found_out, given, why_uncounted, why_unmeasured
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, unreadable
from deploy.stages.monthly import Monthly, monthly
from deploy.stages.observed import Observed

NOTHING = "no requests from DT in the last 24 h"


def estimate(spec: Spec, readings: Readings) -> Monthly | None:
    """Return the cost of a month by the set number of sensors, else by what was measured or counted; None without."""
    rate = given(spec) or found_out(spec, Counts(readings.sensors, readings.requests))
    return monthly(_deployed(spec, readings), rate) if rate else None


def cost_words(spec: Spec, readings: Readings) -> str:
    """Return what a month costs, for the next steps; empty if no rate of events is known."""
    found = estimate(spec, readings)
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
    found, counts = estimate(spec, readings), Counts(readings.sensors, readings.requests)
    if found is None and isinstance(readings.requests, DeployError):
        return unreadable("cost", readings.requests)
    if found is None:
        return Row("cost", "ok", "; ".join(filter(None, [f"{NOTHING}, so next to nothing", why_uncounted(counts)])))
    better = f"with up --profile={found.cheaper[0]} {money(found.cheaper[1])}" if found.cheaper else ""
    measured = _measured(spec, readings) if found.rate.by == "given" else ""
    more = BEYOND_WAREHOUSE if _deployed(spec, readings).is_stored else ""
    said = [found.words, better, measured or why_unmeasured(counts), more, f"prices of {AS_OF}"]
    return Row("cost", "ok", "; ".join(filter(None, said)))


def _measured(spec: Spec, readings: Readings) -> str:
    """Return the cost at the measured rate, to stand beside that of a set number; empty if it could not be read."""
    if isinstance(readings.requests, DeployError):
        return ""
    rate = found_out(spec, Counts(requests=readings.requests))
    return f"{money(_deployed(spec, readings).dollars(rate.per_s))} {rate.words}" if rate else NOTHING
