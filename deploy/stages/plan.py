"""The steps from the observed state to the desired one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deploy.errors import DeployError, NotOwned
from deploy.resources.billing import Billing
from deploy.resources.catalog import of_alerts, removable, resources, retired, unlisted_of
from deploy.resources.connector import PAUSED, connector_id, plan_connector, remove_connector, remove_devices
from deploy.resources.elsewhere import Elsewhere
from deploy.resources.first_contact import remove_contact_connectors
from deploy.resources.function import Function
from deploy.resources.invocation import Invocation
from deploy.resources.memory import Memory, deployed_upload
from deploy.resources.pausing import since_with_new
from deploy.resources.pubsub import OURS, Topic
from deploy.resources.resource import Facts, Resource
from deploy.resources.rotation import rotation_in
from deploy.resources.signature_secret import SignatureSecret
from deploy.spec import Spec
from deploy.stages.observed import Observed
from deploy.steps import GcloudCall, OldSecretRemoval, Step, delete, keep


def plan(spec: Spec, observed: Observed, now: float | None = None) -> tuple[Step, ...]:
    """Return all steps to the desired state, in order. ``now``: unix seconds; None: keep an old secret at any time.

    Raises:
        NotOwned: resources with this deployment's names exist and are not its own, or are unusable.

    """
    steps: list[Step] = []
    failures: list[DeployError] = []
    spec = observed.with_billing(replace(spec, project_number=observed.project_number))
    unnamed, memory = observed.unnamed(spec), observed.memory(spec)
    for resource in resources(spec, Memory(unnamed, memory.deployed)):
        try:
            steps += resource.plan(_facts_for_plan(spec, observed, resource))
        except DeployError as error:
            failures.append(error)
    for resource in retired(spec):
        steps += resource.removal(observed.of(resource))
    alerts: list[Step] = []
    for resource in of_alerts(spec):
        try:
            alerts += resource.plan(observed.of(resource))
        except DeployError as error:
            failures.append(error)
    if failures:
        raise NotOwned(failures)
    since = _since_with_new(spec, observed)
    steps = _remembered(spec, _noting_paused(spec, _rebilled(spec, _reopened(spec, steps)), observed, since), observed)
    new_secret = any(isinstance(step.call, GcloudCall) and step.call.secret_on_stdin for step in steps)
    for project in spec.dt_projects:
        found, url = observed.connectors[project], observed.url(spec)
        steps += plan_connector(spec, project, found, url, new_secret=new_secret, paused_since=since)
    steps += (_left(spec, observed, project) for project in unnamed)
    left = unlisted_of(spec, "subscription")
    steps += left.plan(observed.of(left))
    return (*steps, *_elsewhere(spec, observed, unnamed), *alerts, *_rotating(spec, observed, now))


def plan_removal(spec: Spec, observed: Observed) -> tuple[Step, ...]:
    """Return the steps that remove this deployment: first the connectors, then Google's side in reverse order."""
    steps: list[Step] = []
    for project in (*spec.dt_projects, *observed.unnamed(spec)):
        if project in observed.closed:
            steps.append(keep(connector_id(project), _closed(observed.closed[project])))
            continue
        found, url = observed.connectors[project], observed.url(spec)
        steps += remove_connector(spec, project, found, url, foreign_url=observed.foreign_url(spec))
        steps += remove_contact_connectors(spec, project, found)
        steps += remove_devices(project, observed.devices.get(project, ()))
    for resource in reversed(removable(spec)):
        steps += resource.removal(_facts_for_removal(spec, observed, resource))
    return tuple(steps)


def _facts_for_plan(spec: Spec, observed: Observed, resource: Resource) -> Facts:
    """Return the facts of a resource. Remembered billing is not read by itself: the function's facts show it, too."""
    if isinstance(resource, Billing) and resource.id not in observed.facts:
        return {Billing.key: observed.of(Function(spec)).get("service")}
    return observed.facts[resource.id]


def _facts_for_removal(spec: Spec, observed: Observed, resource: Resource) -> Facts:
    """Return the facts of a resource; those of a topic with all subscriptions that are deleted, too."""
    facts = observed.of(resource)
    if not isinstance(resource, Topic):
        return facts
    left = unlisted_of(spec, "subscription")
    return {**facts, OURS: left.labelled(observed.of(left))}


def _rotating(spec: Spec, observed: Observed, now: float | None) -> tuple[Step, ...]:
    """Return the step that removes the old secret if its time has come, or that shows a rotation in progress."""
    secret = SignatureSecret(spec)
    found = secret.found(observed.of(secret)) or {}
    rotation = rotation_in(found.get("annotations"))
    if rotation is None or rotation.phase == "done":
        return ()
    if now is not None and rotation.is_due(now):
        return (delete(secret.id.part_named("the old secret"), rotation.sentence(now), OldSecretRemoval()),)
    return (keep(secret.id.part_named("a rotation"), rotation.sentence(now or 0)),)


def _closed(answer: str) -> str:
    return f"DT does not show the project ({answer}); a connector left in it posts to a function that is gone"


def _left(spec: Spec, observed: Observed, project: str) -> Step:
    """Return a step that shows the connectors left in a project that is no longer named.

    They stay, because another deploy.toml of this deployment may still name the project.
    """
    if project in observed.closed:
        why = f"no longer named, and DT does not show the project ({observed.closed[project]})"
        return keep(connector_id(project), f"a connector may be left: {why}")
    found = observed.owned_in(project, spec)
    ids = ", ".join(connector.id for connector in found)
    state = "is paused" if all(connector.status == PAUSED for connector in found) else "still posts"
    why = f"is left, and {state}: the project is no longer named; name it, or delete the connector in DT Studio"
    return keep(connector_id(project), f"{ids} {why}")


def _elsewhere(spec: Spec, observed: Observed, unnamed: Sequence[str]) -> tuple[Step, ...]:
    """Delete the functions in other regions, unless connectors in ``unnamed`` projects may still post to them."""
    elsewhere = Elsewhere(spec)
    facts = observed.of(elsewhere)
    if not unnamed:
        return elsewhere.removal(facts)
    why = f"is left, as connectors in {', '.join(unnamed)} may post to it"
    return tuple(keep(elsewhere.id.part_named(region), why) for region in elsewhere.regions(facts))


def _remembered(spec: Spec, steps: list[Step], observed: Observed) -> list[Step]:
    """Add the step that remembers the deployed upload, after each deployment and if it is not remembered yet."""
    function = Function(spec)
    place = next(place for place, step in enumerate(steps) if step.id == function.id)
    found, before = function.found(observed.of(function)), observed.memory(spec).deployed
    upload = deployed_upload(found or {})
    if steps[place].action == "keep" and (upload == before or not upload):
        return steps
    known = upload if steps[place].action == "keep" else ""
    secret = SignatureSecret(spec, observed.unnamed(spec))
    note = secret.remember(observed.of(secret), known, before)
    return [*steps[: place + 1], note, *steps[place + 1 :]]


def _since_with_new(spec: Spec, observed: Observed) -> Mapping[str, str]:
    """Return the remembered pauses, with those of connectors that are made while the deployment is paused."""
    owned = {project: observed.owned_in(project, spec) for project in observed.connectors}
    since = observed.memory(spec).paused_since
    return since_with_new(owned, since, spec.dt_projects) or since


def _noting_paused(spec: Spec, steps: list[Step], observed: Observed, since: Mapping[str, str]) -> list[Step]:
    """Add the step that remembers new paused connectors after those of the secret, and so before they are made."""
    secret = SignatureSecret(spec, observed.unnamed(spec))
    if since == observed.memory(spec).paused_since:
        return steps
    place = max(place for place, step in enumerate(steps) if step.id.whole == secret.id) + 1
    return [*steps[:place], secret.remember_made_paused(observed.of(secret), since), *steps[place:]]


def _rebilled(spec: Spec, steps: list[Step]) -> list[Step]:
    """Move the step that bills by request before the deployment: Google refuses less than one processor until then."""
    place = next((place for place, step in enumerate(steps) if step.id == Billing(spec).id), None)
    if place is None or spec.cost.billing != "request" or steps[place].action == "keep":
        return steps
    deployed = next(place for place, step in enumerate(steps) if step.id == Function(spec).id)
    others = [*steps[:place], *steps[place + 1 :]]
    return [*others[:deployed], steps[place], *others[deployed:]]


def _reopened(spec: Spec, steps: list[Step]) -> list[Step]:
    """Disable the invoker check again after each deployment, because a deployment may enable it."""
    is_deployed = any(step.id == Function(spec).id and step.action == "update" for step in steps)
    if spec.invocation != "unchecked" or not is_deployed:
        return steps
    (reopening,) = Invocation(spec).plan({})
    call = reopening.call if isinstance(reopening.call, GcloudCall) else None
    again = Step("update", reopening.id, "again, as the deployment before may switch the check on", (), call)
    return [again if step.id == reopening.id else step for step in steps]
