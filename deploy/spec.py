"""The desired state of one deployment, as one frozen value. Pure.

A setting that is not given is None or absent: a new resource gets its default, and an existing one keeps its value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from deploy.pages import page

MARK = "dt-pubsub"
"""The label of every resource of a deployment; its value is the deployment's name."""

PROOF_MARK = f"{MARK}-verify"
"""The label of the temporary subscription of a proof; its value is the deployment's name."""

PROOF_WORD = "verify"
"""The word between the topic's id and a random number in the id of the subscription of a proof."""

FOLLOW_MARK = f"{MARK}-follow"
"""The label of a temporary subscription of ``follow``; its value is the deployment's name."""

FOLLOW_WORD = "follow"
"""The word between the topic's id and a random number in the id of a subscription of ``follow``."""

AUDIT_MARK = f"{MARK}-audit"
"""The label of a temporary subscription of ``audit``; its value is the deployment's name."""

AUDIT_WORD = "audit"
"""The word between the topic's id and a random number in the id of a subscription of ``audit``."""

SEEN_MARK = f"{MARK}-seen"
"""The label of a subscription of ``follow`` with the time at which it was last read, in seconds since 1970."""

CONTACT_MARK = f"{MARK}-contact"
"""The label of the temporary function and secret of ``verify --report``; its value is the deployment's name."""

PROJECT_MARK = f"{MARK}-project"
"""The label of an emulated device with the Google project, because a DT project may have deployments in several."""

SINCE_MARK = f"{MARK}-since"
"""The label of a temporary resource with the time of its creation, in seconds since 1970."""

WRITES_LABEL = f"{MARK}-writes-since"
"""The label of the subscription that writes to BigQuery with the time since when it does, in seconds since 1970."""

SOURCE_LABEL = "dt-pubsub-source"
"""The label of the function that holds its source's digest."""

VERSION_LABEL = f"{MARK}-version"
"""The label of the function that holds its version, as ``1-0-0``: a label's value may have no dot."""

BILLING_LABEL = f"{MARK}-billing"
"""The label of the function that holds how this command has Cloud Run bill it, so that each later run keeps to it."""

DIGEST_LABEL = f"{MARK}-digest"
"""The label of a BigQuery view with the digest of the SQL that made it."""

OWN_LABELS = (
    *(MARK, PROOF_MARK, FOLLOW_MARK, AUDIT_MARK, CONTACT_MARK, SOURCE_LABEL, VERSION_LABEL, DIGEST_LABEL),
    BILLING_LABEL,
    WRITES_LABEL,
    "deployment-tool",
)
"""Labels that this command or gcloud sets; a user cannot set them."""

DT_PROJECT_ID = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""The pattern of a DT project's id. ``-`` alone does not match, because in DT's API it means all projects."""

DT_STUDIO = page("dt-studio.md")
"""The page that says where project id, service account, role and key are in DT Studio."""

SECRET_FOLDER = "/secrets"  # noqa: S105  # a path, not a secret

FUNCTION_DEFAULTS: Mapping[str, str] = {
    "runtime": "python313",
    "memory": "512Mi",
    "cpu": "1",
    "concurrency": "80",
    "timeout": "15s",
    "min_instances": "0",
    "max_instances": "5",
}
"""Those of the profile ``large``, for ``DEFAULT_SENSORS``. docs/scaling.md derives them from measurements; a test
compares the two."""

SMALL_SIZES: Mapping[str, str] = {"memory": "256Mi", "cpu": "0.2", "concurrency": "1", "max_instances": "40"}
"""What the profile ``small`` has instead, which is that of a new deployment unless it is set."""

DEFAULT_SENSORS = 100_000

PROFILES = ("small", "large")
SMALL_SENSORS = 10_000
"""The number of sensors up to which the profile ``small`` is meant."""

RETENTION_DEFAULTS = {"events": "7d", "rejected": "31d"}
INVOCATION_DEFAULT = "auto"


ALERT_DEFAULTS: Mapping[str, int] = {
    "no_events_hours": 3,
    "server_error_percent": 5,
    "unauthorized_percent": 50,
    "unread_hours": 1,
    "unread_messages": 100_000,
    "memory_percent": 90,
}
"""The thresholds of new alert policies."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who gets alerts, and at which thresholds. There are alerts if there is an e-mail address or a channel.

    ``emails``: None if no setting names any; empty if there are to be none. ``channels``: full names of notification
    channels that exist already. ``thresholds``: those that are set, by their names in ``ALERT_DEFAULTS``.
    ``runbook_url``: where the pages of docs/runbook/ are published; empty if nowhere. ``pages``: the text of each of
    these pages by its name, which goes into the alerts if they are not published.
    """

    emails: tuple[str, ...] | None = None
    channels: tuple[str, ...] = ()
    thresholds: Mapping[str, int] = field(default_factory=dict)
    runbook_url: str = ""
    pages: Mapping[str, str] = field(default_factory=dict)

    @property
    def are_on(self) -> bool:
        """Whether alerts are made."""
        return bool(self.emails or self.channels)

    @property
    def are_removed(self) -> bool:
        """Whether the settings remove all alerts. Without a setting, existing alerts are left alone."""
        return self.emails is not None and not self.are_on

    @property
    def are_planned(self) -> bool:
        """Whether a plan looks at alerts."""
        return self.are_on or self.are_removed


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """One further subscription of ``[[subscriptions]]``. None: not set, so an existing one keeps what it has.

    ``name``: its id. ``push``: the URL that gets the messages; empty if they are to be pulled. ``service_account``
    and ``audience``: those of the token that comes with a push; empty for none, and for the URL. ``no_wrapper``: a push
    is the message itself, with its attributes as headers. ``dead_letter``: the id of the dead-letter topic; empty for
    none. ``retention`` and ``ack_deadline``: durations such as ``7d`` and ``60s``.
    """

    name: str
    topic: Literal["main", "rejected"] = "main"
    push: str | None = None
    service_account: str = ""
    audience: str = ""
    no_wrapper: bool = False
    filter: str | None = None
    dead_letter: str | None = None
    retention: str | None = None
    ack_deadline: str | None = None
    exactly_once: bool | None = None
    ordering: bool | None = None


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Where the events are stored in BigQuery.

    ``dataset``: None if no setting names one; empty if the events are to be stored no longer. ``location``: where the
    dataset is; empty if no setting says: then a new dataset is made in the function's region. ``removed_data``: the
    dataset whose tables a removal deletes, too; empty if all data stay.
    """

    dataset: str | None = None
    location: str = ""
    removed_data: str = ""

    @property
    def is_on(self) -> bool:
        """Whether the events are stored in BigQuery."""
        return bool(self.dataset)

    @property
    def is_removed(self) -> bool:
        """Whether the settings end that. The data stay. Without a setting, everything is left as it is."""
        return self.dataset == ""

    @property
    def is_planned(self) -> bool:
        """Whether a plan looks at BigQuery."""
        return self.dataset is not None


@dataclass(frozen=True, slots=True)
class CostSettings:
    """What is set about the cost. None: not set, so a new deployment gets what its profile says.

    ``profile``: ``small`` or ``large``. ``sensors``: their number, from which the cost of a month is computed.
    ``request_logs``: ``errors`` leaves Cloud Run's own log entries of answers 2xx out, ``all`` keeps them.
    ``billing``: ``request`` or ``instance``.
    """

    profile: str | None = None
    sensors: int | None = None
    request_logs: str | None = None
    billing: str | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """One deployment.

    ``project_number``: Google's number of the project, which ``plan`` reads if a resource needs it; empty until then.
    ``doubts``: settings that are valid, and may not be what the user means; each with its place.
    """

    google_project: str
    region: str
    name: str = "dt-pubsub"
    dt_projects: tuple[str, ...] = ()
    organization_id: str = ""
    project_number: str = ""
    digest: str = ""
    version: str = ""
    invocation: str = INVOCATION_DEFAULT
    build_account: str | None = None
    retention: str | None = None
    rejected_retention: str | None = None
    function: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    connector_name: str | None = None
    event_types: tuple[str, ...] | None = None
    connector_labels: tuple[str, ...] | None = None
    alerts: Alerts = field(default_factory=Alerts)
    subscriptions: tuple[SubscriptionSettings, ...] = ()
    doubts: tuple[str, ...] = ()
    bigquery: Warehouse = field(default_factory=Warehouse)
    cost: CostSettings = field(default_factory=CostSettings)

    @property
    def project_flag(self) -> str:
        """The flag by which every gcloud command names the Google project."""
        return f"--project={self.google_project}"

    @property
    def prefix(self) -> str:
        """The beginning of the names of topics and secret: ``dt`` for the deployment ``dt-pubsub``."""
        return self.name.removesuffix("-pubsub")

    @property
    def topic(self) -> str:
        """The id of the main topic and of its subscription."""
        return f"{self.prefix}-events"

    @property
    def rejected_topic(self) -> str:
        """The id of the rejected topic and of its subscription."""
        return f"{self.prefix}-rejected"

    @property
    def bigquery_subscription(self) -> str:
        """The id of the subscription that writes the events into BigQuery."""
        return f"{self.topic}-bigquery"

    @property
    def unwritten_topic(self) -> str:
        """The id of the topic, and of its subscription, that keeps the messages that BigQuery refuses."""
        return f"{self.topic}-unwritten"

    @property
    def dashboard(self) -> str:
        """The id of the dashboard, which is made with alerts only."""
        return f"{MARK}-{self.name}"

    @property
    def log_exclusion(self) -> str:
        """The name of the exclusion of Cloud Run's log entries, if there is one."""
        return f"{MARK}-{self.name}-requests"

    @property
    def secret(self) -> str:
        """The secret's id."""
        return f"{self.prefix}-signature"

    @property
    def runtime_account(self) -> str:
        """The e-mail address of the service account that the function runs as."""
        domain, _, project = self.google_project.rpartition(":")
        return f"{self.name}@{project}{domain and f'.{domain}'}.iam.gserviceaccount.com"

    @property
    def build_account_name(self) -> str:
        """The full name of the service account that builds the function; empty if Google chooses one."""
        if not self.build_account:
            return ""
        of = re.match(r".+@([^.]+)\.iam\.gserviceaccount\.com$", self.build_account)
        return f"projects/{of[1] if of else self.google_project}/serviceAccounts/{self.build_account}"

    @property
    def all_labels(self) -> dict[str, str]:
        """The mark, and the labels that the user set."""
        return {**self.labels, MARK: self.name}

    @property
    def mark(self) -> str:
        """The label of this deployment's resources, as ``key=value``."""
        return f"{MARK}={self.name}"

    @property
    def environment(self) -> dict[str, str]:
        """The function's environment variables that this deployment sets."""
        topics = f"projects/{self.google_project}/topics"
        return {
            **self.settings,
            "PUBSUB_TOPIC": f"{topics}/{self.topic}",
            "PUBSUB_REJECTED_TOPIC": f"{topics}/{self.rejected_topic}",
            "DT_SIGNATURE_SECRET_FILE": f"{SECRET_FOLDER}/{self.secret}",
            "LOG_EXECUTION_ID": "true",
            **({"DT_ORGANIZATION_ID": self.organization_id} if self.organization_id else {}),
        }

    @property
    def ordered(self) -> bool:
        """Whether a device's events share an ordering key; only a new subscription can be made to keep the order."""
        return self.settings.get("ORDERING_KEY", "").lower() == "device"

    @property
    def default_connector_name(self) -> str:
        """The display name of this deployment's connectors, which no other deployment uses by default."""
        return f"Google Pub/Sub {self.google_project}/{self.name}"


NO_SETTINGS = Spec("", "")
"""The spec of a verb that needs no settings."""


DELETED_TOPIC = "_deleted-topic_"
"""What a subscription names as its topic, or as its dead-letter topic, after the topic was deleted."""


def last_segment(name: str) -> str:
    """Return the id at the end of a resource's full name: ``t`` of ``projects/p/topics/t``."""
    return name.rpartition("/")[2]


def amount(text: str) -> float:
    """Return the number of bytes or processors of ``512Mi``, ``1G``, ``0.5`` or ``1000m``.

    Raises:
        ValueError: the text is not an amount.

    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti)?", text)
    if not found:
        raise ValueError(f"{text!r} is not an amount such as 512Mi or 0.5")
    return float(found[1]) * _UNITS[found[2] or ""]


_UNITS = {"": 1, "m": 1e-3, "k": 1e3, "Ki": 2**10, "M": 1e6, "Mi": 2**20, "G": 1e9, "Gi": 2**30, "T": 1e12, "Ti": 2**40}
