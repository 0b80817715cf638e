"""The profile of a deployment, and what a month costs: ``plan`` and ``up`` apply the one and show the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deploy.context import Context
from deploy.costs.bill import Choices, money
from deploy.costs.prices import AS_OF
from deploy.errors import DeployError
from deploy.pages import page
from deploy.profiles import Profile, chosen, fits, profile_of, with_profile
from deploy.resources.catalog import watched
from deploy.resources.function import Function
from deploy.resources.log_exclusion import LogExclusion
from deploy.spec import SMALL_SENSORS, Spec
from deploy.stages.costing import BEYOND_WAREHOUSE, Costing, changes_size, costing_of, rate_of
from deploy.stages.event_rate import Counts, Rate, found_out, given, why_uncounted, why_unmeasured
from deploy.stages.monthly import UNKNOWN, monthly
from deploy.stages.observed import Observed
from deploy.steps import ConnectorCall, Step, pending

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


def show_cost(
    context: Context, observed: Observed, profile: Profile | None, counts: Counts, steps: Sequence[Step]
) -> str:
    """Report and print which profile is applied and why, and what a month costs; return the cost in words.

    ``counts``: from which the rate of events is known if no number of sensors is set. The words are empty if it is not.
    """
    spec = context.spec
    observed, unread = _with_exclusions(context, observed)
    costing = costing_of(spec, observed)
    rate = given(spec) or found_out(spec, counts, changes_events=_changes_events(steps))
    cost = monthly(costing, rate) if rate else None
    context.print(_choice_of(spec, profile) if profile else _kept(spec, observed, costing.choices, is_read=not unread))
    said = [
        cost.words if cost else _examples(spec, costing),
        *([f"with --profile={cost.cheaper[0]} {money(cost.cheaper[1])}"] if cost and cost.cheaper else []),
        *_reasons(_of_existing(spec, observed, counts), rate),
        *([BEYOND_WAREHOUSE] if costing.is_stored else []),
        *(unread or _entries(spec, costing)),
    ]
    context.print(f"cost: {'; '.join(said)} (prices of {AS_OF}, {page('cost.md')})")
    context.report.cost = {"profile": profile.name if profile else None, **(cost.as_json() if cost else UNKNOWN)}
    return cost.words if cost else ""


def _changes_events(steps: Sequence[Step]) -> bool:
    """Return whether the connectors will send other events than those that were measured.

    A call that only repairs a URL, a secret or labels does not change how many events come.
    """
    calls = [step.call for step in pending(tuple(steps)) if isinstance(step.call, ConnectorCall)]
    return any(call.verb != "PATCH" or not call.fields.keys().isdisjoint(("events", "status")) for call in calls)


def _examples(spec: Spec, costing: Costing) -> str:
    """Return the cost of usual numbers of sensors."""
    costs = ((sensors, costing.dollars(rate_of(spec, sensors))) for sensors in EXAMPLES)
    return ", ".join(f"{money(dollars)} a month at {sensors:,} sensors" for sensors, dollars in costs)


def _of_existing(spec: Spec, observed: Observed, counts: Counts) -> Counts:
    """Return the counts, without those of the requests if there is no function yet: nothing could be measured."""
    is_new = Function(spec).found(observed.of(Function(spec))) is None
    return replace(counts, requests=None) if is_new else counts


def _reasons(counts: Counts, rate: Rate | None) -> list[str]:
    """Return what could not be counted and why, and how to give the number of sensors if the rate is not certain."""
    if rate and not rate.is_guess:
        return [*filter(None, [why_unmeasured(counts)])]
    return [*filter(None, [why_uncounted(counts), why_unmeasured(counts)]), "--sensors=COUNT says it for yours"]


def _with_exclusions(context: Context, observed: Observed) -> tuple[Observed, list[str]]:
    """Return what was observed, with the exclusions of the log, and what to say if they cannot be read.

    A plan does not compare them if no setting names Cloud Run's entries, and they decide about much of the cost.
    """
    exclusion = LogExclusion(context.spec)
    if exclusion.is_planned or exclusion.key in observed.of(exclusion):
        return observed, []
    try:
        found = context.observer.one(exclusion)
    except DeployError:
        return observed, ["with Cloud Run's own log entries, as the log's exclusions cannot be read"]
    return replace(observed, facts={**observed.facts, exclusion.id: found}), []


def _entries(spec: Spec, costing: Costing) -> list[str]:
    """Return that a deployment keeps Cloud Run's own log entries though no setting says so; nothing if it does not.

    Their exclusion may have been deleted by hand, or an earlier setting may have asked for all of them.
    """
    if spec.cost.request_logs is not None or not costing.choices.log_requests:
        return []
    return ["with Cloud Run's own log entries of answers 2xx, which --request-logs=errors leaves out"]


def _choice_of(spec: Spec, profile: Profile) -> str:
    """Return which profile is applied and why, in words."""
    chosen_by = f"profile {profile.name}, {_reason(spec)}"
    if fits(spec, profile):
        return f"{chosen_by}: {profile.why}"
    return f"{chosen_by}, with the sizes of large: a cpu, memory, concurrency or billing is set that its own do not fit"


def _kept(spec: Spec, observed: Observed, choices: Choices, *, is_read: bool) -> str:
    """Return in words that an existing deployment keeps what it has, because no profile is set; or what changes it.

    ``is_read``: whether the exclusions of the log could be read, without which no profile can be named.
    """
    if changes_size(spec, observed):
        return "no profile is set; settings of your own change the sizes, log lines or billing that are deployed"
    if not is_read:
        return "no profile is set: sizes, log lines and billing stay as they are deployed"
    like = profile_of(choices)
    if like is None:
        return "no profile is set: the deployment keeps its sizes, log lines and billing, which are those of none"
    return f"profile {like.name} is kept, as it is deployed and no profile is set"


def _reason(spec: Spec) -> str:
    if spec.cost.profile:
        return "as set"
    if spec.cost.sensors is None:
        return "as neither a profile nor --sensors is set"
    return f"as there are {spec.cost.sensors:,} sensors"
