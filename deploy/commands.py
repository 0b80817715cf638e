"""The commands that a user is shown to read events and the log, and to run a verb on one deployment. Pure.

Each can be pasted into bash, zsh and fish.
"""

import shlex
from collections.abc import Sequence

from deploy.program import PROGRAM
from deploy.spec import Spec
from deploy.times import utc

JUDGE_REJECTED = f"{PROGRAM} replay --dry-run"
"""Shows each rejected event with its reason and what would become of it; all of them stay unread."""

_LINE = "value(message.attributes.eventType, message.attributes.deviceId, message.data.decode(base64))"
"""gcloud's format of one event in one line: its type, its device, and the body."""


def read_events(spec: Spec, limit: int = 1, subscription: str = "") -> str:
    """Return the command that shows some events, one a line, and does not acknowledge them.

    ``subscription``: its id; that of the main topic if it is empty.
    """
    name = subscription or spec.topic
    pull = ("gcloud", "pubsub", "subscriptions", "pull", name, f"--limit={limit}", spec.project_flag)
    return f'{shlex.join(pull)} --format="{_LINE}"'


def read_unwritten(spec: Spec) -> str:
    """Return the command that shows why BigQuery refused some messages, one a line, and does not acknowledge them.

    Pub/Sub says so in an attribute: https://cloud.google.com/pubsub/docs/dead-letter-topics
    """
    pull = ("gcloud", "pubsub", "subscriptions", "pull", spec.unwritten_topic, "--limit=5", spec.project_flag)
    return f'{shlex.join(pull)} --format="value(message.attributes.CloudPubSubDeadLetterSourceDeliveryErrorMessage)"'


def query_events(spec: Spec) -> str:
    """Return the command that asks BigQuery for the newest event of each type of each device."""
    view = f"`{spec.google_project}.{spec.bigquery.dataset}.device_latest`"
    columns = "event_time, event_type, device_id, data"
    query = f"SELECT {columns} FROM {view} ORDER BY event_time DESC"  # noqa: S608  # it is shown, and not run here
    words = ("bq", f"--project_id={spec.google_project}", "query", "--use_legacy_sql=false", "--max_rows=10", query)
    return shlex.join(words)


def watch_events(spec: Spec) -> str:
    """Return the command that shows events as they come, from a subscription of its own."""
    return f"{PROGRAM} {shlex.join(('follow', spec.project_flag, f'--name={spec.name}'))}"


def verb_on(verb: str, spec: Spec, dt_projects: Sequence[str]) -> str:
    """Return the command that runs a verb on one deployment, from any folder, with every flag that names it."""
    flags = (
        spec.project_flag,
        f"--region={spec.region}",
        *(f"--dt-project={project}" for project in dt_projects),
        f"--name={spec.name}",
        *([f"--connector-name={spec.connector_name}"] if spec.connector_name else []),
    )
    return f"{PROGRAM} {shlex.join((verb, *flags))}"


def audit_between(start: float, end: float) -> str:
    """Return the command that compares the events that DT has of a time with those that arrived."""
    return f"{PROGRAM} {shlex.join(('audit', f'--from={utc(start)}', f'--to={utc(end)}'))}"


def backfill_between(start: float, end: float) -> str:
    """Return the command that sends the events that DT has of a time."""
    return f"{PROGRAM} {shlex.join(('backfill', f'--from={utc(start)}', f'--to={utc(end)}'))}"


def read_log(spec: Spec) -> str:
    """Return the command that shows the newest lines of the function's log."""
    place = (f"--region={spec.region}", spec.project_flag)
    return shlex.join(("gcloud", "functions", "logs", "read", spec.name, "--gen2", *place, "--limit=50"))
