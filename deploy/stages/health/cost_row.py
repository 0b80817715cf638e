"""The row of the cost: what a month costs at the measured rate of requests. Pure."""

from dataclasses import dataclass

from deploy.costs.bill import Choices, bill
from deploy.costs.month import usage_of
from deploy.costs.prices import AS_OF, ENTRIES, PRICES
from deploy.errors import DeployError
from deploy.google.request_counts import RequestCounts
from deploy.resources.function import QUIET_LEVELS, Function, log_level
from deploy.spec import FUNCTION_DEFAULTS, Spec, amount
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, unreadable
from deploy.stages.health.words import duration

GIB = 2**30

MEASURED_S = 1800
"""A shorter time is only a first guess: the first and the last counts of Cloud Monitoring are incomplete."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Dollars per month at a rate of events per second, measured over ``measured_s`` seconds."""

    dollars: float
    per_s: float
    measured_s: float


def estimate(spec: Spec, readings: Readings) -> Estimate | None:
    """Return the cost of a month at the measured rate; None if there is no rate."""
    requests = readings.requests
    if not isinstance(requests, RequestCounts) or not requests.measured_s:
        return None
    function = readings.observed.of(Function(spec)).get("function") or {}
    served = function.get("serviceConfig") or {}
    memory = amount(str(served.get("availableMemory") or FUNCTION_DEFAULTS["memory"]))
    choices = Choices(log_events=log_level(function) not in QUIET_LEVELS, memory_gib=memory / GIB)
    usage = usage_of(requests.per_s, int(served.get("minInstanceCount") or 0))
    return Estimate(bill(usage, choices, PRICES, ENTRIES).total, requests.per_s, requests.measured_s)


def cost_row(spec: Spec, readings: Readings) -> Row:
    """Return the cost of a month, with the rate and the date of the prices. docs/cost.md says what it leaves out."""
    if isinstance(readings.requests, DeployError):
        return unreadable("cost", readings.requests)
    found = estimate(spec, readings)
    if found is None:
        return Row("cost", "ok", "no requests in the last 24 h, so next to nothing")
    how = "a first guess from" if found.measured_s < MEASURED_S else "measured over"
    rate = f"{found.per_s:.2g} requests/s, {how} {duration(found.measured_s)}"
    dollars = "under $1" if found.dollars < 1 else f"about ${found.dollars:,.0f}"
    return Row("cost", "ok", f"{dollars} a month at {rate}; prices of {AS_OF}")
