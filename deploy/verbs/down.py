"""``down``: remove both ends of a deployment, after a confirmation."""

from dataclasses import replace

from deploy.cli.options import WHICH_DEPLOYMENT
from deploy.cli.usage import YES, Flag, Usage
from deploy.context import Context
from deploy.errors import Aborted, DeployError
from deploy.parallel import begun
from deploy.program import PROGRAM
from deploy.resources.alerting import REFUSED
from deploy.resources.bigquery.stored_data import StoredData
from deploy.resources.catalog import subscriptions_of, unlisted_of
from deploy.resources.pubsub import subscription_id, unread_words
from deploy.stages.observe import Observer
from deploy.stages.observed import Observed
from deploy.stages.plan import plan_removal
from deploy.steps import pending
from deploy.verbs.applying import again, apply, confirm
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO
from deploy.verbs.planning import observe
from deploy.verbs.unread import count_unread, with_unread

DELETE_DATA = Flag(
    "--delete-data",
    {
        "nargs": "?",
        "const": "",
        "metavar": "DATASET",
        "help": "delete also the events in BigQuery, which stay otherwise; without DATASET, asks for its name",
    },
)

USAGE = Usage(
    "remove both ends of the deployment",
    {NOTHING_TO_DO: "nothing of the deployment is left", FAILED: "error"},
    options=WHICH_DEPLOYMENT,
    flags=(YES, DELETE_DATA),
    is_resumable=True,
)


def run(context: Context) -> int:
    """Read the existing resources, ask for confirmation, and delete them. Data need a confirmation of their own."""
    spec = context.spec
    context.dt.require_credentials()
    named = [subscription.name for subscription in subscriptions_of(spec)]
    with begun(lambda: count_unread(context, named)) as counted:
        observed = observe(context, Observer.for_removal)
        unread = counted()
    unlisted = unlisted_of(spec, "subscription")
    if left := unlisted.names(observed.of(unlisted)):
        unread = {**unread, **count_unread(context, left)}
    dataset = _dataset_to_delete(context, observed)
    spec = replace(spec, bigquery=replace(spec.bigquery, removed_data=dataset))
    context = replace(context, spec=spec)
    steps = plan_removal(spec, with_unread(spec, observed, unread))
    context.show(steps, f"nothing of {spec.name} is there")
    wanted = pending(steps)
    if not wanted:
        return NOTHING_TO_DO
    if context.flags.delete_data and not dataset:  # a repetition after everything is gone is no error
        what = f"there is no dataset {context.flags.delete_data}, and nothing was changed"
        raise DeployError(what, where="--delete-data", fix=[f"{PROGRAM} down"])
    deleted = {step.resource for step in wanted}
    lost = sum(count for name, count in unread.items() if str(subscription_id(name)) in deleted)
    messages = f" and {unread_words(lost)}" if lost else ""
    messages += f" and all events in dataset {dataset}" if dataset else ""
    confirm(context, f"delete {len(wanted)} resources{messages} permanently?")
    if dataset and not context.flags.delete_data:
        _confirm_data(context, dataset)
    apply(context, steps, observed, again("down", context.flags))
    context.print(
        f"{spec.name} is removed: {len(wanted)} resources{messages} are deleted; what stays is marked = above"
    )
    return NOTHING_TO_DO


def _dataset_to_delete(context: Context, observed: Observed) -> str:
    """Return the dataset whose data are to be deleted; empty if none is.

    Raises:
        DeployError: the deployment has no such dataset, or several and none is named, or they cannot be listed.
        Aborted: nobody can be asked for its name.

    """
    data, named = StoredData(context.spec), context.flags.delete_data
    found = data.names(observed.of(data))
    if named is None:
        return ""
    if not found:
        _must_be_absent(context, data, named, observed.of(data).get(REFUSED, ""))
        return ""
    choices = [f"{PROGRAM} down --delete-data={name}" for name in found]
    if named and named not in found:
        raise DeployError(f"{named} is no dataset of this deployment", where="--delete-data", fix=choices)
    if not named and len(found) > 1:
        raise DeployError("there are several datasets: name one", where="--delete-data", fix=choices)
    if not named and (context.flags.yes or not context.terminal.is_interactive):
        what = "the loss of data is not confirmed by --yes alone, and nothing was changed"
        raise Aborted(what, fix=[f"{PROGRAM} down --yes --delete-data={found[0]}"])
    return named or found[0]


def _must_be_absent(context: Context, data: StoredData, named: str, refusal: str) -> None:
    """Check that a dataset that was not listed is not there, or that there is none at all if none is named.

    ``refusal``: Google's answer if the datasets could not be listed.

    Raises:
        DeployError: it is there without the label, or Google does not say.

    """
    if refusal:
        what = "the datasets or their contents cannot be listed, so their data would stay, and nothing was changed"
        raise DeployError(f"{what}: {refusal}", where="--delete-data", fix=[f"{PROGRAM} down"])
    found = context.google.read(data.one(named) if named else data.describe)
    if named and found is not None:
        raise data.without_label(named, found)


def _confirm_data(context: Context, dataset: str) -> None:
    """Ask for the name of the dataset. Raises ``Aborted`` if another text is typed."""
    question = f"all events in BigQuery are lost: type the name of the dataset, {dataset}, to delete them:"
    if context.terminal.answer(question) != dataset:
        raise Aborted("that is not the name of the dataset, and nothing was changed")
