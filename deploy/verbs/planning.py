"""How ``plan`` and ``up`` begin: observe both ends, and plan; the preflight runs before anything is to be changed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from deploy.context import Context
from deploy.errors import DeployError, DtUnanswered, DtUnreachable, NotReady
from deploy.spec import Spec
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.stages.plan import plan
from deploy.stages.preflight import Subject, check
from deploy.steps import Step, pending


@dataclass(frozen=True, slots=True)
class Changes:
    """A plan, what it was made from, and the context with the spec that the preflight completed."""

    context: Context
    observed: Observed
    steps: tuple[Step, ...]


def observe(context: Context, look: Callable[[Observer], Observed], what: str = "reading what is there") -> Observed:
    """Read both ends in one of the observer's ways.

    Raises:
        DeployError: there are no credentials of DT's, or something could not be read.

    """
    with context.terminal.busy(what):
        context.dt.require_credentials()
        return look(context.observer)


def with_organization(context: Context) -> Spec:
    """Return the spec with the id of the DT organization that the projects belong to."""
    return replace(context.spec, organization_id=context.dt.organization(context.spec.dt_projects[0]))


def plan_changes(context: Context) -> Changes:
    """Observe and plan. The preflight runs if something would change, or to explain why observing failed.

    Raises:
        NotReady: the preflight found what has to be fixed first.
        DeployError: something could not be read, or is not this deployment's.

    """
    try:
        context = replace(context, spec=with_organization(context))
        observed = observe(context, Observer.everything)
    except DtUnreachable:  # the machine's own connection: a preflight would only wait for the same
        raise
    except DeployError as error:
        _check(context, None, error if isinstance(error, DtUnanswered) else None)
        raise
    context.report.steps = steps = plan(context.spec, observed)
    if pending(steps):
        context = replace(context, spec=_check(context, observed))
        steps = plan(context.spec, observed)
    return Changes(context, observed, steps)


def _check(context: Context, observed: Observed | None, dt_silent: DtUnanswered | None = None) -> Spec:
    """Run the preflight and print its warnings; return the spec, completed.

    Raises:
        NotReady: something has to be fixed first.

    """
    with context.terminal.busy("checking what has to hold"):
        found = check(Subject(context.spec, context.google, context.dt, context.held, observed, dt_silent))
    if found.failures:
        raise NotReady(found.failures)
    for warning in found.warnings:
        context.terminal.note(f"note: {warning}")
    return found.spec
