"""All resources of Google's side, in the order in which they are created.

A new resource is a class with an entry here. Everything else is derived from the entries: the enabled APIs, a
deployer's permissions, and what is read, planned, applied and removed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.resources.alert_policies import AlertPolicies
from deploy.resources.bigquery.dataset import Dataset
from deploy.resources.bigquery.event_table import EventTable
from deploy.resources.bigquery.stored_data import StoredData
from deploy.resources.bigquery.subscription import BigQuerySubscription, bigquery_subscription, left_of_bigquery
from deploy.resources.bigquery.table_role import TableRole
from deploy.resources.bigquery.views import Views
from deploy.resources.billing import Billing
from deploy.resources.dashboard import Dashboard
from deploy.resources.dead_letter import (
    agents,
    dead_letter_subscriptions,
    dead_letter_topics,
    dead_letters,
    roles_after,
    roles_before,
)
from deploy.resources.elsewhere import Elsewhere
from deploy.resources.first_contact import AbandonedContactSecrets, AbandonedRecorders
from deploy.resources.function import Function
from deploy.resources.further_subscription import FurtherSubscription, further_subscriptions
from deploy.resources.iam_binding import IamBinding, publisher_on, secret_accessor
from deploy.resources.invocation import Invocation
from deploy.resources.kinds import ALL_KINDS
from deploy.resources.log_exclusion import LogExclusion
from deploy.resources.log_metrics import LogMetrics
from deploy.resources.memory import Memory
from deploy.resources.notification_channels import NotificationChannels
from deploy.resources.pubsub import Subscription, TemporarySubscriptions, Topic
from deploy.resources.resource import CommandGroup, Resource
from deploy.resources.runtime_account import RuntimeAccount
from deploy.resources.service_agent import AgentBinding, ServiceAgent
from deploy.resources.services import Services
from deploy.resources.signature_secret import SignatureSecret
from deploy.resources.unlisted import Kind, Unlisted
from deploy.spec import RETENTION_DEFAULTS, Spec


@dataclass(frozen=True, slots=True)
class Entry:
    """One class of resources. ``of`` returns those of a deployment, from its spec and its memory."""

    kind: type[Resource]
    of: Callable[[Spec, Memory], Sequence[Resource]]


def _topics(spec: Spec, _: Memory) -> list[Resource]:
    own = [Topic(spec, spec.topic), Topic(spec, spec.rejected_topic)]
    return [*own, *dead_letter_topics(spec, dead_letters(spec))]


def _subscriptions(spec: Spec, _: Memory) -> list[Resource]:
    return [
        Subscription(spec, spec.topic, spec.retention, RETENTION_DEFAULTS["events"]),
        Subscription(spec, spec.rejected_topic, spec.rejected_retention, RETENTION_DEFAULTS["rejected"]),
        *dead_letter_subscriptions(spec, dead_letters(spec)),
    ]


def _bindings(spec: Spec, _: Memory) -> list[Resource]:
    return [publisher_on(spec, spec.topic), publisher_on(spec, spec.rejected_topic), secret_accessor(spec)]


def _if_on(kind: Callable[[Spec], Resource]) -> Callable[[Spec, Memory], Sequence[Resource]]:
    """Return what makes a resource of deployments that store their events in BigQuery."""
    return lambda spec, _: [kind(spec)] if spec.bigquery.is_on else []


WAREHOUSE: tuple[Entry, ...] = (
    Entry(Dataset, _if_on(Dataset)),
    Entry(EventTable, _if_on(EventTable)),
    Entry(TableRole, _if_on(TableRole)),
    Entry(Views, _if_on(Views)),
    Entry(BigQuerySubscription, _if_on(bigquery_subscription)),
)
"""The resources of BigQuery. They come before the connectors, so that the first event is stored, too."""

MADE: tuple[Entry, ...] = (
    Entry(Services, lambda spec, _: [Services(spec, services_of(spec))]),
    Entry(RuntimeAccount, lambda spec, _: [RuntimeAccount(spec)]),
    Entry(Topic, _topics),
    Entry(Subscription, _subscriptions),
    Entry(ServiceAgent, lambda spec, _: agents(spec, dead_letters(spec))),
    Entry(AgentBinding, lambda spec, _: roles_before(spec, dead_letters(spec))),
    Entry(FurtherSubscription, lambda spec, _: further_subscriptions(spec)),
    *WAREHOUSE,
    Entry(AgentBinding, lambda spec, _: roles_after(spec, dead_letters(spec))),
    Entry(SignatureSecret, lambda spec, memory: [SignatureSecret(spec, memory.dt_projects)]),
    Entry(IamBinding, _bindings),
    Entry(LogExclusion, lambda spec, _: [LogExclusion(spec)] if spec.cost.request_logs else []),
    Entry(Function, lambda spec, memory: [Function(spec, memory.deployed)]),
    Entry(Invocation, lambda spec, _: [Invocation(spec)]),
    Entry(Billing, lambda spec, _: [Billing(spec)] if spec.cost.billing else []),
)
"""The resources that ``up`` creates; a resource comes after its parent.

The account comes long before the bindings, because it takes Google some time to make a new account known everywhere."""

ALERTS: tuple[Entry, ...] = (
    Entry(NotificationChannels, lambda spec, _: [NotificationChannels(spec)]),
    Entry(LogMetrics, lambda spec, _: [LogMetrics(spec)]),
    Entry(Dashboard, lambda spec, _: [Dashboard(spec)]),
    Entry(AlertPolicies, lambda spec, _: [AlertPolicies(spec)]),
)
"""The resources that ``up`` creates last of all, if there are alerts. A removal always looks for them."""

LEFT: tuple[Entry, ...] = (
    Entry(Elsewhere, lambda spec, _: [Elsewhere(spec)]),
    Entry(Unlisted, lambda spec, _: [unlisted_of(spec, "subscription")]),
)
"""Resources that earlier runs may have left. A plan reads them, too."""

ABANDONED: tuple[Entry, ...] = (
    Entry(Unlisted, lambda spec, _: [unlisted_of(spec, "topic")]),
    Entry(TemporarySubscriptions, lambda spec, _: [TemporarySubscriptions(spec)]),
    Entry(AbandonedContactSecrets, lambda spec, _: [AbandonedContactSecrets(spec)]),
    Entry(AbandonedRecorders, lambda spec, _: [AbandonedRecorders(spec)]),
)
"""Resources that killed proofs and killed runs of ``verify --report`` may have left. Only a removal reads them."""

DATA: tuple[Entry, ...] = (Entry(StoredData, lambda spec, _: [StoredData(spec)]),)
"""What only a removal looks at, and leaves unless it is told to delete it."""

_OF_PREFLIGHT = (
    "cloudfunctions.locations.list",
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
)
_OF_VERIFY = ("logging.logEntries.list", "pubsub.subscriptions.consume")
_OF_STATUS = ("monitoring.timeSeries.list",)

IN_OWN_DATASET = frozenset(
    {
        *(f"bigquery.datasets.{verb}" for verb in ("delete", "get", "update")),
        *("bigquery.models.list", "bigquery.routines.list"),
        *(f"bigquery.tables.{verb}" for verb in ("create", "delete", "get", "getData", "getIamPolicy", "list")),
        *(f"bigquery.tables.{verb}" for verb in ("setIamPolicy", "update")),
    }
)
"""Permissions that the maker of a dataset has in it, also without having them in the project.

https://cloud.google.com/bigquery/docs/access-control-basic-roles"""

_NOTHING = Memory()


def resources(spec: Spec, memory: Memory = _NOTHING) -> tuple[Resource, ...]:
    """Return the resources that ``up`` creates, in this order.

    ``memory``: the memory of the deployment, for the plans of the secret and of the function.
    """
    return _all(MADE, spec, memory)


def of_alerts(spec: Spec) -> tuple[Resource, ...]:
    """Return the resources of alerts, which ``up`` creates after everything else, or removes in reverse order."""
    if not spec.alerts.are_planned:
        return ()
    alerts = _all(ALERTS, spec, _NOTHING)
    return alerts if spec.alerts.are_on else alerts[::-1]


def retired(spec: Spec) -> tuple[Subscription, ...]:
    """Return the subscriptions that a plan removes because the events are stored in BigQuery no longer."""
    return tuple(left_of_bigquery(spec)) if spec.bigquery.is_removed else ()


def watched(spec: Spec) -> tuple[Resource, ...]:
    """Return the resources that a plan reads: those that ``up`` creates, and those that earlier runs may have left."""
    return (*_all((*MADE, *LEFT), spec, _NOTHING), *retired(spec), *of_alerts(spec))


def subscriptions_of(spec: Spec) -> tuple[Subscription, ...]:
    """Return the subscriptions of a deployment: the main one, the rejected one, and all others of its settings."""
    return tuple(resource for resource in resources(spec) if isinstance(resource, Subscription))


def unlisted_of(spec: Spec, kind: Kind) -> Unlisted:
    """Return what finds the subscriptions, or the topics, of this deployment that its settings do not name."""
    named = {resource.id for resource in (*resources(spec), *retired(spec))}
    return Unlisted(spec, kind, frozenset(id_.name for id_ in named if id_.kind == kind))


def removable(spec: Spec) -> tuple[Resource, ...]:
    """Return the resources without a parent, in the order of creation; the others are deleted with their parents."""
    everything = _all((*DATA, *MADE, *LEFT, *ABANDONED, *ALERTS), spec, _NOTHING)
    by_id = {resource.id: resource for resource in (*everything, LogExclusion(spec))}
    return (*(resource for resource in by_id.values() if resource.parent is None), *retired(spec))


def command_groups() -> tuple[CommandGroup, ...]:
    """Return the gcloud command groups that the resources need."""
    return tuple(dict.fromkeys(group for kind in _kinds() for group in kind.groups))


def service_of_group() -> dict[str, str]:
    """Return the API of each gcloud command group that a resource needs, by the first word of the group."""
    return {group.words[0]: group.service for group in command_groups()}


def services(*, alerts: bool = False, bigquery: bool = False, exclusion: bool = False) -> tuple[str, ...]:
    """Return the APIs that a deployment needs, with or without alerts, BigQuery, and an exclusion of log entries."""
    entries = (*(ALERTS if alerts else ()), *(WAREHOUSE if bigquery else ()))
    by_rest = {service for entry in entries for service in entry.kind.services}
    by_rest |= {*LogExclusion.services} if exclusion else set()
    return tuple(sorted({*service_of_group().values(), *by_rest}))


def services_of(spec: Spec) -> tuple[str, ...]:
    """Return the APIs that this deployment needs."""
    exclusion = spec.cost.request_logs is not None
    return services(alerts=spec.alerts.are_on, bigquery=spec.bigquery.is_on, exclusion=exclusion)


def deployer_permissions(*, alerts: bool = True, spec: Spec | None = None) -> tuple[str, ...]:
    """Return the permissions that a deployer needs on the Google project. docs/deployer.md lists them.

    ``spec``: only those for the resources that this deployment has; without it those for all.
    https://cloud.google.com/iam/docs/permissions-reference
    """
    entries = [entry for entry in _entries() if spec is None or entry.of(spec, _NOTHING)]
    entries += DATA if spec is None or spec.bigquery.is_on else ()
    kinds = [*(entry.kind for entry in entries), *(entry.kind for entry in ALERTS if alerts)]
    of_resources = {permission for kind in kinds for permission in kind.permissions}
    of_listed = {kind.permission for kind in ALL_KINDS if alerts or not kind.is_optional} - {""}
    return tuple(sorted(of_resources | {*_OF_PREFLIGHT, *_OF_VERIFY, *_OF_STATUS} | of_listed))


def _all(entries: Sequence[Entry], spec: Spec, memory: Memory) -> tuple[Resource, ...]:
    return tuple(resource for entry in entries for resource in entry.of(spec, memory))


def _entries() -> tuple[Entry, ...]:
    return (*MADE, *LEFT, *ABANDONED)


def _kinds() -> list[type[Resource]]:
    return [entry.kind for entry in _entries()]
