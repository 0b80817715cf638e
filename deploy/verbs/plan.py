"""``plan``: show what ``up`` would do, with every command, and change nothing."""

from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.steps import pending
from deploy.verbs.exit_codes import CHANGES, FAILED, NOTHING_TO_DO
from deploy.verbs.planning import plan_changes, show_plan
from deploy.verbs.upgrading import show_upgrade

COMMANDS = Flag("--commands", {"action": "store_true", "help": "show every command whole, also the SQL of the views"})

USAGE = Usage(
    "show what up would do, with every command; change nothing",
    {NOTHING_TO_DO: "there is nothing to do", CHANGES: "there are changes", FAILED: "error"},
    flags=(COMMANDS,),
)


def run(context: Context) -> int:
    """Observe, plan, and show the plan."""
    changes = plan_changes(context)
    show_plan(context, changes)
    show_upgrade(context, changes)
    return CHANGES if pending(changes.steps) else NOTHING_TO_DO
