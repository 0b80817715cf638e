"""The kinds of resources that have a deployment's mark, and the command that lists each kind in a whole project."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.resources.alert_policies import POLICY_MARK, AlertPolicies
from deploy.resources.alerting import Alerting, marks_of
from deploy.resources.bigquery.dataset import API as BIGQUERY_API
from deploy.resources.dashboard import Dashboard
from deploy.resources.function import FUNCTIONS
from deploy.resources.invokers import RUN
from deploy.resources.log_exclusion import LogExclusion
from deploy.resources.log_metrics import LogMetrics
from deploy.resources.notification_channels import NotificationChannels, address_in
from deploy.resources.pubsub import PUBSUB
from deploy.resources.resource import CommandGroup, Facts, owner_in_description
from deploy.resources.runtime_account import IAM
from deploy.resources.signature_secret import SECRETS
from deploy.spec import MARK, Spec, last_segment
from deploy.steps import Argv, Get, Query, ResourceId

_MARKED = f"--filter=labels.{MARK}:*"
"""gcloud applies this filter itself, to all labelled resources. It passes a filter of secrets on to Secret Manager,
whose documentation has no such expression, so secrets are listed without one."""


@dataclass(frozen=True, slots=True)
class ListedKind:
    """One kind of resource. ``words``: its list command without ``--project``. ``permission``: what that needs.

    ``id_of`` returns the id of a listed resource, as plans show it. ``owner_of`` returns the deployment that its mark
    names, or an empty text.
    """

    group: CommandGroup
    words: Argv
    permission: str
    id_of: Callable[[Facts], ResourceId]
    owner_of: Callable[[Facts], str]

    @property
    def is_optional(self) -> bool:
        """Whether only some deployments have such resources."""
        return False

    def query(self, spec: Spec) -> Query:
        """Return the command that lists the resources of a project."""
        return (*self.words, spec.project_flag)


@dataclass(frozen=True, slots=True)
class AlertKind:
    """One kind of resource that only deployments with alerts have. ``of`` returns the resources of one deployment."""

    of: Callable[[Spec], Alerting]
    permission: str
    part_of: Callable[[Facts], str]
    owner_of: Callable[[Facts], str]

    @property
    def is_optional(self) -> bool:
        """Whether only some deployments have such resources."""
        return True

    def id_of(self, found: Facts) -> ResourceId:
        """Return the id of a listed resource, as plans show it."""
        return self.of(Spec("", "", self.owner_of(found))).part(self.part_of(found))

    def query(self, spec: Spec) -> Query:
        """Return the request that lists the resources of a project."""
        return self.of(spec).listing


@dataclass(frozen=True, slots=True)
class DatasetKind:
    """The datasets of BigQuery, which stay after ``down``. Google lists those that the caller may see."""

    @property
    def is_optional(self) -> bool:
        """Whether only some deployments have such resources."""
        return True

    @property
    def permission(self) -> str:
        """What listing needs: no permission."""
        return ""

    def id_of(self, found: Facts) -> ResourceId:
        """Return the id of a listed dataset, as plans show it."""
        return ResourceId("dataset", str(found["datasetReference"]["datasetId"]))

    def owner_of(self, found: Facts) -> str:
        """Return the deployment that its label names."""
        return label_of(found)

    def query(self, spec: Spec) -> Query:
        """Return the request that lists the labelled datasets of a project."""
        return Get(f"{BIGQUERY_API}/projects/{spec.google_project}/datasets?filter=labels.{MARK}", "datasets")


Kind = ListedKind | AlertKind | DatasetKind
"""One kind of resource."""


def label_of(found: Facts) -> str:
    """Return the deployment that the label of a resource names; an empty text without a label."""
    return str((found.get("labels") or {}).get(MARK) or "")


def place_of(function: Facts) -> tuple[str, str]:
    """Return region and id of a listed function, from its full name."""
    region, _, name = _name_of(function).partition("/locations/")[2].partition("/functions/")
    return region, name


def region_of_service(service: Facts) -> str:
    """Return the region of a listed Cloud Run service: https://cloud.google.com/run/docs/reference/rest/v1/ObjectMeta."""
    return str((service.get("metadata", {}).get("labels") or {}).get("cloud.googleapis.com/location") or "")


def _name_of_service(service: Facts) -> str:
    return _name_of(service.get("metadata", {}))


def _name_of(found: Facts) -> str:
    return str(found.get("name", ""))


def _named(kind: str) -> Callable[[Facts], ResourceId]:
    return lambda found: ResourceId(kind, last_segment(_name_of(found)))


def _account(found: Facts) -> ResourceId:
    return ResourceId("service account", str(found.get("email", "")).partition("@")[0])


def _owner_in_id(dashboard: Facts) -> str:
    name = last_segment(_name_of(dashboard))
    return name.removeprefix(f"{MARK}-") if name.startswith(f"{MARK}-") else ""


def _owner_in_name(metric: Facts) -> str:
    mark, _, rest = _name_of(metric).partition("/")
    return rest.partition("/")[0] if mark == MARK else ""


def _owner_in_marks(found: Facts) -> str:
    return marks_of(found).get(MARK, "")


FUNCTION_KIND = ListedKind(
    FUNCTIONS, ("functions", "list", "--v2", _MARKED), "cloudfunctions.functions.list", _named("function"), label_of
)
SERVICE_KIND = ListedKind(
    RUN,
    ("run", "services", "list", f"--filter=metadata.labels.{MARK}:*"),
    "run.services.list",
    lambda found: ResourceId("Cloud Run service", _name_of_service(found)),
    lambda found: label_of(found.get("metadata", {})),
)
SECRET_KIND = ListedKind(SECRETS, ("secrets", "list"), "secretmanager.secrets.list", _named("secret"), label_of)

KINDS: tuple[ListedKind, ...] = (
    FUNCTION_KIND,
    SERVICE_KIND,
    SECRET_KIND,
    ListedKind(PUBSUB, ("pubsub", "topics", "list", _MARKED), "pubsub.topics.list", _named("topic"), label_of),
    ListedKind(
        PUBSUB,
        ("pubsub", "subscriptions", "list", _MARKED),
        "pubsub.subscriptions.list",
        _named("subscription"),
        label_of,
    ),
    ListedKind(IAM, ("iam", "service-accounts", "list"), "iam.serviceAccounts.list", _account, owner_in_description),
)
"""All kinds. Of the others, a plan knows the name or the parent."""

ALERT_KINDS: tuple[AlertKind, ...] = (
    AlertKind(
        AlertPolicies,
        "monitoring.alertPolicies.list",
        lambda found: marks_of(found).get(POLICY_MARK, ""),
        _owner_in_marks,
    ),
    AlertKind(
        NotificationChannels,
        "monitoring.notificationChannels.list",
        address_in,
        _owner_in_marks,
    ),
    AlertKind(Dashboard, "monitoring.dashboards.list", lambda _: "", _owner_in_id),
    AlertKind(
        LogMetrics,
        "logging.logMetrics.list",
        lambda found: last_segment(_name_of(found)),
        _owner_in_name,
    ),
    AlertKind(
        LogExclusion,
        "logging.exclusions.list",
        _name_of,
        owner_in_description,
    ),
)
"""The kinds of alerts, and the exclusion of log entries."""

ALL_KINDS: tuple[Kind, ...] = (*KINDS, *ALERT_KINDS, DatasetKind())
