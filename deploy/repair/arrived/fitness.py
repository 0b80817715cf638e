"""Whether a subscription can tell an audit what arrived, from its settings. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.cli.spelling import suggestion
from deploy.errors import DeployError
from deploy.program import PROGRAM
from deploy.repair.arrived.arrivals import Window
from deploy.spec import Spec, last_segment
from deploy.times import seconds

AT_GOOGLE_S = 7 * 86_400
"""How long a subscription keeps messages by default."""

MARGIN_S = 600
"""An event is published after it happened; this is for clocks that differ."""


def why_unreadable(found: Mapping[str, Any]) -> str:
    """Return why the messages of a subscription cannot be read without doing harm; an empty text if they can."""
    exports = [key for key in ("bigqueryConfig", "cloudStorageConfig", "bigtableConfig") if found.get(key)]
    if exports or (found.get("pushConfig") or {}).get("pushEndpoint"):
        return "Pub/Sub sends its messages elsewhere, so that they cannot be pulled"
    if found.get("detached"):
        return "is detached from its topic, so that it gets nothing"
    if found.get("enableMessageOrdering"):
        return "keeps messages in order, so that of each device only one is sent until it is acknowledged"
    if found.get("deadLetterPolicy"):
        return "has a dead-letter topic, to which messages are moved that are given back a few times"
    return ""


def check_fitness(spec: Spec, found: Mapping[str, Any], window: Window, now: float) -> None:
    """Check that a subscription has got and kept every event of the window, as far as its settings tell.

    Raises:
        DeployError: it cannot be read, or what it lacks would count as missing.

    """
    name = last_segment(str(found.get("name", "")))
    fix = [create_line(spec)]
    what = why_unreadable(found)
    if not what and last_segment(str(found.get("topic", ""))) != spec.topic:
        what = f"is a subscription of {found.get('topic')}, and not of {spec.topic}"
    if not what and found.get("filter"):
        what = f"has the filter {found['filter']}: what it leaves out would count as missing"
    kept_s = _kept_s(found)
    if not what and now - kept_s > window.start:
        days = f"{kept_s / 86_400:g}"
        what = f"keeps messages for {days} days, so that it has lost the beginning of the window"
        fix = [f"{PROGRAM} audit --subscription={name} --from={kept_s // 3600 - 1}h", *fix]
    if what:
        raise DeployError(what, where=f"subscription {name}", fix=fix)


def absent(spec: Spec, name: str, others: Sequence[str]) -> DeployError:
    """Return the error of a subscription that does not exist. ``others``: the subscriptions of the main topic."""
    known = f"topic {spec.topic} has {', '.join(others)}" if others else f"topic {spec.topic} has no subscription"
    what = f"there is no such subscription; {known}{suggestion([name], others)}"
    return DeployError(what, where=f"subscription {name}", fix=[create_line(spec)])


def create_line(spec: Spec) -> str:
    """Return the command that creates a subscription for later audits."""
    return (
        f"gcloud pubsub subscriptions create {spec.topic}-arrived --topic={spec.topic} "
        f"--message-retention-duration=31d --expiration-period=never {spec.project_flag}"
    )


def _kept_s(found: Mapping[str, Any]) -> int:
    try:
        return seconds(str(found.get("messageRetentionDuration") or f"{AT_GOOGLE_S}s"))
    except ValueError:
        return AT_GOOGLE_S
