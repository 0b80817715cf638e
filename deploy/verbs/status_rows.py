"""The rows of ``status``: the function, the secret's age, connectors and deliveries, and what is amiss. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deploy.errors import DeployError, NotOurs
from deploy.google.backlog import Unread
from deploy.report import Row
from deploy.resources.by_hand import closing
from deploy.resources.connector import owned_by
from deploy.resources.function import Function, version_of
from deploy.resources.signature_secret import SignatureSecret, newest_version
from deploy.spec import Spec
from deploy.stages.observed import Observed
from deploy.steps import Step

DAY_S = 86400

LONGEST_UNREAD_S = 3600
"""Seconds after which a message that nobody has read is a fault: its reader has stopped, or was never made."""

HEALTHY = frozenset({"ok", "ACTIVE"})
UNKNOWN = "unknown"
VERSION = "version"

Metrics = Mapping[str, Any]
"""What DT counted of one connector in the last three hours."""


def all_rows(
    spec: Spec, steps: Sequence[Step], observed: Observed, counted: Mapping[str, Metrics | None], now: float
) -> list[Row]:
    """Return a row for the version, for each step of a plan, for what closes the function, and for each connector.

    ``counted`` is by connector's id; None if DT did not tell.
    """
    secret = SignatureSecret(spec)
    age = {secret.id: _age(newest_version(observed.of(secret)), now)}
    return [
        _version_row(spec.version, deployed_version(spec, observed)),
        *(
            Row(
                each.resource,
                "ok" if each.action == "keep" else each.action,
                f"{each.reason}{age.get(each.id, '')}",
            )
            for each in steps
        ),
        *_closed_rows(spec, observed),
        *(
            _delivery_row(project, each.status, counted.get(each.id, {}))
            for project, found in observed.connectors.items()
            for each in owned_by(spec, found, observed.url(spec))
        ),
    ]


def broken_rows(broken: NotOurs) -> list[Row]:
    """Return a row for each resource of this deployment of which no plan can be made."""
    return [Row(failure.where, "broken", failure.what) for failure in broken.failures]


def _closed_rows(spec: Spec, observed: Observed) -> list[Row]:
    """Return a row if somebody closed the function to DT in a way that a plan shows and leaves alone."""
    function = Function(spec)
    service = observed.of(function).get("service")
    found = closing(service) if service else []
    how = "undo it on the Cloud Run service of the function's name"
    return [Row(f"requests to {function.title}", "closed", f"{'; '.join(found)}; {how}")] if found else []


def deployed_version(spec: Spec, observed: Observed) -> str | None:
    """Return the version that the function was deployed by, or None if there is no function, or it does not tell."""
    return version_of(observed.of(Function(spec)).get("function") or {})


def unread_rows(spec: Spec, unread: Mapping[str, Unread]) -> list[Row]:
    """Return a row for each subscription: what waits there to be read; ``unread`` is by subscription's id."""
    return [
        _unread_row(spec.topic, unread.get(spec.topic)),
        _rejected_row(spec.rejected_topic, unread.get(spec.rejected_topic)),
    ]


def unreadable_rows(spec: Spec, error: DeployError) -> list[Row]:
    """Return the rows of both subscriptions if what waits there could not be read."""
    what = f"could not be read: {error.where} {error.what}"
    return [Row(f"unread in {name}", UNKNOWN, what) for name in (spec.topic, spec.rejected_topic)]


def health(rows: Sequence[Row]) -> bool | None:
    """Return whether all is well: no if anything is not, None if all is but for what could not be read."""
    states = {row.state for row in rows} - HEALTHY
    return False if states - {UNKNOWN} else None if states else True


def _version_row(ours: str, deployed: str | None) -> Row:
    if deployed == ours:
        return Row(VERSION, "ok", ours)
    return Row(VERSION, "update", f"{deployed or 'no version'} is deployed, and this is {ours}")


def _unread_row(name: str, unread: Unread | None) -> Row:
    if unread is None:
        return Row(f"unread in {name}", "ok", "Google has no figures yet")
    if unread.oldest_s <= LONGEST_UNREAD_S:
        return Row(f"unread in {name}", "ok", _waiting(unread))
    return Row(f"unread in {name}", "unread", f"{_waiting(unread)}: is it read by anything?")


def _rejected_row(name: str, unread: Unread | None) -> Row:
    if unread is None or not unread.messages:
        return Row(f"unread in {name}", "ok", "Google has no figures yet" if unread is None else _waiting(unread))
    return Row(f"unread in {name}", "rejected", f"{_waiting(unread)}: their attribute reason says why")


def _waiting(unread: Unread) -> str:
    if not unread.messages:
        return "no messages"
    count = f"{unread.messages} message{'' if unread.messages == 1 else 's'}"
    return f"{count}, the oldest {_duration(unread.oldest_s)} old"


def _duration(seconds: int) -> str:
    for length, unit in ((DAY_S, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def on_one_screen(rows: Sequence[Row], spec: Spec) -> list[Row]:
    """Put what is in order into one row, but for version, function, secret, connectors and what is unread."""
    resources = (Function(spec).title, SignatureSecret(spec).title)
    always = (VERSION, *resources, "connector in ", "deliveries from ", "unread in ")
    shown = [row for row in rows if row.state != "ok" or row.what.startswith(always)]
    rest = len(rows) - len(shown)
    return [*shown, *([Row("everything else", "ok", f"{rest} more as they should be")] if rest else [])]


def _delivery_row(project: str, status: str, counted: Metrics | None) -> Row:
    if counted is None:
        state = UNKNOWN if status == "ACTIVE" else status
        return Row(f"deliveries from {project}", state, "DT did not tell what became of them")
    delivered, failed = (_count(counted.get(key)) for key in ("successCount", "errorCount"))
    told = f"last 3 h: {delivered} delivered, {failed} not, p99 {counted.get('latency99p', '-')}"
    return Row(f"deliveries from {project}", "failing" if failed and status == "ACTIVE" else status, told)


def _count(told: object) -> int:
    """Read a number that DT may write as text, or leave out if it is 0."""
    return int(str(told)) if str(told).isdecimal() else 0


def _age(version: Mapping[str, Any] | None, now: float) -> str:
    if version is None or not version.get("createTime"):
        return ""
    days = int((now - datetime.fromisoformat(version["createTime"]).timestamp()) // DAY_S)
    return f", {days} {'day' if days == 1 else 'days'} old"
