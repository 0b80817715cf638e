"""The first half of ``plan`` and ``up``: observe both ends, plan, and run the preflight if something would change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from deploy.cli.terminal import EVERYTHING
from deploy.context import Context
from deploy.dt.sensors import count_sensors
from deploy.errors import DeployError, DtUnanswered, DtUnreachable, NotReady
from deploy.parallel import worker_pool
from deploy.profiles import Profile
from deploy.program import PROGRAM
from deploy.resources.alert_policies import AlertPolicies
from deploy.resources.alerting import MONITORING
from deploy.resources.bigquery.subscription import dataset_of
from deploy.resources.services import APIS, services_on
from deploy.spec import Spec
from deploy.stages.counting import LONGEST_S, in_time
from deploy.stages.event_rate import NOTHING_COUNTED, Counts
from deploy.stages.health.readings import attempt
from deploy.stages.measuring import read_requests
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed, written_by
from deploy.stages.plan import plan
from deploy.stages.preflight import Subject, check
from deploy.steps import Step, pending
from deploy.verbs.pricing import show_cost, sized, with_set_profile
from deploy.verbs.unread import with_unread_of_retired


@dataclass(frozen=True, slots=True)
class Changes:
    """A plan, the observed state, and the context with the spec that the preflight completed.

    ``profile``: the one whose settings are applied; None if the deployment keeps what it has. ``counts``: from which
    the cost of a month follows, unless the number of sensors is set.
    """

    context: Context
    observed: Observed
    steps: tuple[Step, ...]
    profile: Profile | None = None
    counts: Counts = NOTHING_COUNTED


def observe(context: Context, read: Callable[[Observer], Observed], what: str = "reading both ends") -> Observed:
    """Read both ends with a method of the observer. ``what``: the progress text.

    Raises:
        DeployError: the DT credentials are missing, or something could not be read.

    """
    with context.terminal.progress(what):
        context.dt.require_credentials()
        return read(context.observer)


def with_organization(context: Context) -> Spec:
    """Return the spec with the id of the DT organization that the projects belong to."""
    return replace(context.spec, organization_id=context.dt.organization(context.spec.dt_projects[0]))


def plan_changes(context: Context) -> Changes:
    """Observe and plan. The preflight runs if something would change, or to explain why observing failed.

    Raises:
        NotReady: the preflight found problems to fix first.
        DeployError: a resource could not be read, or is not this deployment's.

    """
    with _counting(context) as counts:
        changes = _planned(context)
        return replace(changes, counts=counts())


@contextmanager
def _counting(context: Context) -> Iterator[Callable[[], Counts]]:
    """Count sensors and requests side by side with all other reads. The yielded function waits for them, but not long.

    A number that cannot be read, or takes too long, is an error in its place, and fails nothing.
    """
    if context.spec.cost.sensors is not None:
        yield lambda: NOTHING_COUNTED
        return
    sensors = partial(count_sensors, context.dt, context.spec.dt_projects)
    requests = partial(read_requests, context.spec, context.read_time_series, context.now())
    with worker_pool(is_optional=True) as pool:
        counting, measuring = pool.submit(attempt, sensors), pool.submit(attempt, requests)

        def counts() -> Counts:
            give_up_at = context.monotonic() + LONGEST_S
            counted = in_time(counting, give_up_at, context.monotonic)
            measured = in_time(measuring, give_up_at, context.monotonic)
            return Counts(counted, measured)

        yield counts


def _planned(context: Context) -> Changes:
    try:
        context = replace(context, spec=with_set_profile(with_organization(context)))
        made = sized(context, observe(context, Observer.everything))
        context, observed = made.context, with_unread_of_retired(made.context, made.observed)
    except DtUnreachable:  # the preflight would fail for the same reason, after another wait
        raise
    except DeployError as error:
        _check(context, None, error if isinstance(error, DtUnanswered) else None)
        raise
    context.report.steps = steps = plan(context.spec, observed, context.now())
    if pending(steps):
        context = replace(context, spec=_check(context, observed))
        steps = plan(context.spec, observed, context.now())
    return Changes(context, observed, steps, made.profile)


def show_plan(context: Context, changes: Changes) -> str:
    """Show a plan, doubts about settings, what it does not compare because no setting names it, and the cost.

    Return what a month costs, in words; an empty text if the rate of events is not known.
    """
    for doubt in context.spec.doubts:
        context.terminal.info(f"note: {doubt}")
    uncompared, dataset = _uncompared_alerts(changes), _uncompared_dataset(changes)
    others = " and ".join([*(["the alerts"] if uncompared else []), *(["BigQuery"] if dataset else [])])
    context.show(changes.steps, f"all but {others} is as it should be" if others else EVERYTHING)
    if dataset:
        how = f"{PROGRAM} plan --bigquery={dataset}, or [bigquery] in deploy.toml, compares it"
        context.terminal.info(f"note: events are stored in BigQuery dataset {dataset}, which was not compared: {how}")
    if uncompared:
        how = f"{PROGRAM} plan --alert-email=ADDRESS, or [alerts] in deploy.toml, compares them"
        context.terminal.info(
            f"note: {uncompared} alert policies of this deployment were not compared, and stay: {how}"
        )
    return show_cost(changes.context, changes.observed, changes.profile, changes.counts, changes.steps)


def _uncompared_alerts(changes: Changes) -> int:
    """Return how many alert policies the deployment has, if no setting names alerts; 0 if they cannot be read."""
    context = changes.context
    policies = AlertPolicies(context.spec)
    is_on = MONITORING in services_on(changes.observed.facts.get(APIS, {}))
    if context.spec.alerts.are_planned or not is_on:
        return 0
    try:
        return len(policies.ours({policies.key: context.google.read(policies.listing)}))
    except DeployError:
        return 0


def _uncompared_dataset(changes: Changes) -> str:
    """Return the dataset in which the events are stored, if no setting names one; empty if they are not stored."""
    spec = changes.context.spec
    written = None if spec.bigquery.is_planned else written_by(spec, changes.observed)
    return dataset_of(written) if written else ""


def _check(context: Context, observed: Observed | None, dt_silent: DtUnanswered | None = None) -> Spec:
    """Run the preflight and print its warnings; return the completed spec.

    Raises:
        NotReady: there are problems to fix first.

    """
    with context.terminal.progress("running the preflight checks"):
        result = check(Subject(context.spec, context.google, context.dt, context.test_permissions, observed, dt_silent))
    if result.failures:
        raise NotReady(result.failures)
    for warning in result.warnings:
        context.terminal.info(f"note: {warning}")
    return result.spec
