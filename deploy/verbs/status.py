"""``status``: show on one screen what is there and how it fares; in JSON every single thing."""

from deploy.cli.usage import Usage
from deploy.context import Context
from deploy.errors import DeployError, DtFailed, NotOwned, Unusable
from deploy.google.backlog import MESSAGES, OLDEST, question, unread_in
from deploy.report import Row
from deploy.resources.connector import owned_by
from deploy.resources.pubsub import subscription_id
from deploy.secret import Secret
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.stages.plan import plan
from deploy.steps import Step, pending
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNHEALTHY
from deploy.verbs.planning import observe, with_organization
from deploy.verbs.status_rows import (
    Metrics,
    all_rows,
    broken_rows,
    deployed_version,
    health,
    on_one_screen,
    unread_rows,
    unreadable_rows,
)

USAGE = Usage(
    "show on one screen what is there and how it fares",
    {
        NOTHING_TO_DO: "healthy",
        UNHEALTHY: "something is not as it should be",
        FAILED: "it could not be read",
    },
)


def run(context: Context) -> int:
    """Read both ends, compare them with the spec, and show how they fare."""
    spec, observed = context.spec, observe(context, Observer.everything)
    steps, broken = _plan_or_broken(context, observed)
    rows = [*broken, *all_rows(spec, steps, observed, _deliveries(context, observed), context.now())]
    rows += _unread(context, observed)
    report = context.report
    report.steps, report.status, report.healthy = steps, rows, health(rows)
    report.version = deployed_version(spec, observed)
    if not context.flags.json:
        context.terminal.rows([(row.state, row.what, row.detail) for row in on_one_screen(rows, spec)])
    context.say(f"\n{observed.url(spec) or 'no function, no URL'}")
    if pending(steps) or broken:
        context.say("what up would fix: python -m deploy plan")
    return {True: NOTHING_TO_DO, False: UNHEALTHY, None: FAILED}[report.healthy]


def _plan_or_broken(context: Context, observed: Observed) -> tuple[tuple[Step, ...], list[Row]]:
    """Return a plan; or no steps and a row for each thing of ours that keeps a plan from being made.

    Raises:
        NotOwned: something of the names wanted is others'.

    """
    try:
        return plan(with_organization(context), observed), []
    except NotOwned as error:
        if not all(isinstance(failure, Unusable) for failure in error.failures):
            raise
        context.terminal.note(str(error))
        return (), broken_rows(error)


def _deliveries(context: Context, observed: Observed) -> dict[str, Metrics | None]:
    """Ask what became of the deliveries of this deployment's connectors; None where DT does not tell."""
    counted: dict[str, Metrics | None] = {}
    for project in observed.connectors:
        for connector in owned_by(context.spec, observed.connectors[project], observed.url(context.spec)):
            try:
                counted[connector.id] = context.connectors.metrics(project, connector.id)
            except DtFailed as error:
                context.terminal.note(str(error))
                counted[connector.id] = None
    return counted


def _unread(context: Context, observed: Observed) -> list[Row]:
    """Ask what waits to be read. What cannot be read is a row, too; its remedy is printed beside it."""
    spec = context.spec
    names = [name for name in (spec.topic, spec.rejected_topic) if _is_there(observed, name)]
    if not names:
        return []
    try:
        token = Secret(context.google.read_text(("auth", "print-access-token")).strip())
        series = [
            context.measured(spec.google_project, question(metric, names, context.now()), token)
            for metric in (MESSAGES, OLDEST)
        ]
        return unread_rows(spec, unread_in(*series))
    except (KeyError, TypeError, ValueError) as error:
        what = f"answered in another shape than it should ({type(error).__name__})"
        return unreadable_rows(spec, DeployError(what, where="Cloud Monitoring"))
    except DeployError as error:
        context.terminal.note(str(error))
        return unreadable_rows(spec, error)


def _is_there(observed: Observed, subscription: str) -> bool:
    return bool(observed.facts.get(subscription_id(subscription), {}).get("subscription"))
