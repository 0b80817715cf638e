"""What ``pause`` and ``resume`` share: this deployment's connectors, and the note of who paused them."""

from collections.abc import Mapping, Sequence

from deploy.context import Context
from deploy.dt.api import ROLE
from deploy.errors import DeployError
from deploy.program import PROGRAM, UP
from deploy.resources.connector import Connector, connector_id
from deploy.resources.function import Function
from deploy.resources.pausing import undelivered
from deploy.resources.signature_secret import SignatureSecret
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.steps import Step, keep
from deploy.times import utc
from deploy.verbs.planning import observe


def read(context: Context) -> Observed:
    """Read the connectors of the named and the remembered DT projects, and what is remembered of them."""
    return observe(context, Observer.for_proof, "reading the connectors")


def owned(context: Context, observed: Observed) -> dict[str, Sequence[Connector]]:
    """Return this deployment's connectors in each DT project.

    Raises:
        DeployError: there are none: ``up`` makes them, unless the settings name another deployment than was meant.

    """
    spec = context.spec
    found: dict[str, Sequence[Connector]] = {name: observed.owned_in(name, spec) for name in observed.connectors}
    if not any(found.values()):
        what = f"there is no connector of this deployment in {', '.join(found) or 'any DT project'}"
        if Function(spec).found(observed.of(Function(spec))) is None:
            what = f"nothing is deployed by this name in {spec.google_project}, {spec.region}"
        raise DeployError(what, where=spec.name, fix=[UP, f"{PROGRAM} list {spec.project_flag}"])
    return found


def closed_steps(observed: Observed) -> tuple[Step, ...]:
    """Return a step for each remembered DT project that DT does not show."""
    return tuple(
        keep(connector_id(project), f"DT does not show the project ({answer}); a connector in it stays as it is")
        for project, answer in observed.closed.items()
    )


def require_all_shown(observed: Observed, state: str) -> None:
    """Require that DT shows all remembered DT projects. ``state``: the state of a connector in a hidden one, in words.

    Raises:
        DeployError: it hides one, so that the verb could not change the connectors in it.

    """
    if observed.closed:
        answers = "; ".join(f"{project}: {answer}" for project, answer in observed.closed.items())
        what = f"DT does not show it ({answers}), so a connector of this deployment in it is {state}"
        raise DeployError(what, where=f"DT project {', '.join(observed.closed)}", fix=[ROLE])


def note_steps(
    context: Context, observed: Observed, since: Mapping[str, str], resumed_at: str = ""
) -> tuple[Step, ...]:
    """Return the step that remembers paused connectors, unless they are remembered, or there is no secret for it.

    ``resumed_at``: is remembered if none is paused any more, because DT's newest events may then be from the pause.

    What is remembered of a DT project that DT does not show stays, because a connector in it stays as it is.
    """
    secret, before = SignatureSecret(context.spec), observed.memory(context.spec).paused_since
    unseen = {name: time for name, time in before.items() if name.partition("/")[0] in observed.closed}
    facts, after = observed.of(secret), {**unseen, **since}
    if secret.found(facts) is None or before == after:
        return ()
    return (secret.remember_paused(facts, after, resumed_at),)


def report_undelivered(context: Context, done: Sequence[Step], since: Mapping[str, str]) -> None:
    """Report and print the time of which DT delivers no events, for each connector that the steps have resumed."""
    gaps = context.report.undelivered = undelivered(done, since, utc(context.now()))
    for gap in gaps:
        context.print(gap.sentence())
