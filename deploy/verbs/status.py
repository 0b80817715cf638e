"""``status``: show the resources and their health: a summary on one screen, or every resource in JSON."""

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.errors import DeployError, DtFailed, NotOwned, Unusable
from deploy.google.backlog import MESSAGES, OLDEST, question, unread_in
from deploy.program import PROGRAM
from deploy.report import Row
from deploy.resources.connector import owned_by
from deploy.resources.pubsub import subscription_id
from deploy.secret import Secret
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.stages.plan import plan
from deploy.steps import Step, pending
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNHEALTHY
from deploy.verbs.orientation import know_next_steps, show_next_steps
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

LINKS = Flag(
    "--links", {"action": "store_true", "help": "show also where the events are, links to the consoles, and the cost"}
)

USAGE = Usage(
    "show on one screen what exists and whether it is healthy",
    {
        NOTHING_TO_DO: "healthy",
        UNHEALTHY: "unhealthy",
        FAILED: "it could not be read",
    },
    options=WHICH_DEPLOYMENT,
    flags=(LINKS,),
    compares_settings=True,
)


def run(context: Context) -> int:
    """Read both ends, compare them with the spec, and show their health."""
    spec, observed = context.spec, observe(context, Observer.everything)
    steps, broken = _plan_or_broken(context, observed)
    rows = [*broken, *all_rows(spec, steps, observed, _deliveries(context, observed), context.now())]
    rows += _unread(context, observed)
    report = context.report
    report.steps, report.status, report.healthy = steps, rows, health(rows)
    report.version = deployed_version(spec, observed)
    if not context.flags.json:
        context.terminal.table([(row.state, row.what, row.detail) for row in on_one_screen(rows, spec)])
    context.print(f"\n{observed.url(spec) or 'no function, no URL'}")
    if pending(steps) or broken:
        context.print(f"to see what up would fix: {PROGRAM} plan")
    if context.flags.links and observed.url(spec):
        know_next_steps(context, observed)
        show_next_steps(context)
    return {True: NOTHING_TO_DO, False: UNHEALTHY, None: FAILED}[report.healthy]


def _plan_or_broken(context: Context, observed: Observed) -> tuple[tuple[Step, ...], list[Row]]:
    """Return a plan; or no steps, and a row for each unusable resource because of which there is no plan.

    Raises:
        NotOwned: a resource with one of this deployment's names is not this deployment's.

    """
    try:
        return plan(with_organization(context), observed), []
    except NotOwned as error:
        if not all(isinstance(failure, Unusable) for failure in error.failures):
            raise
        context.terminal.info(str(error))
        return (), broken_rows(error)


def _deliveries(context: Context, observed: Observed) -> dict[str, Metrics | None]:
    """Return DT's delivery counts by connector id, for this deployment's connectors; None if DT did not return them."""
    counted: dict[str, Metrics | None] = {}
    for project in observed.connectors:
        for connector in owned_by(context.spec, observed.connectors[project], observed.url(context.spec)):
            try:
                counted[connector.id] = context.connectors.metrics(project, connector.id)
            except DtFailed as error:
                context.terminal.info(str(error))
                counted[connector.id] = None
    return counted


def _unread(context: Context, observed: Observed) -> list[Row]:
    """Return the rows of the unread messages. If Google did not return the numbers, the rows say so."""
    spec = context.spec
    names = [name for name in (spec.topic, spec.rejected_topic) if _exists(observed, name)]
    if not names:
        return []
    try:
        token = Secret(context.google.read_text(("auth", "print-access-token")).strip())
        series = [
            context.read_time_series(spec.google_project, question(metric, names, context.now()), token)
            for metric in (MESSAGES, OLDEST)
        ]
        return unread_rows(spec, unread_in(*series))
    except (KeyError, TypeError, ValueError) as error:
        what = f"answered with an unexpected structure ({type(error).__name__})"
        return unreadable_rows(spec, DeployError(what, where="Cloud Monitoring"))
    except DeployError as error:
        context.terminal.info(str(error))
        return unreadable_rows(spec, error)


def _exists(observed: Observed, subscription: str) -> bool:
    return bool(observed.facts.get(subscription_id(subscription), {}).get("subscription"))
