"""The rows of ``status``: the function, the secret's age, connectors, deliveries, and problems. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deploy.errors import DeployError, NotOwned
from deploy.google.backlog import Unread
from deploy.report import Row
from deploy.resources.by_hand import closing
from deploy.resources.connector import connector_id, owned_by
from deploy.resources.function import Function, version_of
from deploy.resources.signature_secret import SignatureSecret, newest_version
from deploy.resources.traffic import newest_ready, pinned_to
from deploy.spec import Spec
from deploy.stages.observed import Observed
from deploy.steps import ResourceId, Step

DAY_S = 86400

MAX_UNREAD_S = 3600
"""A message that is unread for more seconds is a problem: its subscriber has stopped, or does not exist."""

HEALTHY = frozenset({"ok", "ACTIVE"})
UNKNOWN = "unknown"
VERSION = ResourceId("version")

Metrics = Mapping[str, Any]
"""DT's delivery counts of one connector in the last three hours."""


def all_rows(
    spec: Spec, steps: Sequence[Step], observed: Observed, counted: Mapping[str, Metrics | None], now: float
) -> list[Row]:
    """Return rows for the version, the steps of a plan, settings that block DT's requests, and the connectors.

    ``counted``: by connector id; None if DT did not return the counts.
    """
    secret = SignatureSecret(spec)
    age = {secret.id: _age(newest_version(observed.of(secret)), now)}
    return [
        _version_row(spec, observed),
        *(
            _row(step.id, "ok" if step.action == "keep" else step.action, f"{step.reason}{age.get(step.id, '')}")
            for step in steps
        ),
        *_closed_rows(spec, observed),
        *(
            _delivery_row(project, connector.status, counted.get(connector.id, {}))
            for project, found in observed.connectors.items()
            for connector in owned_by(spec, found, observed.url(spec))
        ),
    ]


def broken_rows(broken: NotOwned) -> list[Row]:
    """Return a row for each resource of this deployment that can only be deleted and made again."""
    return [Row(failure.where, "broken", failure.what) for failure in broken.failures]


def _closed_rows(spec: Spec, observed: Observed) -> list[Row]:
    """Return a row if a setting that was made elsewhere blocks DT's requests. A plan leaves such a setting alone."""
    function = Function(spec)
    service = observed.of(function).get("service")
    found = closing(service) if service else []
    how = "undo it on the Cloud Run service of the function's name"
    return [Row(f"requests to {function.title}", "closed", f"{'; '.join(found)}; {how}")] if found else []


def deployed_version(spec: Spec, observed: Observed) -> str | None:
    """Return the version of the deployed function; None if there is no function, or if it has no version."""
    return version_of(observed.of(Function(spec)).get("function") or {})


def unread_rows(spec: Spec, unread: Mapping[str, Unread]) -> list[Row]:
    """Return a row with the unread messages of each subscription. ``unread``: by subscription id."""
    return [
        _unread_row(spec.topic, unread.get(spec.topic)),
        _rejected_row(spec.rejected_topic, unread.get(spec.rejected_topic)),
    ]


def unreadable_rows(spec: Spec, error: DeployError) -> list[Row]:
    """Return the rows of both subscriptions if the numbers of unread messages could not be read."""
    what = f"could not be read: {error.where} {error.what}"
    return [_row(_unread_in(name), UNKNOWN, what) for name in (spec.topic, spec.rejected_topic)]


def health(rows: Sequence[Row]) -> bool | None:
    """Return False if a row shows a problem; None if the state of a row is unknown; else True."""
    states = {row.state for row in rows} - HEALTHY
    return False if states - {UNKNOWN} else None if states else True


def _version_row(spec: Spec, observed: Observed) -> Row:
    ours, deployed = spec.version, deployed_version(spec, observed)
    service = observed.of(Function(spec)).get("service")
    if (pinned := pinned_to(service)) and pinned != newest_ready(service):
        what = f"{deployed or 'no version'} is deployed, but rolled back: revision {pinned} answers"
        return _row(VERSION, "rolled back", what)
    if deployed == ours:
        return _row(VERSION, "ok", ours)
    return _row(VERSION, "update", f"{deployed or 'no version'} is deployed, and this is {ours}")


def _unread_row(name: str, unread: Unread | None) -> Row:
    if unread is None:
        return _row(_unread_in(name), "ok", "Google has no numbers yet")
    if unread.oldest_s <= MAX_UNREAD_S:
        return _row(_unread_in(name), "ok", _waiting(unread))
    return _row(_unread_in(name), "unread", f"{_waiting(unread)}: does a subscriber read it?")


def _rejected_row(name: str, unread: Unread | None) -> Row:
    if unread is None or not unread.messages:
        return _row(_unread_in(name), "ok", "Google has no numbers yet" if unread is None else _waiting(unread))
    return _row(_unread_in(name), "rejected", f"{_waiting(unread)}: their attribute reason says why")


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
    """Merge the rows without a problem into one, except version, function, secret, connectors and unread messages."""
    shown = [row for row in rows if row.state != "ok" or (row.id and _is_always_shown(row.id, spec))]
    rest = len(rows) - len(shown)
    return [*shown, *([Row("everything else", "ok", f"{rest} more as they should be")] if rest else [])]


def _is_always_shown(resource: ResourceId, spec: Spec) -> bool:
    """Return whether a row is shown even without a problem. A part of a resource is shown if the resource is."""
    whole = resource.whole
    of_any_name = (connector_id, _deliveries_from, _unread_in)
    return whole in {VERSION, Function(spec).id, SignatureSecret(spec).id} or any(
        whole == id_of(whole.name) for id_of in of_any_name
    )


def _row(resource: ResourceId, state: str, detail: str) -> Row:
    return Row(str(resource), state, detail, resource)


def _deliveries_from(project: str) -> ResourceId:
    return ResourceId("deliveries from", project)


def _unread_in(subscription: str) -> ResourceId:
    return ResourceId("unread in", subscription)


def _delivery_row(project: str, status: str, counted: Metrics | None) -> Row:
    if counted is None:
        state = UNKNOWN if status == "ACTIVE" else status
        return _row(_deliveries_from(project), state, "DT did not return the numbers of deliveries")
    delivered, failed = (_count(counted.get(key)) for key in ("successCount", "errorCount"))
    detail = f"last 3 h: {delivered} delivered, {failed} not, p99 {counted.get('latency99p', '-')}"
    return _row(_deliveries_from(project), "failing" if failed and status == "ACTIVE" else status, detail)


def _count(written: object) -> int:
    """Return a number that DT may write as text, or leave out if it is 0."""
    return int(str(written)) if str(written).isdecimal() else 0


def _age(version: Mapping[str, Any] | None, now: float) -> str:
    if version is None or not version.get("createTime"):
        return ""
    days = int((now - datetime.fromisoformat(version["createTime"]).timestamp()) // DAY_S)
    return f", {days} {'day' if days == 1 else 'days'} old"
