"""The Data Connector in one DT project. Pure: what DT's API says goes in, steps come out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from deploy.errors import DeployError
from deploy.spec import Spec
from deploy.steps import Change, DtCall, Step, create, delete, keep, update

Held = Literal["ours", "another", "none", "unknown"]
"""Whose secret a connector has; ``unknown`` where DT does not show it, or where there is none to compare it with."""

MOST_PER_PROJECT = 10
"""Data Connectors that DT allows in a project."""

PAUSED = "USER_DISABLED"
"""The status of a connector that somebody paused; ``SYSTEM_DISABLED`` is DT's own doing after five days of failures."""


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
    others = _left_alone(spec, project, found, url, own)
    if not own:
        call = DtCall("POST", project, fields=_fields_at_first(spec), puts_url=True, puts_secret=True)
        return (create(title, "not there", call), *others)
    kept, *surplus = own
    changes = _changes(spec, kept, url, new_secret=new_secret)
    first = update(title, changes, _patch(project, kept, changes)) if changes else keep(title, _as_it_is(spec, kept))
    twice = "a second one for the same function: every event would arrive twice"
    return (first, *(delete(title, twice, DtCall("DELETE", project, each.id)) for each in surplus), *others)


def remove_connector(
    spec: Spec, project: str, found: Sequence[Connector], url: str, *, foreign_url: str = ""
) -> tuple[Step, ...]:
    """Remove this deployment's connectors from one project.

    ``foreign_url``: the URL of a function of this name that is not this deployment's: what posts there stays.
    """
    title = f"connector in {project}"
    posts_there = [connector for connector in found if foreign_url and _points_at(connector.url, spec, foreign_url)]
    rest = [connector for connector in found if connector not in posts_there]
    own = [each for each in owned(spec, rest, url) if is_proven(spec, each) or each.signs_with == "unknown"]
    why = f"posts to a function that is not marked {spec.mark}: left alone, as the function is"
    others = (
        *(keep(f"{title}, {connector.id}", f"{connector.display_name!r} {why}") for connector in posts_there),
        *_left_alone(spec, project, rest, url, own),
    )
    if not own:
        return (keep(title, "is not there"), *others)
    removed = (delete(title, f"{each.id} is this deployment's", DtCall("DELETE", project, each.id)) for each in own)
    return (*removed, *others)


def check_room(spec: Spec, project: str, found: Sequence[Connector], url: str) -> None:
    """Check that DT will take a connector more, if this deployment has none in this project yet.

    A project that has more than DT allows shows that DT has given it a limit of its own, which DT alone knows.

    Raises:
        DeployError: the project has as many as DT allows.

    """
    if len(found) != MOST_PER_PROJECT or owned(spec, found, url):
        return
    what = f"has {len(found)} Data Connectors, and DT allows {MOST_PER_PROJECT}: there is no room for this deployment's"
    mend = "delete one in DT Studio, API Integrations > Data Connectors, then run this again"
    raise DeployError(what, where=f"DT project {project}", mend=[mend])


def remove_devices(project: str, left: Sequence[str]) -> tuple[Step, ...]:
    """Remove the devices that were emulated for proofs."""
    reason = "left by a proof that was interrupted"
    return tuple(delete(f"emulated device {each}", reason, DtCall("DELETE", project, device=each)) for each in left)


def owned(spec: Spec, found: Sequence[Connector], url: str) -> tuple[Connector, ...]:
    """Return the connectors that are this deployment's: the first one stays, any others are one too many.

    One is ours if it points at our function, or once did, and bears our name or holds our secret. Where there is none,
    it is one that was pointed elsewhere: by the default name, which holds project and deployment, or with our secret.
    Where there is none either, it is the oldest that points at our function. A further one is ours to delete only if
    its name says so and its secret, as far as DT shows it, does not say otherwise. DT's ids grow with time.
    """
    pushing = sorted((each for each in found if each.type == "HTTP_PUSH"), key=lambda connector: connector.id)
    here = [each for each in pushing if _is_or_was_here(each, spec, url)]
    proven = [each for each in here if _bears_our_name(each, spec) or each.signs_with == "ours"]
    elsewhere = [each for each in pushing if _bears_default_name(each, spec) or each.signs_with == "ours"]
    candidates = sorted(proven or elsewhere, key=lambda connector: _doubt(connector, spec))
    if not candidates:
        return tuple(here[:1])
    kept, *more = candidates
    return (kept, *(each for each in more if _bears_our_name(each, spec) and each.signs_with in {"ours", "unknown"}))


def name_tells(spec: Spec, found: Sequence[Connector], url: str) -> bool:
    """Whether names alone tell which of these connectors are this deployment's, so that no secret need be compared."""
    here = [each for each in found if each.type == "HTTP_PUSH" and _is_or_was_here(each, spec, url)]
    return not found or (bool(owned(spec, found, url)) and all(_bears_our_name(each, spec) for each in here))


def is_proven(spec: Spec, connector: Connector) -> bool:
    """Whether a connector's name or its secret proves that it is this deployment's."""
    return _bears_our_name(connector, spec) or connector.signs_with == "ours"


def _doubt(connector: Connector, spec: Spec) -> int:
    """Order connectors from the one that is the most certainly ours: by secret and name, by secret, by name."""
    return (connector.signs_with != "ours") * 2 + (not _bears_our_name(connector, spec))


def _bears_default_name(connector: Connector, spec: Spec) -> bool:
    return connector.display_name == spec.default_connector_name


def _bears_our_name(connector: Connector, spec: Spec) -> bool:
    """Whether the display name is the default one, or the one asked for, which other deployments may share."""
    return connector.display_name in {spec.default_connector_name, spec.connector_name}


def _is_or_was_here(connector: Connector, spec: Spec, url: str) -> bool:
    was_here = _bears_default_name(connector, spec) and _is_a_function(connector.url, spec)
    return _points_at(connector.url, spec, url) or was_here


def _left_alone(
    spec: Spec, project: str, found: Sequence[Connector], url: str, own: Sequence[Connector]
) -> tuple[Step, ...]:
    """Show each connector that looks like this deployment's and is not certainly so."""
    beside = [each for each in found if each.type == "HTTP_PUSH" and each not in own]
    return tuple(
        keep(f"connector in {project}, {each.id}", f"{each.display_name!r} {why}")
        for each in beside
        if (why := _resemblance(each, spec, url))
    )


def _resemblance(connector: Connector, spec: Spec, url: str) -> str:
    """Return in which way a connector looks like this deployment's; an empty text if it does not."""
    if _points_at(connector.url, spec, url):
        return (
            "points at this function, too, and may be somebody else's: left alone, although its events may arrive twice"
        )
    if _may_be_ours(connector, spec, url):
        return (
            "points at a function of this name, and nothing is left that tells whose it is: left alone. If it is this "
            "deployment's, delete it in DT Studio"
        )
    if _has_a_number(connector.url, spec):
        return (
            "points at an address with a project's number: if that is this project's, it is the function's other "
            "address, and events arrive twice. It is left alone"
        )
    return ""


def _may_be_ours(connector: Connector, spec: Spec, url: str) -> bool:
    return not url and connector.signs_with == "unknown" and _is_a_function(connector.url, spec)


def _points_at(connector_url: str, spec: Spec, url: str) -> bool:
    """Whether requests to a connector's URL reach this function, which answers below its own URL on every path."""
    by_region = f"https://{spec.region}-{spec.google_project}.cloudfunctions.net/{spec.name}"
    host, path = _address(connector_url)
    return any(
        host == known_host and f"{path}/".startswith(f"{known_path}/")
        for known_host, known_path in (_address(known) for known in (url, by_region) if known)
    )


def _has_a_number(connector_url: str, spec: Spec) -> bool:
    """Whether a URL is of the form that Cloud Run gives each service besides its ``uri``.

    https://cloud.google.com/run/docs/triggering/https-request#deterministic
    """
    host, _ = _address(connector_url)
    return re.fullmatch(rf"{re.escape(spec.name)}-\d+\.{re.escape(spec.region)}\.run\.app", host) is not None


def _is_a_function(connector_url: str, spec: Spec) -> bool:
    host, path = _address(connector_url)
    on_run = host.endswith(".run.app") and re.match(rf"{re.escape(spec.name)}-[a-z0-9-]+\.", host)
    on_functions = host.endswith(".cloudfunctions.net") and path == f"/{spec.name}"
    return bool(on_run or on_functions)


def _address(url: str) -> tuple[str, str]:
    """Return host and path of a URL, as far as they decide where a request goes; two empty texts if it is not one.

    A host counts without its case and HTTPS's own port, a path without slashes at its end, a query not at all.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.netloc.lower().removesuffix(":443"), parts.path.rstrip("/")


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


def _as_it_is(spec: Spec, found: Connector) -> str:
    state = f"{found.id} is ACTIVE"
    if found.status == PAUSED:
        state = f"{found.id} is paused ({PAUSED}), and stays so: DT sends nothing until it is enabled in DT Studio"
    lists = (("events", found.event_types, spec.event_types), ("labels", found.labels, labels_wanted(spec)))
    by_hand = [f"{name} {', '.join(there)}" for name, there, wanted in lists if there and wanted is None]
    left = f"; left alone: {'; '.join(by_hand)}" if by_hand else ""
    unseen = "; DT does not show its secret, so it cannot be compared; python -m deploy verify proves it"
    return f"{state}{left}{unseen if found.signs_with == 'unknown' else ''}"


def _changes(spec: Spec, found: Connector, url: str, *, new_secret: bool) -> tuple[Change, ...]:
    changes = []
    if not url or found.url.rstrip("/") != url.rstrip("/"):
        changes.append(Change("url", found.url, url or "<the function's URL>"))
    if found.signs_with in {"another", "none"} or (new_secret and found.signs_with == "unknown"):
        changes.append(Change("secret", found.signs_with, "ours"))
    if found.status not in {"ACTIVE", PAUSED}:
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
