"""The next steps: where the events are, links, cost, removal. At the end of ``up``, and in ``status --links``."""

from deploy.context import Context
from deploy.next_steps import next_steps
from deploy.stages.observed import Observed

ALERT_FLAGS = ("alerts.emails", "alerts.channels")
"""The flags that turn alerts on, as the parser names them."""


def know_next_steps(context: Context, observed: Observed, cost: str) -> None:
    """Put the next steps into the report, so that ``--json`` has them even if a proof fails afterwards.

    ``cost``: what a month costs, in words; empty if that is not known.
    """
    spec = context.spec
    names = {
        project: [connector.display_name or connector.id for connector in observed.owned_in(project, spec)]
        for project in spec.dt_projects
    }
    typed = any(getattr(context.flags, name, None) for name in ALERT_FLAGS)
    named = bool(getattr(context.flags, "bigquery.dataset", None))
    context.report.next_steps = next_steps(spec, names, cost=cost, alerts_are_typed=typed, dataset_is_typed=named)


def show_next_steps(context: Context) -> None:
    """Print the next steps that the report has."""
    steps = context.report.next_steps
    context.print("\n" + "\n".join(steps.lines() if steps else ()))
