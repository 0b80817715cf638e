"""The profile of a deployment, and what a month costs: ``plan`` and ``up`` apply the one and show the other."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deploy.context import Context
from deploy.costs.prices import AS_OF
from deploy.pages import page
from deploy.profiles import Profile, chosen, with_profile
from deploy.resources.catalog import watched
from deploy.resources.function import Function
from deploy.spec import SMALL_SENSORS, Spec
from deploy.stages.costing import cheaper, choices_of, dollars, money, rate_of
from deploy.stages.observed import Observed

EXAMPLES = (1_000, SMALL_SENSORS)
"""Numbers of sensors whose cost is shown if the number is not given."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A context with the settings of its profile, what it observed, and the profile; None if it keeps what it has."""

    context: Context
    observed: Observed
    profile: Profile | None = None


def with_set_profile(spec: Spec) -> Spec:
    """Return the spec with the settings of the profile that is set; the same spec without one."""
    profile = chosen(spec, is_new=False)
    return with_profile(spec, profile) if profile else spec


def sized(context: Context, observed: Observed) -> Sized:
    """Apply the profile of a new deployment, and read what it adds. An existing one keeps what it has, and its billing.

    Raises:
        DeployError: a resource could not be read.

    """
    function = Function(context.spec)
    is_new = function.found(observed.of(function)) is None
    profile = chosen(context.spec, is_new=is_new)
    if profile is None:
        return Sized(replace(context, spec=observed.with_billing(context.spec)), observed)
    context = replace(context, spec=with_profile(context.spec, profile))
    added = [resource for resource in watched(context.spec) if resource.id not in observed.facts]
    facts = {
        resource.id: {} if is_new and resource.parent == function.id else context.observer.one(resource)
        for resource in added
    }
    return Sized(context, replace(observed, facts={**observed.facts, **facts}), profile)


def show_cost(context: Context, observed: Observed, profile: Profile | None) -> None:
    """Report and print which profile is applied and why, and what a month costs."""
    spec, choices = context.spec, choices_of(context.spec, observed)
    if profile:
        context.print(f"profile {profile.name}, {_reason(spec)}: {profile.why}")
    counts = EXAMPLES if spec.cost.sensors is None else (spec.cost.sensors,)
    costs = {sensors: dollars(spec, choices, sensors) for sensors in counts}
    shown = ", ".join(f"{money(cost)} a month at {sensors:,} sensors" for sensors, cost in costs.items())
    better = cheaper(rate_of(spec, counts[0]), choices) if spec.cost.sensors is not None else None
    hint = f"; with --profile={better[0]} {money(better[1])}" if better else ""
    ask = "" if spec.cost.sensors is not None else "; --sensors=COUNT says it for yours"
    context.print(f"cost: {shown}{hint}{ask} (prices of {AS_OF}, {page('cost.md')})")
    context.report.cost = _as_json(spec, profile, costs)


def _reason(spec: Spec) -> str:
    if spec.cost.profile:
        return "as set"
    if spec.cost.sensors is None:
        return "as the number of sensors is not given"
    return f"as there are {spec.cost.sensors:,} sensors"


def _as_json(spec: Spec, profile: Profile | None, costs: Mapping[int, float]) -> dict[str, Any]:
    given = spec.cost.sensors
    return {
        "profile": profile.name if profile else None,
        "sensors": given,
        "dollarsPerMonth": None if given is None else round(costs[given], 2),
        "pricesAsOf": AS_OF,
    }
