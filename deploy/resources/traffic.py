"""The revisions of the function's Cloud Run service, and which of them answers: the steps of a rollback and back. Pure.

A deployment makes a revision, and leaves the traffic as it is. Traffic that names a revision stays there:
https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration, and, for functions,
https://cloud.google.com/functions/docs/configuring/traffic-splitting.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.errors import DeployError
from deploy.program import UP
from deploy.resources.invokers import run_service
from deploy.resources.resource import Facts
from deploy.spec import VERSION_LABEL, Spec
from deploy.steps import Argv, Change, GcloudCall, ResourceId, Step, keep, update

NEWEST = "the newest revision"


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of the service. ``made_at``: a time of Google's. ``fault``: why it cannot answer DT; else empty."""

    name: str
    made_at: str
    version: str = ""
    fault: str = ""

    def __str__(self) -> str:
        """Return its name, its version if Google shows it, and the time at which it was made."""
        version = f"version {self.version}, " if self.version else ""
        return f"{self.name} ({version}made {self.made_at[:16].replace('T', ' ')} UTC)"


def list_revisions(spec: Spec) -> Argv:
    """Return the command that lists the revisions of the function's service."""
    return ("run", "revisions", "list", f"--service={spec.name}", f"--region={spec.region}", spec.project_flag)


def pinned_to(service: Facts | None) -> str:
    """Return the revision to which all requests are pinned; empty if they follow the newest revision, or are split."""
    shares = _shares(service)
    return "" if len(shares) != 1 or NEWEST in shares else next(iter(shares))


def newest_ready(service: Facts | None) -> str:
    """Return the name of the newest revision that has started; empty if Google does not say."""
    return str(((service or {}).get("status") or {}).get("latestReadyRevisionName", ""))


def back_to_newest(spec: Spec, function: ResourceId, service: Facts | None) -> tuple[Step, ...]:
    """Return the step that ends a rollback; no step if no revision is pinned. A split of the requests is left alone."""
    pinned = pinned_to(service)
    if not pinned:
        return ()
    reason = f"rolled back: revision {pinned} answers all requests; this step sends them to the newest one"
    if pinned == newest_ready(service):
        reason = f"all requests are pinned to revision {pinned}, so that a later deployment would get none"
    call = GcloudCall(run_service(spec, "update-traffic", "--to-latest"))
    return (update(function.part_named("traffic"), (Change("traffic", pinned, NEWEST),), call, reason),)


def plan_rollback(spec: Spec, function: ResourceId, service: Facts, listed: Sequence[Facts], wanted: str) -> Step:
    """Return the step that sends all requests to an earlier revision; a step that keeps them if that was done before.

    ``wanted``: the name of that revision; empty for the last one before the present one that can answer DT.

    Raises:
        DeployError: there is no such revision.

    """
    traffic, answering = function.part_named("traffic"), _answering(service)
    found = _revisions(spec, listed)
    if not wanted and (done := _done_before(service)):
        return keep(traffic, done)
    chosen = _named(found, wanted, service) if wanted else _last_good(found, answering)
    if chosen.name == pinned_to(service):
        return keep(traffic, f"revision {chosen} answers all requests already")
    call = GcloudCall(run_service(spec, "update-traffic", f"--to-revisions={chosen.name}=100"))
    reason = f"{answering} -> {chosen}; it reads the newest version of the secret"
    split = split_words(service)
    ends = f"; this ends the split of the requests that was made by hand: {split}" if split else ""
    return update(traffic, (Change("traffic", split or answering, chosen.name),), call, f"{reason}{ends}")


def split_words(service: Facts | None) -> str:
    """Return how the requests are split between revisions: ``A 90 %, B 10 %``; empty if one revision gets all."""
    shares = _shares(service)
    return ", ".join(f"{name} {percent} %" for name, percent in shares.items()) if len(shares) > 1 else ""


def _done_before(service: Facts) -> str:
    """Return why there is nothing to roll back without a name: a rollback, or a failed start, was before; else ""."""
    pinned, ready = pinned_to(service), newest_ready(service)
    if pinned and pinned != ready:
        return f"is rolled back already: revision {pinned} answers all requests; --rollback=REVISION goes further back"
    created = str((service.get("status") or {}).get("latestCreatedRevisionName", ready))
    if created != ready:
        return f"the newest deployment did not start, so revision {ready} still answers; --rollback=REVISION goes back"
    return ""


def _answering(service: Facts) -> str:
    """Return the name of the newest revision that gets requests."""
    shares = _shares(service)
    return newest_ready(service) if NEWEST in shares or not shares else max(shares)


def _last_good(found: Sequence[Revision], answering: str) -> Revision:
    """Return the newest revision before the present one that can answer DT."""
    names = [revision.name for revision in found]
    earlier = found[names.index(answering) + 1 :] if answering in names else ()
    if good := next((revision for revision in earlier if not revision.fault), None):
        return good
    faults = "".join(f"\n  {revision.name} {revision.fault}" for revision in earlier)
    what = f"there is no revision before {answering or 'the newest'} that could answer{':' if faults else ''}{faults}"
    raise DeployError(what, where="rollback", fix=[f"check out the version that worked, then {UP}"])


def _named(found: Sequence[Revision], wanted: str, service: Facts) -> Revision:
    chosen = next((revision for revision in found if revision.name == wanted), None)
    newest = newest_ready(service)
    others = [f"{UP} --rollback={other.name}" for other in found if not other.fault and other.name != newest]
    if chosen is None:
        raise DeployError("there is no such revision", where=f"revision {wanted}", fix=others)
    if chosen.fault:
        raise DeployError(chosen.fault, where=f"revision {wanted}", fix=others)
    if wanted == newest:
        raise DeployError("is the newest: up sends the requests to it", where=f"revision {wanted}", fix=[UP])
    return chosen


def _revisions(spec: Spec, listed: Sequence[Facts]) -> list[Revision]:
    """Return the revisions, the newest first."""
    found = [_revision(spec, item) for item in listed]
    return sorted(found, key=lambda revision: (revision.made_at, revision.name), reverse=True)


def _revision(spec: Spec, listed: Facts) -> Revision:
    metadata = listed.get("metadata", {})
    version = str((metadata.get("labels") or {}).get(VERSION_LABEL, "")).replace("-", ".")
    made_at = str(metadata.get("creationTimestamp", ""))
    return Revision(str(metadata.get("name", "")), made_at, version, _fault(spec, listed))


def _fault(spec: Spec, listed: Facts) -> str:
    """Return why a revision cannot answer DT: it did not start, has another secret, or publishes elsewhere."""
    conditions = (listed.get("status") or {}).get("conditions") or []
    if not any(part.get("type") == "Ready" and part.get("status") == "True" for part in conditions):
        return "did not start"
    described = listed.get("spec") or {}
    version = _mounted_version(spec, described)
    if version != "latest":
        return f"reads version {version} of the secret, not the newest" if version else "does not read the secret"
    container = (described.get("containers") or [{}])[0]
    variables = {part.get("name"): part.get("value") for part in container.get("env") or []}
    topics = [
        name for name in ("PUBSUB_TOPIC", "PUBSUB_REJECTED_TOPIC") if variables.get(name) != spec.environment[name]
    ]
    return f"publishes elsewhere: {topics[0]} is {variables.get(topics[0])}" if topics else ""


def _mounted_version(spec: Spec, described: Facts) -> str:
    """Return the version of the secret that a revision mounts; empty if it mounts none.

    A mounted ``latest`` is read anew by every instance, so that an old revision, too, gets the present secret:
    https://cloud.google.com/run/docs/configuring/services/secrets.
    """
    items = [
        item for volume in described.get("volumes") or [] for item in (volume.get("secret") or {}).get("items") or []
    ]
    return next((str(item.get("key", "")) for item in items if item.get("path") == spec.secret), "")


def _shares(service: Facts | None) -> Counter[str]:
    """Return the percent of the requests of each revision that gets any; ``NEWEST`` stands for the newest revision."""
    shares = Counter[str]()
    for part in ((service or {}).get("spec") or {}).get("traffic") or ():
        if percent := part.get("percent"):
            is_newest = part.get("latestRevision") or not part.get("revisionName")
            shares[NEWEST if is_newest else str(part["revisionName"])] += percent
    return shares
