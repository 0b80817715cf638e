"""Checks subscriptions that write to BigQuery or Cloud Storage: the destination, and the permission to write.

https://cloud.google.com/pubsub/docs/create-bigquery-subscription, https://cloud.google.com/pubsub/docs/cloudstorage.
``exporter`` writes the rows of tables; into buckets nothing is written. The texts of refusals are from memory.
"""

import re

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.bigquery import BigQuery
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.clouds.google.problems import Problem, denied, invalid, not_found

TABLE = re.compile(r"([a-z][a-z0-9-]{4,28}[a-z0-9])[.:](\w{1,1024})\.([^.:/]{1,1024})")
METADATA = {
    "subscription_name": ("STRING",),
    "message_id": ("STRING",),
    "publish_time": ("TIMESTAMP",),
    "attributes": ("STRING", "JSON"),
}
"""The columns that ``writeMetadata`` fills, with the types that they may have."""

DATA = {"data": ("BYTES", "STRING", "JSON")}
"""The column of the whole message, without a schema."""

ACTIVE = "ACTIVE"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_KINDS = ("bigqueryConfig", "cloudStorageConfig", "bigtableConfig")


class Exports:
    """The destinations of exports. Tests can fill ``buckets``.

    The permission to write to a table comes from the IAM policies of the table and of the project, and from the access
    entries of the dataset.
    """

    def __init__(self, estate: Estate, bigquery: BigQuery) -> None:
        self.buckets: set[str] = set()
        self._estate = estate
        self._bigquery = bigquery

    def check(self, subscription: Json, topic: Json) -> Json:
        """Return the settings of a new or changed subscription as they are stored. Raises ``Problem``."""
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
        checks[kinds[0]](subscription[kinds[0]], topic)
        return subscription

    def shown(self, subscription: Json, topic: Json) -> Json:
        """Return a subscription with its state now, and that of its export."""
        if config := subscription.get("bigqueryConfig"):
            state = self.state(config, topic)
            whole = "ACTIVE" if state == ACTIVE else "RESOURCE_ERROR"
            return {**subscription, "bigqueryConfig": {**config, "state": state}, "state": whole}
        if config := subscription.get("cloudStorageConfig"):
            return {**subscription, "cloudStorageConfig": {**config, "state": ACTIVE}}
        return subscription

    def state(self, config: Json, topic: Json) -> str:
        """Return the state of an export to a table: a word of ``google.pubsub.v1.BigQueryConfig.State``."""
        _, dataset, table = place_of(config)
        found = self._bigquery.catalog.tables.get((dataset, table))
        if found is None:
            return "NOT_FOUND"
        if not self._bigquery.access.may_write(self.writer(config), dataset, table):
            return "PERMISSION_DENIED"
        if mismatch(config, found):
            return "SCHEMA_MISMATCH"
        return ACTIVE if _may_travel(topic, found["location"]) else "IN_TRANSIT_LOCATION_RESTRICTION"

    def writer(self, config: Json) -> str:
        """Return the account that writes: the one that the subscription names, or Pub/Sub's service agent."""
        account: str = config.get("serviceAccountEmail") or self._estate.pubsub_agent
        return account

    def _check_table(self, config: Json, topic: Json) -> None:
        project, dataset, table = place_of(config)
        if config.get("useTopicSchema") and config.get("useTableSchema"):
            raise invalid("Only one of use_topic_schema and use_table_schema can be set.")
        if config.get("useTopicSchema") and not topic.get("schemaSettings"):
            raise invalid("use_topic_schema is set, but the topic does not have a schema.")
        if config.get("serviceAccountEmail"):
            account = config["serviceAccountEmail"]
            self._estate.check_permission("iam.serviceAccounts.actAs", f"projects/-/serviceAccounts/{account}")
        state = self.state(config, topic)
        if state == "NOT_FOUND":
            raise not_found(f"Not found: Table {project}:{dataset}.{table}")
        if state == "PERMISSION_DENIED":
            raise denied("The caller does not have permission")
        if state == "SCHEMA_MISMATCH":
            raise invalid(mismatch(config, self._bigquery.catalog.tables[dataset, table]))

    def _check_bucket(self, config: Json, _: Json) -> None:
        bucket = config.get("bucket", "")
        if not _BUCKET.fullmatch(bucket):
            raise invalid(f"Invalid Cloud Storage bucket name: {bucket}")
        if bucket not in self.buckets:
            raise not_found(f"The Cloud Storage bucket {bucket} was not found.")


def place_of(config: Json) -> tuple[str, str, str]:
    """Return project, dataset and name of the table of an export."""
    found = TABLE.fullmatch(config.get("table", ""))
    if not found:
        raise invalid(f"Invalid BigQuery table: {config.get('table', '')}. It has to be project.dataset.table.")
    project, dataset, table = found.groups()
    return project, dataset, table


def mismatch(config: Json, table: Json) -> str:
    """Return why a table cannot take the rows of an export, or ""."""
    if table["type"] != "TABLE":
        return f"The BigQuery table {table['id']} is a {table['type']}."
    fields = {field["name"].lower(): field for field in table.get("schema", {}).get("fields", [])}
    has_schema = config.get("useTableSchema") or config.get("useTopicSchema")
    needed = {**({} if has_schema else DATA), **(METADATA if config.get("writeMetadata") else {})}
    for name, kinds in needed.items():
        if name not in fields:
            return f"Incompatible schema: field '{name}' is missing in the BigQuery table."
        if fields[name]["type"] not in kinds:
            return f"Incompatible schema type for field '{name}': it is {fields[name]['type']} in the BigQuery table."
    others = [name for name, field in fields.items() if field.get("mode") == "REQUIRED" and name not in needed]
    if others and not has_schema:
        return f"Incompatible schema mode for field '{others[0]}': it is REQUIRED in the BigQuery table."
    return ""


def _may_travel(topic: Json, location: str) -> bool:
    """Whether the topic's messages may be written into a location."""
    policy = topic.get("messageStoragePolicy") or {}
    return not policy.get("enforceInTransit") or location in policy.get("allowedPersistenceRegions", [])
