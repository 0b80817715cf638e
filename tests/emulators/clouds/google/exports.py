"""Checks subscriptions that write to BigQuery or Cloud Storage: the table or bucket, and the permission to write.

https://cloud.google.com/pubsub/docs/create-bigquery-subscription, https://cloud.google.com/pubsub/docs/cloudstorage.
Nothing is written: messages stay in the subscription. The texts of refusals are from memory.
"""

import re

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.policies import Policies
from tests.emulators.clouds.google.problems import Problem, denied, invalid, not_found

WRITERS = ("roles/bigquery.dataEditor", "roles/bigquery.dataOwner", "roles/bigquery.admin")
_TABLE = re.compile(r"([a-z][a-z0-9-]{4,28}[a-z0-9])[.:](\w{1,1024})\.([^.:/]{1,1024})")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_KINDS = ("bigqueryConfig", "cloudStorageConfig", "bigtableConfig")


class Exports:
    """The destinations of exports. Tests can fill ``tables`` (BigQuery tables, ``P.D.T``) and ``buckets``.

    The permission to write to a table comes from the IAM policies of ``projects/P/datasets/D/tables/T``, of the dataset
    and of the project.
    """

    def __init__(self, estate: Estate, policies: Policies) -> None:
        self.tables: set[str] = set()
        self.buckets: set[str] = set()
        self._estate = estate
        self._policies = policies

    def check(self, subscription: Json) -> Json:
        """Return the settings of a subscription with the state of its export. Raises ``Problem``."""
        kinds = [kind for kind in (*_KINDS, "pushConfig") if subscription.get(kind)]
        if len(kinds) > 1:
            raise invalid(f"A subscription can have only one of {', '.join(kinds)}.")
        if not kinds or kinds[0] == "pushConfig":
            return subscription
        if subscription.get("enableExactlyOnceDelivery"):
            raise invalid("Exactly-once delivery is not available for export subscriptions.")
        checks = {"bigqueryConfig": self._check_table, "cloudStorageConfig": self._check_bucket}
        if kinds[0] not in checks:
            raise Problem("UNIMPLEMENTED", f"{kinds[0]} is not played here.")
        checks[kinds[0]](subscription[kinds[0]])
        return {**subscription, kinds[0]: {**subscription[kinds[0]], "state": "ACTIVE"}}

    def _check_table(self, config: Json) -> None:
        match = _TABLE.fullmatch(config.get("table", ""))
        if not match:
            raise invalid(f"Invalid BigQuery table: {config.get('table', '')}. It has to be project.dataset.table.")
        if config.get("useTopicSchema") and config.get("useTableSchema"):
            raise invalid("Only one of use_topic_schema and use_table_schema can be set.")
        project, dataset, table = match.groups()
        if f"{project}.{dataset}.{table}" not in self.tables:
            raise not_found(f"Not found: Table {project}:{dataset}.{table}")
        writer = config.get("serviceAccountEmail") or self._agent
        place = f"projects/{project}/datasets/{dataset}"
        granted = (
            self._policies.grants(resource, role, f"serviceAccount:{writer}")
            for resource in (f"{place}/tables/{table}", place)
            for role in WRITERS
        )
        if not any(granted):
            raise denied(
                f"The caller does not have permission: {writer} needs bigquery.tables.get and "
                f"bigquery.tables.updateData on the table {project}:{dataset}.{table}."
            )

    def _check_bucket(self, config: Json) -> None:
        bucket = config.get("bucket", "")
        if not _BUCKET.fullmatch(bucket):
            raise invalid(f"Invalid Cloud Storage bucket name: {bucket}")
        if bucket not in self.buckets:
            raise not_found(f"The Cloud Storage bucket {bucket} was not found.")

    @property
    def _agent(self) -> str:
        """The Pub/Sub service agent of the project."""
        return f"service-{self._estate.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
