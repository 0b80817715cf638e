"""The commands that a user is shown to read events and the log, and to run a verb on one deployment. Pure.

Each can be pasted into bash, zsh and fish.
"""

import shlex
from collections.abc import Sequence

from deploy.program import PROGRAM
from deploy.spec import Spec

PAUSE_S = 5
"""Seconds between two pulls of ``watch_events``."""

_LINE = "value(message.attributes.eventType, message.attributes.deviceId, message.data.decode(base64))"
"""gcloud's format of one event in one line: its type, its device, and the body."""


def read_event(spec: Spec) -> str:
    """Return the command that shows one event, and does not acknowledge it."""
    return shlex.join(_pull(spec, 1))


def watch_events(spec: Spec) -> str:
    """Return the command that shows the unread events again and again, one a line, and acknowledges none.

    A loop has another form in fish than in bash and zsh, so ``sh`` runs it. The loop ends with Ctrl-C, or if gcloud
    fails.
    """
    pull = " ".join((*_pull(spec, 10), f'--format="{_LINE}"'))
    return shlex.join(("sh", "-c", f"while {pull}; do sleep {PAUSE_S}; done"))


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


def read_log(spec: Spec) -> str:
    """Return the command that shows the newest lines of the function's log."""
    place = (f"--region={spec.region}", spec.project_flag)
    return shlex.join(("gcloud", "functions", "logs", "read", spec.name, "--gen2", *place, "--limit=50"))


def read_rejected(spec: Spec) -> str:
    """Return the command that shows rejected events with their reasons, and does not acknowledge them."""
    return shlex.join(_pull(spec, 10, spec.rejected_topic))


def _pull(spec: Spec, limit: int, subscription: str = "") -> tuple[str, ...]:
    """Return the command that pulls from a subscription, by default from the main one."""
    named = subscription or spec.topic
    return ("gcloud", "pubsub", "subscriptions", "pull", named, f"--limit={limit}", spec.project_flag)
