"""The difference between what should be and what is, as steps. Pure: it touches nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deploy.errors import DeployError, NotOurs
from deploy.resources.accounts import RuntimeAccount, may_publish, may_read_secret
from deploy.resources.connector import Connector, owned, plan_connector, remove_connector, remove_devices
from deploy.resources.elsewhere import Elsewhere
from deploy.resources.function import Function, function_url
from deploy.resources.invocation import Invocation
from deploy.resources.memory import Memory, deployed_upload, read_memory
from deploy.resources.pubsub import Leftovers, Subscription, Topic
from deploy.resources.resource import Facts, Resource
from deploy.resources.services import Services
from deploy.resources.signature_secret import SignatureSecret
from deploy.secret import Secret
from deploy.spec import RETENTION_DEFAULTS, Spec
from deploy.steps import GcloudCall, Step, keep


@dataclass(frozen=True, slots=True)
class Observed:
    """What is: the facts of each of Google's resources by its title, the connectors of each DT project, the secrets.

    ``devices``: where all is to be removed, those that proofs left in each DT project. ``closed``: what DT said of
    projects that it does not show, which are only those that are no longer named, or all where all is to be removed.
    """

    facts: Mapping[str, Facts]
    connectors: Mapping[str, Sequence[Connector]] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    devices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)

    def url(self, spec: Spec) -> str:
        """Return the URL of this deployment's function; an empty text while there is none."""
        return "" if self._is_foreign(spec) else self._url(spec)

    def foreign_url(self, spec: Spec) -> str:
        """Return the URL of a function of the same name that is not this deployment's; an empty text without one."""
        return self._url(spec) if self._is_foreign(spec) else ""

    def _is_foreign(self, spec: Spec) -> bool:
        function = Function(spec)
        return function.not_ours(self.facts.get(function.title, {})) is not None

    def _url(self, spec: Spec) -> str:
        return function_url(self.facts.get(Function(spec).title, {}))

    def memory(self, spec: Spec) -> Memory:
        """Return what the deployment remembers."""
        return read_memory(spec, self.facts.get(SignatureSecret(spec).title, {}))

    def unnamed(self, spec: Spec) -> tuple[str, ...]:
        """Return the DT projects that are remembered and no longer named, and in which something may be left."""
        others = [project for project in self.memory(spec).dt_projects if project not in spec.dt_projects]
        found, url = self.connectors, self.url(spec)
        return tuple(each for each in others if each in self.closed or owned(spec, found.get(each, ()), url))


def resources(spec: Spec, memory: Memory = Memory()) -> tuple[Resource, ...]:  # noqa: B008  # it is frozen
    """Give Google's side in the order in which it is made: an account well before what it is granted, as it lags.

    ``memory``: what the deployment remembers, which plans of the secret and the function go by.
    """
    return (
        Services(spec),
        RuntimeAccount(spec),
        Topic(spec, spec.topic),
        Topic(spec, spec.rejected_topic),
        Subscription(spec, spec.topic, spec.retention, RETENTION_DEFAULTS["events"]),
        Subscription(spec, spec.rejected_topic, spec.rejected_retention, RETENTION_DEFAULTS["rejected"]),
        SignatureSecret(spec, memory.dt_projects),
        may_publish(spec, spec.topic),
        may_publish(spec, spec.rejected_topic),
        may_read_secret(spec),
        Function(spec, memory.deployed),
        Invocation(spec),
    )


def watched(spec: Spec) -> tuple[Resource, ...]:
    """Return all that a plan looks at: what is made, and what earlier runs may have left in other regions."""
    return (*resources(spec), Elsewhere(spec))


def removable(spec: Spec) -> tuple[Resource, ...]:
    """Give what has to be removed by itself, in the order in which it was made; the rest goes with it."""
    return (*(resource for resource in watched(spec) if not resource.upon), Leftovers(spec))


def plan(spec: Spec, observed: Observed) -> tuple[Step, ...]:
    """Give every step to the desired state, in order.

    Raises:
        NotOurs: with everything that is there and not ours to change.

    """
    steps: list[Step] = []
    failures: list[DeployError] = []
    unnamed, memory = observed.unnamed(spec), observed.memory(spec)
    for resource in resources(spec, Memory(unnamed, memory.deployed)):
        try:
            steps += resource.plan(observed.facts[resource.title])
        except DeployError as error:
            failures.append(error)
    if failures:
        raise NotOurs(failures)
    steps = _remembered(spec, _reopened(spec, steps), observed)
    new_secret = any(isinstance(step.call, GcloudCall) and step.call.feeds_secret for step in steps)
    for project in spec.dt_projects:
        found, url = observed.connectors[project], observed.url(spec)
        steps += plan_connector(spec, project, found, url, new_secret=new_secret)
    steps += (_left(spec, observed, project) for project in unnamed)
    return (*steps, *_elsewhere(spec, observed, unnamed))


def plan_removal(spec: Spec, observed: Observed) -> tuple[Step, ...]:
    """Give every step that removes what this deployment made: DT stops sending first, then Google's side in reverse."""
    steps: list[Step] = []
    for project in (*spec.dt_projects, *observed.unnamed(spec)):
        if project in observed.closed:
            steps.append(keep(f"connector in {project}", _closed(observed.closed[project])))
            continue
        found, url = observed.connectors[project], observed.url(spec)
        steps += remove_connector(spec, project, found, url, foreign_url=observed.foreign_url(spec))
        steps += remove_devices(project, observed.devices.get(project, ()))
    for resource in reversed(removable(spec)):
        steps += resource.removal(observed.facts.get(resource.title, {}))
    return tuple(steps)


def _closed(said: str) -> str:
    return f"DT does not show the project ({said}); a connector left in it posts to a function that is gone"


def _left(spec: Spec, observed: Observed, project: str) -> Step:
    """Say what is left in a DT project that is no longer named; it may be another operator who names it."""
    title = f"connector in {project}"
    if project in observed.closed:
        why = f"no longer named, and DT does not show the project ({observed.closed[project]})"
        return keep(title, f"may be left: {why}")
    ids = ", ".join(found.id for found in owned(spec, observed.connectors[project], observed.url(spec)))
    return keep(title, f"{ids} is left, and posts on: no longer named; name the project, or delete it in DT Studio")


def _elsewhere(spec: Spec, observed: Observed, unnamed: Sequence[str]) -> tuple[Step, ...]:
    """Delete the functions in other regions once the connectors point here; one may need them as long as it is left."""
    elsewhere = Elsewhere(spec)
    facts = observed.facts.get(elsewhere.title, {})
    if not unnamed:
        return elsewhere.removal(facts)
    why = f"is left, as connectors in {', '.join(unnamed)} may post to it"
    return tuple(keep(f"{elsewhere.title}, {region}", why) for region in elsewhere.regions(facts))


def _remembered(spec: Spec, steps: list[Step], observed: Observed) -> list[Step]:
    """Remember which upload is deployed, behind each deployment, and where it is not remembered."""
    function = Function(spec).title
    place = next(place for place, step in enumerate(steps) if step.resource == function)
    found, before = observed.facts[function]["function"], observed.memory(spec).deployed
    upload = deployed_upload(found or {})
    if steps[place].action == "keep" and (upload == before or not upload):
        return steps
    known = upload if steps[place].action == "keep" else ""
    secret = SignatureSecret(spec, observed.unnamed(spec))
    note = secret.remember(observed.facts[secret.title], known, before)
    return [*steps[: place + 1], note, *steps[place + 1 :]]


def _reopened(spec: Spec, steps: list[Step]) -> list[Step]:
    """Switch the invoker check off again behind each deployment: one might switch it on."""
    deployed = any(step.resource == Function(spec).title and step.action == "update" for step in steps)
    if spec.invocation != "unchecked" or not deployed:
        return steps
    (reopening,) = Invocation(spec).plan({})
    call = reopening.call if isinstance(reopening.call, GcloudCall) else None
    again = Step("update", reopening.resource, "again, as the deployment before may switch the check on", (), call)
    return [again if step.resource == reopening.resource else step for step in steps]
