"""The Data Connector in one DT project. Pure: what DT's API says goes in, steps come out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from deploy.spec import Spec
from deploy.steps import Change, DtCall, Step, create, delete, keep, update

Held = Literal["ours", "another", "none", "unknown"]
"""Whose secret a connector has; ``unknown`` where DT does not show it."""


@dataclass(frozen=True, slots=True)
class Connector:
    """A Data Connector as it is. Of its secret only whether it is ours is known here."""

    id: str
    display_name: str = ""
    type: str = "HTTP_PUSH"
    status: str = "ACTIVE"
    url: str = ""
    event_types: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    signs_with: Held = "none"


def plan_connector(
    spec: Spec, project: str, found: Sequence[Connector], url: str, *, new_secret: bool = False
) -> tuple[Step, ...]:
    """Make the connector of this deployment in one project, or bring it up to date; one too many is removed.

    ``new_secret``: a step before this one makes another secret, which the connector then needs.
    """
    title = f"connector in {project}"
    own = owned(spec, found, url)
    if not own:
        call = DtCall("POST", project, fields=_fields_at_first(spec), puts_url=True, puts_secret=True)
        return (create(title, "not there", call),)
    kept, *surplus = own
    changes = _changes(spec, kept, url, new_secret=new_secret)
    first = update(title, changes, _patch(project, kept, changes)) if changes else keep(title, _as_it_is(kept))
    twice = "a second one for the same function: every event would arrive twice"
    return (first, *(delete(title, twice, DtCall("DELETE", project, each.id)) for each in surplus))


def remove_connector(spec: Spec, project: str, found: Sequence[Connector], url: str) -> tuple[Step, ...]:
    """Remove this deployment's connectors from one project."""
    title = f"connector in {project}"
    own = owned(spec, found, url)
    if not own:
        return (keep(title, "is not there"),)
    return tuple(delete(title, f"{each.id} is this deployment's", DtCall("DELETE", project, each.id)) for each in own)


def remove_devices(project: str, left: Sequence[str]) -> tuple[Step, ...]:
    """Remove the devices that were emulated for proofs."""
    reason = "left by a proof that was interrupted"
    return tuple(delete(f"emulated device {each}", reason, DtCall("DELETE", project, device=each)) for each in left)


def owned(spec: Spec, found: Sequence[Connector], url: str) -> tuple[Connector, ...]:
    """Give the connectors that are certainly this deployment's, the oldest first: DT's ids grow with time.

    One is ours when it points at our function, or once did and bears the default display name, which holds project
    and deployment. Where there is none, one by that name or with our secret is ours, as somebody pointed it elsewhere.
    A display name of one's own is no proof: other deployments may have the same.
    """
    pushing = sorted((each for each in found if each.type == "HTTP_PUSH"), key=lambda connector: connector.id)
    by_name = [each for each in pushing if each.display_name == spec.default_connector_name]
    certain = [
        each
        for each in pushing
        if _points_at(each.url, spec, url) or (each in by_name and _is_a_function(each.url, spec))
    ]
    return tuple(certain or [each for each in pushing if each in by_name or each.signs_with == "ours"])


def _points_at(connector_url: str, spec: Spec, url: str) -> bool:
    by_region = f"https://{spec.region}-{spec.google_project}.cloudfunctions.net/{spec.name}"
    return connector_url.rstrip("/") in {url.rstrip("/"), by_region} - {""}


def _is_a_function(connector_url: str, spec: Spec) -> bool:
    parts = urlsplit(connector_url)
    host = parts.hostname or ""
    on_run = host.endswith(".run.app") and re.match(rf"{re.escape(spec.name)}-[a-z0-9-]+\.", host)
    on_functions = host.endswith(".cloudfunctions.net") and parts.path.strip("/") == spec.name
    return bool(on_run or on_functions)


def _fields_at_first(spec: Spec) -> dict[str, Any]:
    return {
        "displayName": spec.connector_name or spec.default_connector_name,
        "type": "HTTP_PUSH",
        "status": "ACTIVE",
        "events": list(spec.event_types or ()),
        "labels": list(labels_wanted(spec) or ()),
    }


def labels_wanted(spec: Spec) -> tuple[str, ...] | None:
    """Give the device labels to be sent along: those asked for, else those that become attributes."""
    if spec.connector_labels is not None or "LABEL_ATTRIBUTES" not in spec.settings:
        return spec.connector_labels
    return tuple(dict.fromkeys(key.strip() for key in spec.settings["LABEL_ATTRIBUTES"].split(",") if key.strip()))


def _as_it_is(found: Connector) -> str:
    unseen = "; DT does not show its secret, so it cannot be compared; python -m deploy verify proves it"
    return f"{found.id} is ACTIVE{unseen if found.signs_with == 'unknown' else ''}"


def _changes(spec: Spec, found: Connector, url: str, *, new_secret: bool) -> tuple[Change, ...]:
    changes = []
    if not url or found.url.rstrip("/") != url.rstrip("/"):
        changes.append(Change("url", found.url, url or "<the function's URL>"))
    if found.signs_with in {"another", "none"} or (new_secret and found.signs_with == "unknown"):
        changes.append(Change("secret", found.signs_with, "ours"))
    if found.status != "ACTIVE":
        changes.append(Change("status", found.status, "ACTIVE"))
    if spec.connector_name is not None and found.display_name != spec.connector_name:
        changes.append(Change("displayName", found.display_name, spec.connector_name))
    lists = (("events", found.event_types, spec.event_types), ("labels", found.labels, labels_wanted(spec)))
    for name, there, wanted in lists:
        if wanted is not None and sorted(there) != sorted(wanted):
            changes.append(Change(name, list(there), list(wanted)))
    return tuple(changes)


def _patch(project: str, found: Connector, changes: Sequence[Change]) -> DtCall:
    settings: Mapping[str, Any] = {change.setting: change.new for change in changes}
    fields = {name: value for name, value in settings.items() if name not in {"url", "secret"}}
    pushes = bool({"url", "secret"} & settings.keys())
    return DtCall("PATCH", project, found.id, fields, puts_url=pushes, puts_secret=pushes)
