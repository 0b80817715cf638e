"""The step from the deployed version to this one: ``plan`` and ``up`` show it, ``up`` asks about a major one."""

from deploy.context import Context
from deploy.resources.function import Function
from deploy.stages.upgrade import Upgrade, upgrade_of
from deploy.steps import pending
from deploy.verbs.applying import confirm
from deploy.verbs.planning import Changes


def show_upgrade(context: Context, changes: Changes) -> Upgrade | None:
    """Report and print what changes between the two versions; return None if the function stays as it is."""
    function = Function(changes.context.spec).id
    if all(step.id != function for step in pending(changes.steps)):
        return None
    spec = changes.context.spec
    upgrade = upgrade_of(changes.observed.version(spec), spec.version, context.changelog())
    context.report.upgrade = upgrade
    for line in upgrade.lines() if upgrade else ():
        context.print(line)
    return upgrade


def confirm_upgrade(context: Context, upgrade: Upgrade | None) -> None:
    """Ask about a step to another major version, up or down.

    Raises:
        Aborted: the answer is no, or standard input is not a terminal.

    """
    if upgrade and upgrade.breaks:
        confirm(
            context, f"version {upgrade.before} -> {upgrade.after} may break what relies on it; have you read this?"
        )
