"""All resources of Google's side, in the order in which they are made, and what follows from them for a deployment.

A new resource is a class with an entry here. The rest is derived: which APIs are enabled, which permissions a deployer
needs, what is read, planned, applied and removed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.resources.elsewhere import Elsewhere
from deploy.resources.function import Function
from deploy.resources.iam_binding import IamBinding, publisher_on, secret_accessor
from deploy.resources.invocation import Invocation
from deploy.resources.memory import Memory
from deploy.resources.pubsub import AbandonedProofSubscriptions, Subscription, Topic
from deploy.resources.resource import CommandGroup, Resource
from deploy.resources.runtime_account import RuntimeAccount
from deploy.resources.services import Services
from deploy.resources.signature_secret import SignatureSecret
from deploy.spec import RETENTION_DEFAULTS, Spec


@dataclass(frozen=True, slots=True)
class Entry:
    """One class of resources, and how those of a deployment are made from its spec and its memory."""

    kind: type[Resource]
    of: Callable[[Spec, Memory], Sequence[Resource]]


def _subscriptions(spec: Spec, _: Memory) -> list[Resource]:
    return [
        Subscription(spec, spec.topic, spec.retention, RETENTION_DEFAULTS["events"]),
        Subscription(spec, spec.rejected_topic, spec.rejected_retention, RETENTION_DEFAULTS["rejected"]),
    ]


def _bindings(spec: Spec, _: Memory) -> list[Resource]:
    return [publisher_on(spec, spec.topic), publisher_on(spec, spec.rejected_topic), secret_accessor(spec)]


MADE: tuple[Entry, ...] = (
    Entry(Services, lambda spec, _: [Services(spec, services())]),
    Entry(RuntimeAccount, lambda spec, _: [RuntimeAccount(spec)]),
    Entry(Topic, lambda spec, _: [Topic(spec, spec.topic), Topic(spec, spec.rejected_topic)]),
    Entry(Subscription, _subscriptions),
    Entry(SignatureSecret, lambda spec, memory: [SignatureSecret(spec, memory.dt_projects)]),
    Entry(IamBinding, _bindings),
    Entry(Function, lambda spec, memory: [Function(spec, memory.deployed)]),
    Entry(Invocation, lambda spec, _: [Invocation(spec)]),
)
"""What ``up`` makes. The account comes long before the bindings, because a new account is not known everywhere at once.

A resource comes after its parent."""

LEFT: tuple[Entry, ...] = (Entry(Elsewhere, lambda spec, _: [Elsewhere(spec)]),)
"""What earlier runs may have left. A plan reads it, too."""

ABANDONED: tuple[Entry, ...] = (
    Entry(AbandonedProofSubscriptions, lambda spec, _: [AbandonedProofSubscriptions(spec)]),
)
"""What killed proofs may have left. Only a removal reads it."""

_OF_PREFLIGHT = (
    "cloudfunctions.locations.list",
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
)
_OF_VERIFY = ("logging.logEntries.list", "pubsub.subscriptions.consume")
_OF_STATUS = ("monitoring.timeSeries.list",)

_NOTHING = Memory()


def resources(spec: Spec, memory: Memory = _NOTHING) -> tuple[Resource, ...]:
    """Return what ``up`` makes, in this order.

    ``memory``: what the deployment remembers, which the plans of the secret and of the function need.
    """
    return _all(MADE, spec, memory)


def watched(spec: Spec) -> tuple[Resource, ...]:
    """Return all that a plan reads: what is made, and what earlier runs may have left."""
    return _all((*MADE, *LEFT), spec, _NOTHING)


def removable(spec: Spec) -> tuple[Resource, ...]:
    """Return what has to be removed by itself, in the order in which it was made; the rest is deleted with it."""
    everything = _all((*MADE, *LEFT, *ABANDONED), spec, _NOTHING)
    return tuple(resource for resource in everything if resource.parent is None)


def command_groups() -> tuple[CommandGroup, ...]:
    """Return gcloud's command groups that the resources need."""
    return tuple(dict.fromkeys(group for kind in _kinds() for group in kind.groups))


def service_of_group() -> dict[str, str]:
    """Return the API of each of gcloud's command groups that a resource needs, by the group's first word."""
    return {group.words[0]: group.service for group in command_groups()}


def services() -> tuple[str, ...]:
    """Return the APIs that a deployment needs."""
    return tuple(sorted(set(service_of_group().values())))


def deployer_permissions() -> tuple[str, ...]:
    """Return the permissions that a deployer needs on the Google project, and no more; docs/deployer.md lists them.

    https://cloud.google.com/iam/docs/permissions-reference
    """
    of_resources = {permission for kind in _kinds() for permission in kind.permissions}
    return tuple(sorted(of_resources | {*_OF_PREFLIGHT, *_OF_VERIFY, *_OF_STATUS}))


def _all(entries: Sequence[Entry], spec: Spec, memory: Memory) -> tuple[Resource, ...]:
    return tuple(resource for entry in entries for resource in entry.of(spec, memory))


def _kinds() -> list[type[Resource]]:
    return [entry.kind for entry in (*MADE, *LEFT, *ABANDONED)]
