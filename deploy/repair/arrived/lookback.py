"""A temporary subscription that is sought back in time, because the topic itself keeps its messages.

It takes no message from anyone else, and is removed at the end. If the run is killed, a later audit removes it by its
label, and Pub/Sub itself does after a day without use.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from deploy.commands import audit_between, backfill_between
from deploy.errors import DeployError
from deploy.google.pubsub_api import PubSubApi
from deploy.parallel import signals_wait
from deploy.program import PROGRAM
from deploy.repair.arrived.arrivals import Window
from deploy.repair.arrived.fitness import MARGIN_S, create_line
from deploy.spec import AUDIT_MARK, AUDIT_WORD, SINCE_MARK, Spec, last_segment
from deploy.times import seconds

ACK_DEADLINE_S = 10
"""Pub/Sub's minimum, so that what a pull that was given up has taken comes again soon."""

EXPIRATION_S = 86_400
"""Seconds without use after which Pub/Sub removes a subscription: its minimum."""

ABANDONED_AFTER_S = 6 * 3600
"""No audit takes so long: an older subscription is of a run that was killed."""

END_S = 5.0
"""Seconds to wait for the answer to a removal, which a user is waiting for."""


def kept_s(topic: Mapping[str, Any]) -> int:
    """Return for how many seconds a topic keeps its messages; 0 if it does not keep them."""
    try:
        return seconds(str(topic.get("messageRetentionDuration") or "0s"))
    except ValueError:
        return 0


def check_kept(spec: Spec, topic: Mapping[str, Any], window: Window, now: float, in_table: str = "") -> None:
    """Check that the main topic has kept the messages of the window.

    ``in_table``: the command for a window that the deployment's own BigQuery table has; empty if there is none.

    Raises:
        DeployError: it has not, with the ways to know what arrives from now on.

    """
    kept = kept_s(topic)
    if not kept:
        what = (
            "keeps no messages after their delivery, so that it does not know what has arrived before now. "
            "If events may be missing, backfill sends all of the window; subscribers know doubles by their eventId. "
            f"If nothing has acknowledged the messages of subscription {spec.topic}, audit can read them there. "
            "For later audits, let the topic keep its messages, or make a subscription that does"
        )
        name_one = "if a BigQuery subscription of the topic fills a table, name it by --table=PROJECT.DATASET.TABLE"
        fix = [
            *([in_table] if in_table else []),
            backfill_between(window.start, window.end),
            f"{audit_between(window.start, window.end)} --subscription={spec.topic}",
            keep_line(spec),
            create_line(spec),
            *([] if in_table else [name_one]),
        ]
        raise DeployError(what, where=f"topic {spec.topic}", fix=fix)
    if now - kept > window.start:
        what = f"keeps messages for {kept / 86_400:g} days, so that it has lost the beginning of the window"
        fix = [in_table or f"{PROGRAM} audit --from={kept // 3600 - 1}h"]
        raise DeployError(what, where=f"topic {spec.topic}", fix=fix)


def keep_line(spec: Spec) -> str:
    """Return the command that lets the main topic keep its messages from now on."""
    return f"gcloud pubsub topics update {spec.topic} --message-retention-duration=31d {spec.project_flag}"


@contextmanager
def sought_back(
    spec: Spec, api: PubSubApi, window: Window, now: Callable[[], float], notice: Callable[[str], None]
) -> Iterator[str]:
    """Create a subscription that has every message since the window began, and yield its name; remove it at any end.

    Raises:
        DeployError: it could not be created or sought back.

    """
    name = f"{spec.topic}-{AUDIT_WORD}-{secrets.token_hex(4)}"
    settings = {
        "topic": spec.topic,
        "ackDeadlineSeconds": ACK_DEADLINE_S,
        "messageRetentionDuration": "604800s",
        "expirationPolicy": {"ttl": f"{EXPIRATION_S}s"},
        "labels": {AUDIT_MARK: spec.name, SINCE_MARK: str(int(now()))},
    }
    try:
        api.create(name, settings)
        api.seek(name, window.start - MARGIN_S)
        yield name
    finally:
        with signals_wait():  # a second Ctrl-C would leave it behind
            _remove(api, name, notice)


def remove_abandoned(spec: Spec, api: PubSubApi, now: float, notice: Callable[[str], None]) -> None:
    """Remove the subscriptions of audits of this deployment that were killed. Raises ``PubSubFailed``."""
    for found in list(api.subscriptions()):
        name, labels = last_segment(found["name"]), found.get("labels") or {}
        since = str(labels.get(SINCE_MARK, ""))
        is_ours = labels.get(AUDIT_MARK) == spec.name and name.startswith(f"{spec.topic}-{AUDIT_WORD}-")
        if is_ours and since.isdecimal() and int(since) < now - ABANDONED_AFTER_S and api.delete(name):
            notice(f"removed {name}, which an audit that was killed had left behind")


def _remove(api: PubSubApi, name: str, notice: Callable[[str], None]) -> None:
    try:
        api.delete(name, read_s=END_S, times=2)
    except DeployError as error:
        what = f"subscription {name} could not be removed: {error.what}"
        notice(f"{what}\n  the next {PROGRAM} audit removes it, or Pub/Sub does within a day")
