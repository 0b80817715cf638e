"""What the cost of a month depends on, from the settings and from what is deployed. Pure."""

from dataclasses import dataclass, replace
from typing import Any

from deploy.costs.bill import GIB, Choices
from deploy.costs.month import MONTH_S
from deploy.costs.warehouse import warehouse_bill
from deploy.profiles import BY_NAME, cost_of, events_per_s
from deploy.resources.billing import billing_of
from deploy.resources.catalog import unlisted_of
from deploy.resources.function import OPTIONAL_SETTINGS, QUIET_LEVELS, Function
from deploy.resources.log_exclusion import LogExclusion
from deploy.resources.resource import is_marked
from deploy.spec import FUNCTION_DEFAULTS, SMALL_SIZES, CostSettings, Spec, Warehouse, amount, last_segment
from deploy.stages.observed import Observed, written_by

NETWORK_STATUS = "networkStatus"

MUCH_CHEAPER = 0.8
"""Another profile is worth a word if a month costs less than this share, and at least ``LEAST_SAVED`` less."""

LEAST_SAVED = 5.0

BEYOND_WAREHOUSE = "what BigQuery stores and reads comes on top"
"""What the cost of a month leaves out if the events are stored in BigQuery: it grows with every month."""


@dataclass(frozen=True, slots=True)
class Costing:
    """What a month costs. ``kept``: minimum instances. ``is_stored``: the events are written into BigQuery, too."""

    choices: Choices
    kept: int = 0
    is_stored: bool = False

    def dollars(self, per_s: float) -> float:
        """Return the dollars of a month with so many events per second."""
        written = warehouse_bill(per_s * MONTH_S)
        total = cost_of(per_s, self.choices, self.kept).total
        return total + (written.written + written.transformed if self.is_stored else 0)

    def cheaper(self, per_s: float) -> tuple[str, float] | None:
        """Return the profile that costs much less, with its dollars a month; or None."""
        now, subscriptions = self.dollars(per_s), self.choices.subscriptions
        others = {
            name: replace(self, choices=replace(profile.choices, subscriptions=subscriptions))
            for name, profile in BY_NAME.items()
        }
        name, least = min(((name, other.dollars(per_s)) for name, other in others.items()), key=lambda pair: pair[1])
        return (name, least) if least < now * MUCH_CHEAPER and now - least >= LEAST_SAVED else None


def costing_of(spec: Spec, observed: Observed) -> Costing:
    """Return what the cost of a deployment depends on once these settings are applied."""
    function = observed.of(Function(spec)).get(Function.key) or {}
    is_written = not spec.bigquery.is_removed and written_by(spec, observed) is not None
    return Costing(
        choices_of(spec, observed),
        kept=int(_amount_of(spec, function, "min_instances")),
        is_stored=spec.bigquery.is_on or is_written,
    )


def changes_size(spec: Spec, observed: Observed) -> bool:
    """Return whether these settings change sizes, log lines or billing of what is deployed.

    The billing that is deployed is the one that an earlier run has set: to set that again changes nothing.
    """
    deployed = observed.with_billing(as_deployed(spec))
    one = Choices().subscriptions
    before, after = (replace(choices_of(side, observed), subscriptions=one) for side in (deployed, spec))
    function = observed.of(Function(spec)).get(Function.key) or {}
    sizes = ((_amount_of(deployed, function, name), _amount_of(spec, function, name)) for name in SMALL_SIZES)
    return before != after or any(there != wanted for there, wanted in sizes)


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
        subscriptions=_subscriptions_of(spec, observed),
    )


def as_deployed(spec: Spec) -> Spec:
    """Return the spec without the settings that the cost depends on."""
    cost = CostSettings(sensors=spec.cost.sensors)
    return replace(spec, function={}, settings={}, bigquery=Warehouse(), cost=cost)


def rate_of(spec: Spec, sensors: int) -> float:
    """Return the events per second of so many sensors that the connector sends."""
    types = spec.event_types
    return events_per_s(sensors, with_network_status=types is None or NETWORK_STATUS in types)


def _keeps_request_logs(spec: Spec, observed: Observed) -> bool:
    if spec.cost.request_logs is not None:
        return spec.cost.request_logs == "all"
    exclusion = LogExclusion(spec)
    return not any(not found.get("disabled") for _, found in exclusion.ours(observed.of(exclusion)))


def _subscriptions_of(spec: Spec, observed: Observed) -> int:
    """Return how many subscriptions get the events: those of the settings, and others of this deployment.

    Without the one that writes into BigQuery, which has a price of its own.
    """
    unlisted = unlisted_of(spec, "subscription")
    topic = f"projects/{spec.google_project}/topics/{spec.topic}"
    listed = unlisted.found(observed.of(unlisted)) or []
    there = {str(found["name"]) for found in listed if found.get("topic") == topic and is_marked(spec, found)}
    named = {further.name for further in spec.subscriptions if further.topic == "main"}
    return len({spec.topic, *named, *map(last_segment, there)} - {spec.bigquery_subscription})


def _amount_of(spec: Spec, function: Any, name: str) -> float:
    """Return a size of the function: the wanted one, else the deployed one, else the default of this command."""
    setting = next(setting for setting in OPTIONAL_SETTINGS if setting.name == name)
    text = spec.function.get(name) or (setting.found(function) if function else None) or FUNCTION_DEFAULTS[name]
    try:
        return amount(text)
    except ValueError:
        return amount(FUNCTION_DEFAULTS[name])
