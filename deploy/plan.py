"""The difference between what should be and what is, as steps. Pure: it touches nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deploy.errors import DeployError, NotOurs
from deploy.resources.accounts import RuntimeAccount, may_publish, may_read_secret
from deploy.resources.connector import Connector, plan_connector, remove_connector, remove_devices
from deploy.resources.function import Function, function_url
from deploy.resources.invocation import Invocation
from deploy.resources.pubsub import Leftovers, Subscription, Topic
from deploy.resources.resource import Facts, Resource
from deploy.resources.services import Services
from deploy.resources.signature_secret import SignatureSecret
from deploy.secret import Secret
from deploy.spec import RETENTION_DEFAULTS, Spec
from deploy.steps import GcloudCall, Step


@dataclass(frozen=True, slots=True)
class Observed:
    """What is: the facts of each of Google's resources by its title, the connectors of each DT project, the secrets.

    ``devices``: where all is to be removed, those that proofs left in each DT project.
    """

    facts: Mapping[str, Facts]
    connectors: Mapping[str, Sequence[Connector]] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    devices: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def url(self, spec: Spec) -> str:
        """Give the function's URL, or nothing while there is none."""
        return function_url(self.facts.get(Function(spec).title, {}))


def resources(spec: Spec) -> tuple[Resource, ...]:
    """Give Google's side in the order in which it is made: an account well before what it is granted, as it lags."""
    return (
        Services(spec),
        RuntimeAccount(spec),
        Topic(spec, spec.topic),
        Topic(spec, spec.rejected_topic),
        Subscription(spec, spec.topic, spec.retention, RETENTION_DEFAULTS["events"]),
        Subscription(spec, spec.rejected_topic, spec.rejected_retention, RETENTION_DEFAULTS["rejected"]),
        SignatureSecret(spec),
        may_publish(spec, spec.topic),
        may_publish(spec, spec.rejected_topic),
        may_read_secret(spec),
        Function(spec),
        Invocation(spec),
    )


def removable(spec: Spec) -> tuple[Resource, ...]:
    """Give what has to be removed by itself, in the order in which it was made; the rest goes with it."""
    return (*(resource for resource in resources(spec) if not resource.upon), Leftovers(spec))


def plan(spec: Spec, observed: Observed) -> tuple[Step, ...]:
    """Give every step to the desired state, in order.

    Raises:
        NotOurs: with everything that is there and not ours to change.

    """
    steps: list[Step] = []
    failures: list[DeployError] = []
    for resource in resources(spec):
        try:
            steps += resource.plan(observed.facts[resource.title])
        except DeployError as error:
            failures.append(error)
    if failures:
        raise NotOurs(failures)
    steps = _reopened(spec, steps)
    new_secret = any(isinstance(step.call, GcloudCall) and step.call.feeds_secret for step in steps)
    for project in spec.dt_projects:
        found, url = observed.connectors[project], observed.url(spec)
        steps += plan_connector(spec, project, found, url, new_secret=new_secret)
    return tuple(steps)


def plan_removal(spec: Spec, observed: Observed) -> tuple[Step, ...]:
    """Give every step that removes what this deployment made: DT stops sending first, then Google's side in reverse."""
    steps: list[Step] = []
    for project in spec.dt_projects:
        steps += remove_connector(spec, project, observed.connectors[project], observed.url(spec))
        steps += remove_devices(project, observed.devices.get(project, ()))
    for resource in reversed(removable(spec)):
        steps += resource.removal(observed.facts.get(resource.title, {}))
    return tuple(steps)


def _reopened(spec: Spec, steps: list[Step]) -> list[Step]:
    """Switch the invoker check off again behind each deployment: one might switch it on."""
    deployed = any(step.resource == Function(spec).title and step.action == "update" for step in steps)
    if spec.invocation != "unchecked" or not deployed:
        return steps
    (reopening,) = Invocation(spec).plan({})
    call = reopening.call if isinstance(reopening.call, GcloudCall) else None
    again = Step("update", reopening.resource, "again, as the deployment before may switch the check on", (), call)
    return [again if step.resource == reopening.resource else step for step in steps]
