"""The Data Connector in one DT project: compares DT's connectors with the spec, and returns steps. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from deploy.errors import DeployError
from deploy.program import PROGRAM
from deploy.spec import Spec
from deploy.steps import Change, ConnectorCall, DeviceRemoval, ResourceId, Step, create, delete, keep, update

SecretOwner = Literal["ours", "another", "none", "unknown"]
"""The owner of a connector's secret; ``unknown`` if DT does not show it, or if our own secret is not known."""

MAX_PER_PROJECT = 10
"""Data Connectors that DT allows in a project."""

PAUSED = "USER_DISABLED"
"""The status of a connector that a user paused; DT itself sets ``SYSTEM_DISABLED`` after five days of failures."""


MADE_PAUSED = "new"
"""The place of a connector's id in the memory of a pause, for one that ``up`` makes while the deployment is paused: it
has no id yet when the pause is remembered."""


@dataclass(frozen=True, slots=True)
class Connector:
    """An existing Data Connector. ``signs_with``: the owner of its secret; the secret itself is not kept."""

    id: str
    display_name: str = ""
    type: str = "HTTP_PUSH"
    status: str = "ACTIVE"
    url: str = ""
    event_types: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    signs_with: SecretOwner = "none"


def connector_id(project: str) -> ResourceId:
    """Return the id of this deployment's connector in a DT project. Other connectors there are parts of it."""
    return ResourceId("connector in", project)


def name_in_memory(project: str, connector: str) -> str:
    """Return the name by which the memory of a deployment knows a connector of this id: ``PROJECT/CONNECTOR``."""
    return f"{project}/{connector}"


def paused_at(since: Mapping[str, str], project: str, connector: str) -> str:
    """Return when ``pause`` paused a connector; empty if it did not.

    ``since``: what the memory has. A connector that ``up`` made during a pause is remembered by its project alone.
    """
    return since.get(name_in_memory(project, connector), "") or since.get(name_in_memory(project, MADE_PAUSED), "")


def plan_connector(
    spec: Spec,
    project: str,
    found: Sequence[Connector],
    url: str,
    *,
    new_secret: bool = False,
    paused_since: Mapping[str, str] | None = None,
) -> tuple[Step, ...]:
    """Return the steps that create or update this deployment's connector in one project, and delete a second one.

    ``new_secret``: an earlier step of the plan creates a new secret, which the connector then needs. ``paused_since``:
    the times at which ``pause`` paused connectors, by ``PROJECT/CONNECTOR``.
    """
    own = owned_by(spec, found, url)
    others = _left_alone(spec, project, found, url, own)
    remembered = paused_since or {}
    if not own:
        return (_created(spec, project, paused_at(remembered, project, MADE_PAUSED)), *others)
    kept, *surplus = own
    twice = "a second one for the same function: every event would arrive twice"
    removed = (_remove(project, second, twice) for second in surplus)
    since = paused_at(remembered, project, kept.id)
    return (_updated(spec, project, kept, url, new_secret=new_secret, since=since), *removed, *others)


def remove_connector(
    spec: Spec, project: str, found: Sequence[Connector], url: str, *, foreign_url: str = ""
) -> tuple[Step, ...]:
    """Return the steps that delete this deployment's connectors in one project.

    ``foreign_url``: the URL of a function of this name that is not this deployment's; connectors to it stay.
    """
    posts_there = [connector for connector in found if foreign_url and _points_at(connector.url, spec, foreign_url)]
    rest = [connector for connector in found if connector not in posts_there]
    own = [
        connector
        for connector in owned_by(spec, rest, url)
        if is_proven(spec, connector) or connector.signs_with == "unknown"
    ]
    why = f"posts to a function that does not have the label {spec.mark}: left alone, as the function is"
    others = (
        *(_keep_part(project, connector, why) for connector in posts_there),
        *_left_alone(spec, project, rest, url, own),
    )
    if not own:
        return (keep(connector_id(project), "is not there"), *others)
    removed = (_remove(project, connector, f"{connector.id} is this deployment's") for connector in own)
    return (*removed, *others)


def check_room(spec: Spec, project: str, found: Sequence[Connector], url: str) -> None:
    """Check that DT allows one more connector, if this deployment has none in this project yet.

    If a project has more than ten connectors, DT has given it another limit, which is unknown.

    Raises:
        DeployError: the project has as many connectors as DT allows.

    """
    if len(found) != MAX_PER_PROJECT or owned_by(spec, found, url):
        return
    what = f"has {len(found)} Data Connectors, and DT allows {MAX_PER_PROJECT}: there is no room for this deployment's"
    fix = "delete one in DT Studio, API Integrations > Data Connectors, then run this again"
    raise DeployError(what, where=f"DT project {project}", fix=[fix])


def remove_devices(project: str, left: Sequence[str]) -> tuple[Step, ...]:
    """Return the steps that delete the emulated devices that proofs left."""
    reason = "left by a proof that was interrupted"
    return tuple(
        delete(ResourceId("emulated device", device), reason, DeviceRemoval(project, device)) for device in left
    )


def owned_by(spec: Spec, found: Sequence[Connector], url: str) -> tuple[Connector, ...]:
    """Return this deployment's connectors: a plan keeps the first one, and deletes the others.

    A connector is ours if it has our name or our secret, and points at our function or did so before. If there is no
    such connector, ours is one that points elsewhere, but has our secret or the default name, which contains project
    and deployment. Without any of these, ours is the oldest connector that points at our function. A second connector
    is ours only if it has our name, and DT does not show that it has another secret. DT's ids grow with time.
    """
    pushing = sorted(_pushing(found), key=lambda connector: connector.id)
    pointing_here = [connector for connector in pushing if _is_or_was_here(connector, spec, url)]
    proven = [connector for connector in pointing_here if is_proven(spec, connector)]
    elsewhere = [
        connector for connector in pushing if _has_default_name(connector, spec) or connector.signs_with == "ours"
    ]
    candidates = sorted(proven or elsewhere, key=lambda connector: _doubt(connector, spec))
    if not candidates:
        return tuple(pointing_here[:1])
    kept, *others = candidates
    second = (other for other in others if _has_our_name(other, spec) and other.signs_with in {"ours", "unknown"})
    return (kept, *second)


def may_reach(connector: Connector, spec: Spec, url: str) -> bool:
    """Return whether a connector sends to the function, by any address that this may have."""
    return connector.type == "HTTP_PUSH" and (
        _points_at(connector.url, spec, url) or _has_a_number(connector.url, spec)
    )


def names_suffice(spec: Spec, found: Sequence[Connector], url: str) -> bool:
    """Return whether the names alone show which of these connectors are this deployment's."""
    pointing_here = [connector for connector in _pushing(found) if _is_or_was_here(connector, spec, url)]
    return not found or (
        bool(owned_by(spec, found, url)) and all(_has_our_name(connector, spec) for connector in pointing_here)
    )


def is_proven(spec: Spec, connector: Connector) -> bool:
    """Return whether its name or its secret proves that a connector is this deployment's."""
    return _has_our_name(connector, spec) or connector.signs_with == "ours"


def _pushing(found: Sequence[Connector]) -> list[Connector]:
    """Return the connectors that send HTTP requests."""
    return [connector for connector in found if connector.type == "HTTP_PUSH"]


def _doubt(connector: Connector, spec: Spec) -> int:
    """Return 0 for a connector with our secret and name, 1 for only our secret, 2 for only our name, 3 for neither."""
    return (connector.signs_with != "ours") * 2 + (not _has_our_name(connector, spec))


def _has_default_name(connector: Connector, spec: Spec) -> bool:
    return connector.display_name == spec.default_connector_name


def _has_our_name(connector: Connector, spec: Spec) -> bool:
    """Return whether a connector has the default name or the name in the spec. Other deployments may use the latter."""
    return connector.display_name in {spec.default_connector_name, spec.connector_name}


def _is_or_was_here(connector: Connector, spec: Spec, url: str) -> bool:
    was_here = _has_default_name(connector, spec) and _is_a_function(connector.url, spec)
    return _points_at(connector.url, spec, url) or was_here


def _left_alone(
    spec: Spec, project: str, found: Sequence[Connector], url: str, own: Sequence[Connector]
) -> tuple[Step, ...]:
    """Return a step for each connector that resembles this deployment's, without proof that it is."""
    return tuple(
        _keep_part(project, connector, why)
        for connector in _pushing(found)
        if connector not in own and (why := _resemblance(connector, spec, url))
    )


def _remove(project: str, connector: Connector, why: str) -> Step:
    return delete(connector_id(project), why, ConnectorCall("DELETE", project, connector.id))


def _keep_part(project: str, connector: Connector, why: str) -> Step:
    return keep(connector_id(project).part_named(connector.id), f"{connector.display_name!r} {why}")


def _resemblance(connector: Connector, spec: Spec, url: str) -> str:
    """Return how a connector resembles this deployment's; an empty text if it does not."""
    if _points_at(connector.url, spec, url):
        return "points at this function, too, but may not be this deployment's: left alone, so events may arrive twice"
    if _may_be_ours(connector, spec, url):
        return (
            "points at a function of this name, and its owner can no longer be determined: left alone. If it is this "
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
    """Return whether requests to a connector's URL reach this function, which answers on each path below its URL."""
    by_region = f"https://{spec.region}-{spec.google_project}.cloudfunctions.net/{spec.name}"
    host, path = _address(connector_url)
    return any(
        host == known_host and f"{path}/".startswith(f"{known_path}/")
        for known_host, known_path in (_address(known) for known in (url, by_region) if known)
    )


def _has_a_number(connector_url: str, spec: Spec) -> bool:
    """Return whether a URL has the form that Cloud Run gives each service in addition to its ``uri``.

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
    """Return host and path of a URL in a normal form; two empty texts if it is not a URL.

    The host is in lower case and without port 443, the path has no slash at its end, and a query is left out.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.netloc.lower().removesuffix(":443"), parts.path.rstrip("/")


def _created(spec: Spec, project: str, since: str) -> Step:
    """Return the step that creates the connector. ``since``: when the deployment was paused; empty if it is not."""
    fields = _fields_of_new(spec) | ({"status": PAUSED} if since else {})
    why = f"not there; paused like the others, which are since {since}" if since else "not there"
    call = ConnectorCall("POST", project, fields=fields, sends_url=True, sends_secret=True)
    return create(connector_id(project), why, call)


def _fields_of_new(spec: Spec) -> dict[str, Any]:
    return {
        "displayName": spec.connector_name or spec.default_connector_name,
        "type": "HTTP_PUSH",
        "status": "ACTIVE",
        "events": list(spec.event_types or ()),
        "labels": list(labels_wanted(spec) or ()),
    }


def labels_wanted(spec: Spec) -> tuple[str, ...] | None:
    """Return the device labels that DT sends: those of the spec, else those of ``LABEL_ATTRIBUTES``."""
    if spec.connector_labels is not None or "LABEL_ATTRIBUTES" not in spec.settings:
        return spec.connector_labels
    return tuple(dict.fromkeys(key.strip() for key in spec.settings["LABEL_ATTRIBUTES"].split(",") if key.strip()))


def paused_words(found: Connector, since: str) -> str:
    """Return what a paused connector waits for. ``since``: when ``pause`` paused it; empty if that did not."""
    state = f"{found.id} is paused ({PAUSED})"
    if since:
        return f"{state} since {since}, and stays so: DT sends nothing until `{PROGRAM} resume`"
    by_hand = f"DT sends nothing until it is enabled in DT Studio, or by `{PROGRAM} resume --all`"
    return f"{state}, and stays so: {by_hand}"


def _kept_reason(spec: Spec, found: Connector, since: str) -> str:
    state = paused_words(found, since) if found.status == PAUSED else f"{found.id} is ACTIVE"
    lists = (("events", found.event_types, spec.event_types), ("labels", found.labels, labels_wanted(spec)))
    by_hand = [f"{name} {', '.join(there)}" for name, there, wanted in lists if there and wanted is None]
    left = f"; left alone: {'; '.join(by_hand)}" if by_hand else ""
    unseen = f"; DT does not show its secret, so it cannot be compared; {PROGRAM} verify checks it"
    return f"{state}{left}{unseen if found.signs_with == 'unknown' else ''}"


_LOST = "; DT switched it off after five days of failed deliveries, and does not send the events of that time later"


@dataclass(frozen=True, slots=True)
class _Difference:
    """A change of a connector, and the fields that a PATCH sends for it.

    ``is_pushed``: the change is of the URL or the secret, which are always sent together.
    """

    change: Change
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_pushed: bool = False


def _updated(spec: Spec, project: str, found: Connector, url: str, *, new_secret: bool, since: str) -> Step:
    """Return the step that updates a connector, or keeps it if nothing differs."""
    differences = [*_pushed(found, url, new_secret=new_secret), *_fields(spec, found)]
    if not differences:
        return keep(connector_id(project), _kept_reason(spec, found, since))
    fields = {name: value for difference in differences for name, value in difference.fields.items()}
    is_pushed = any(difference.is_pushed for difference in differences)
    call = ConnectorCall("PATCH", project, found.id, fields, sends_url=is_pushed, sends_secret=is_pushed)
    step = update(connector_id(project), tuple(difference.change for difference in differences), call)
    return replace(step, reason=f"{step.reason}{_LOST}") if "status" in fields else step


def _pushed(found: Connector, url: str, *, new_secret: bool) -> list[_Difference]:
    changes = []
    if not url or found.url.rstrip("/") != url.rstrip("/"):
        changes.append(Change("url", found.url, url or "<the function's URL>"))
    if found.signs_with in {"another", "none"} or (new_secret and found.signs_with == "unknown"):
        changes.append(Change("secret", found.signs_with, "ours"))
    return [_Difference(change, is_pushed=True) for change in changes]


def _fields(spec: Spec, found: Connector) -> list[_Difference]:
    fields: list[tuple[str, Any, Any]] = []
    if found.status not in {"ACTIVE", PAUSED}:
        fields.append(("status", found.status, "ACTIVE"))
    if spec.connector_name is not None and found.display_name != spec.connector_name:
        fields.append(("displayName", found.display_name, spec.connector_name))
    lists = (("events", found.event_types, spec.event_types), ("labels", found.labels, labels_wanted(spec)))
    for name, there, wanted in lists:
        if wanted is not None and sorted(there) != sorted(wanted):
            fields.append((name, list(there), list(wanted)))
    return [_Difference(Change(name, old, new), {name: new}) for name, old, new in fields]
