"""What a month costs at a rate of events, in numbers and in words. Pure."""

from dataclasses import dataclass
from typing import Any

from deploy.costs.bill import money
from deploy.costs.prices import AS_OF
from deploy.stages.costing import Costing
from deploy.stages.event_rate import Rate


@dataclass(frozen=True, slots=True)
class Monthly:
    """Dollars per month. ``cheaper``: the profile that would cost much less, with its dollars, if there is one."""

    rate: Rate
    dollars: float
    cheaper: tuple[str, float] | None = None

    @property
    def words(self) -> str:
        """The cost and from what it is known: ``about $4 a month at 1,000 sensors``."""
        return f"{money(self.dollars)} a month {self.rate.words}"

    def as_json(self) -> dict[str, Any]:
        """Return the cost as ``--json`` prints it."""
        return {
            "dollarsPerMonth": round(self.dollars, 2),
            "by": self.rate.by,
            "sensors": self.rate.sensors,
            "eventsPerSecond": round(self.rate.per_s, 6),
            "pricesAsOf": AS_OF,
        }


UNKNOWN = {"dollarsPerMonth": None, "by": None, "sensors": None, "eventsPerSecond": None, "pricesAsOf": AS_OF}
"""What ``Monthly.as_json`` returns, if no rate is known."""


def monthly(costing: Costing, rate: Rate) -> Monthly:
    """Return the cost of a month. A first guess is too weak to recommend another profile."""
    return Monthly(rate, costing.dollars(rate.per_s), None if rate.is_guess else costing.cheaper(rate.per_s))
