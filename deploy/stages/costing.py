"""What the cost of a month depends on, from the settings and from what is deployed. Pure."""

from dataclasses import replace
from typing import Any

from deploy.costs.bill import GIB, Choices
from deploy.profiles import BY_NAME, cost_of, events_per_s
from deploy.resources.billing import billing_of
from deploy.resources.function import OPTIONAL_SETTINGS, QUIET_LEVELS, Function
from deploy.resources.log_exclusion import LogExclusion
from deploy.spec import FUNCTION_DEFAULTS, CostSettings, Spec, amount
from deploy.stages.observed import Observed

NETWORK_STATUS = "networkStatus"

MUCH_CHEAPER = 0.8
"""Another profile is worth a word if a month costs less than this share, and at least ``LEAST_SAVED`` less."""

LEAST_SAVED = 5.0


def choices_of(spec: Spec, observed: Observed) -> Choices:
    """Return what a deployment is once these settings are applied; what they leave out stays as it is deployed."""
    facts = observed.of(Function(spec))
    function, service = facts.get(Function.key) or {}, facts.get("service")
    variables = {**(function.get("serviceConfig", {}).get("environmentVariables") or {}), **spec.settings}
    one_of = str(variables.get("LOG_DELIVERED") or "1")
    return Choices(
        log_events=str(variables.get("LOG_LEVEL", "")).upper() not in QUIET_LEVELS,
        log_one_of=int(one_of) if one_of.isdecimal() and int(one_of) else 1,
        log_requests=_keeps_request_logs(spec, observed),
        billed_by_instance=(spec.cost.billing or billing_of(service)) == "instance",
        cpu=_amount_of(spec, function, "cpu"),
        memory_gib=_amount_of(spec, function, "memory") / GIB,
        is_shared=_amount_of(spec, function, "concurrency") > 1,
    )


def as_deployed(spec: Spec) -> Spec:
    """Return the spec without the settings that the cost depends on."""
    return replace(spec, function={}, settings={}, cost=CostSettings(sensors=spec.cost.sensors))


def rate_of(spec: Spec, sensors: int) -> float:
    """Return the events per second of so many sensors that the connector sends."""
    types = spec.event_types
    return events_per_s(sensors, with_network_status=types is None or NETWORK_STATUS in types)


def dollars(spec: Spec, choices: Choices, sensors: int) -> float:
    """Return what a month of so many sensors costs."""
    return cost_of(rate_of(spec, sensors), choices, int(spec.function.get("min_instances", "0"))).total


def cheaper(per_s: float, choices: Choices) -> tuple[str, float] | None:
    """Return the profile that costs much less at a rate of events per second, with its dollars a month; or None."""
    now = cost_of(per_s, choices).total
    name, least = min(
        ((name, cost_of(per_s, profile.choices).total) for name, profile in BY_NAME.items()), key=lambda pair: pair[1]
    )
    return (name, least) if least < now * MUCH_CHEAPER and now - least >= LEAST_SAVED else None


def money(amount_of_dollars: float) -> str:
    """Return dollars a month in words."""
    return "under $1" if amount_of_dollars < 1 else f"about ${amount_of_dollars:,.0f}"


def _keeps_request_logs(spec: Spec, observed: Observed) -> bool:
    if spec.cost.request_logs is not None:
        return spec.cost.request_logs == "all"
    exclusion = LogExclusion(spec)
    return not any(not found.get("disabled") for _, found in exclusion.ours(observed.of(exclusion)))


def _amount_of(spec: Spec, function: Any, name: str) -> float:
    """Return a size of the function: the wanted one, else the deployed one, else the default of this command."""
    setting = next(setting for setting in OPTIONAL_SETTINGS if setting.name == name)
    text = spec.function.get(name) or (setting.found(function) if function else None) or FUNCTION_DEFAULTS[name]
    try:
        return amount(text)
    except ValueError:
        return amount(FUNCTION_DEFAULTS[name])
