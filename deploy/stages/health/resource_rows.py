"""The rows of Google's side: version, function, secret, and what differs from the settings. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from deploy.errors import DeployError, NotOwned
from deploy.program import PROGRAM, UP
from deploy.resources.by_hand import closing
from deploy.resources.connector import connector_id
from deploy.resources.function import Function
from deploy.resources.services import APIS
from deploy.resources.signature_secret import SignatureSecret, newest_version, number_of
from deploy.resources.traffic import newest_ready, pinned_to
from deploy.spec import Spec
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, unreadable
from deploy.stages.health.words import counted, duration, seconds_of
from deploy.stages.observed import Observed
from deploy.steps import Action, ResourceId, Step, pending

PLAN = f"{PROGRAM} plan"

STATES: Mapping[Action, str] = {"create": "missing", "update": "differs", "delete": "left over", "keep": "ok"}
"""What is so of a resource, by what ``up`` would do about it."""


def is_deployed(readings: Readings) -> bool:
    """Return whether anything of the deployment exists; also True if that could not be read."""
    if isinstance(readings.steps, DeployError):
        return True
    there = [step for step in readings.steps if step.action != "create" and step.id != APIS and not step.id.part]
    return bool(there or readings.unlisted)


def nothing_row(spec: Spec) -> Row:
    """Return the row of a deployment that does not exist."""
    where = f"{spec.google_project}, {spec.region}, has nothing of {spec.name}, and DT has no connector to it"
    return Row("deployment", "missing", f"nothing is deployed: {where}", "unhealthy", UP, "function-missing")


def resource_rows(spec: Spec, readings: Readings) -> Iterator[Row]:
    """Return the rows of Google's side, and of every step that ``up`` would do on either side."""
    function, secret = Function(spec), SignatureSecret(spec)
    for resource, error in readings.unread.items():
        yield unreadable(str(resource), error)
    if isinstance(readings.steps, DeployError):
        yield from _unplanned(readings.steps)
    if function.id not in readings.unread and not function.not_ours(readings.observed.of(function)):
        yield _version(spec, readings.observed)
        yield _function(spec, readings)
        yield from _closed(spec, readings.observed)
    if secret.id not in readings.unread:
        yield from _secret(spec, readings)
    if not isinstance(readings.steps, DeployError):
        yield from _drift(spec, readings.steps, readings)


def _unplanned(error: DeployError) -> Iterator[Row]:
    """Return a row for each resource that prevents a plan, because it is not ours or is unusable."""
    if not isinstance(error, NotOwned):
        yield unreadable("drift", error)
        return
    for failure in error.failures:
        fix = failure.fix[0] if failure.fix else PLAN
        yield Row(failure.where, "broken", failure.what.replace("\n", ";"), "unhealthy", fix, "drift")


def _version(spec: Spec, observed: Observed) -> Row:
    ours, deployed = spec.version, observed.version(spec)
    service = observed.of(Function(spec)).get("service")
    if (pinned := pinned_to(service)) and pinned != newest_ready(service):
        what = f"{deployed or 'no version'} is deployed, but rolled back: revision {pinned} answers"
        return Row("version", "rolled back", what, "unhealthy", UP, "drift")
    if deployed == ours:
        return Row("version", "ok", ours)
    return Row(
        "version", "differs", f"{deployed or 'no version'} is deployed, and this is {ours}", "unhealthy", UP, "drift"
    )


def _function(spec: Spec, readings: Readings) -> Row:
    """Return the row of the function, with what ``up`` would change about it."""
    function, observed = Function(spec), readings.observed
    if function.found(observed.of(function)) is None:
        what = "there is no function, so that DT's requests fail"
        return Row(function.title, "missing", what, "unhealthy", UP, "function-missing")
    answering = revision_of(spec, observed)
    detail = f"{f'revision {answering} ' if answering else ''}answers at {observed.url(spec)}"
    steps = () if isinstance(readings.steps, DeployError) else readings.steps
    for step in pending(tuple(steps)):
        if step.id == function.id:
            return Row(function.title, STATES[step.action], f"{step.reason}; {detail}", "unhealthy", UP, "drift")
    return Row(function.title, "ok", f"{detail}{note_on(function.id, readings)}")


def note_on(resource: ResourceId, readings: Readings) -> str:
    """Return what a plan says about a resource that it keeps, such as settings that were made elsewhere."""
    steps = () if isinstance(readings.steps, DeployError) else readings.steps
    kept = (step.reason.partition("; ")[2] for step in steps if step.id == resource and step.action == "keep")
    note = next(kept, "")
    return f"; {note}" if note else ""


def step_of(resource: ResourceId, readings: Readings) -> Step | None:
    """Return what ``up`` would change about a resource; None if it would change nothing, or that is not known."""
    steps = () if isinstance(readings.steps, DeployError) else readings.steps
    return next((step for step in steps if step.id == resource and step.action != "keep"), None)


def revision_of(spec: Spec, observed: Observed) -> str:
    """Return the revision that answers the requests; empty if Google does not say."""
    service = observed.of(Function(spec)).get("service")
    return pinned_to(service) or newest_ready(service)


def _closed(spec: Spec, observed: Observed) -> Iterator[Row]:
    """Return a row if a setting that was made elsewhere blocks DT's requests. A plan leaves such a setting alone."""
    function = Function(spec)
    service = observed.of(function).get("service")
    if found := closing(service) if service else []:
        how = "undo it on the Cloud Run service of the function's name"
        describe = f"gcloud run services describe {spec.name} --region={spec.region} {spec.project_flag}"
        yield Row(
            f"requests to {function.title}", "closed", f"{'; '.join(found)}; {how}", "unhealthy", describe, "no-events"
        )


def _secret(spec: Spec, readings: Readings) -> Iterator[Row]:
    secret = SignatureSecret(spec)
    newest = newest_version(readings.observed.of(secret))
    if newest is None:
        return  # its step says so
    age = f", {duration(age_s)} old" if (age_s := secret_age_s(spec, readings)) is not None else ""
    live = counted(live_versions(spec, readings.observed), "version is live", "versions are live")
    yield Row(str(secret.id), "ok", f"version {number_of(newest)}{age}; {live}{note_on(secret.id, readings)}")


def secret_age_s(spec: Spec, readings: Readings) -> float | None:
    """Return the age of the newest version of the secret in seconds; None if there is none."""
    return _age_s(newest_version(readings.observed.of(SignatureSecret(spec))), readings.at)


def deployment_age_s(spec: Spec, readings: Readings) -> float:
    """Return the age of the oldest version of the secret in seconds: an ``up`` made it. 0 if there is none."""
    versions = readings.observed.of(SignatureSecret(spec)).get("versions") or []
    return _age_s(min(versions, key=number_of, default=None), readings.at) or 0.0


def live_versions(spec: Spec, observed: Observed) -> int:
    """Return the number of enabled versions of the secret."""
    versions = observed.of(SignatureSecret(spec)).get("versions") or []
    return sum(str(version.get("state", "")).upper() == "ENABLED" for version in versions)


def _age_s(version: Mapping[str, str] | None, now: float) -> float | None:
    if version is None or not version.get("createTime"):
        return None
    return now - seconds_of(version["createTime"])


def _drift(spec: Spec, steps: Sequence[Step], readings: Readings) -> Iterator[Row]:
    """Return a row for each step about something that has no row of its own.

    The rows of steps that change nothing are only for JSON; the screen counts them.
    """
    has_row = {Function(spec).id, SignatureSecret(spec).id}  # an active connector's own row has its step, too
    connectors = {
        connector_id(project): connector.status
        for project in spec.dt_projects
        for connector in readings.observed.owned_in(project, spec)
    }
    for step in steps:
        if step.action == "keep" and step.id not in has_row and step.id not in connectors:
            is_of_connector = step.id.whole == connector_id(step.id.name)  # it may send every event twice
            yield Row(step.resource, "ok", step.reason, is_key=is_of_connector)
        elif step.action == "keep" or step.id == Function(spec).id or connectors.get(step.id) == "ACTIVE":
            continue
        elif step.id not in connectors or not _is_of_status(step):
            yield Row(step.resource, STATES[step.action], step.reason, "unhealthy", UP, "drift")


def _is_of_status(step: Step) -> bool:
    """Return whether a step only makes a connector active again, which the connector's own row says."""
    return bool(step.changes) and all(change.setting == "status" for change in step.changes)
