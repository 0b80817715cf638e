"""``list``: show the deployments of a Google project, and how to go on with each of them. DT is not asked."""

from collections.abc import Sequence

from deploy.cli.options import WHICH_PROJECT
from deploy.cli.usage import Usage
from deploy.context import Context
from deploy.errors import DeployError
from deploy.program import PROGRAM
from deploy.stages.inventory import Deployment
from deploy.stages.listing import list_deployments
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO

USAGE = Usage(
    "show the deployments of a Google project, and what is left over",
    {NOTHING_TO_DO: "listed, or there are none", FAILED: "error, or a region could not be read"},
    options=WHICH_PROJECT,
)


def run(context: Context) -> int:
    """List the marked resources of all regions, and show each deployment with the command to go on with it.

    Raises:
        DeployError: Google could not read a region. What was found elsewhere is shown before.

    """
    project = context.spec.google_project
    with context.terminal.progress(f"listing the deployments of {project}"):
        listing = list_deployments(context.spec, context.google)
    context.report.deployments = listing.deployments
    if not context.flags.json:
        context.terminal.table([deployment.row(context.spec.version) for deployment in listing.deployments])
    if not listing.deployments:
        context.print(f"no deployment in {project}")
    _print_commands(context, listing.deployments)
    if listing.unreachable:
        what = "Google could not read it: deployments there, and what is left over, are not shown"
        raise DeployError(
            what, where=", ".join(listing.unreachable), fix=[f"{PROGRAM} list {context.spec.project_flag}"]
        )
    return NOTHING_TO_DO


def _print_commands(context: Context, deployments: Sequence[Deployment]) -> None:
    headings = (
        (False, "to go on with a deployment, also with a colleague's (anything that you leave out keeps its value):"),
        (True, "to remove what is left over:"),
    )
    for is_left_over, heading in headings:
        commands = [found.command for found in deployments if found.is_left_over is is_left_over]
        if commands:
            context.print("\n".join(("", heading, *(f"  {command}" for command in commands))))
