"""Describes settings of resources that were made elsewhere. A plan shows them, and leaves them alone. Pure.

Each function returns short phrases, in a fixed order. A setting with the value that ``up`` sets has no phrase.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.resources.resource import Facts
from deploy.resources.traffic import pinned_to

ACK_DEADLINE_S = 10
"""Google's default for a subscription."""

_SINKS = (("pushConfig", "pushEndpoint"), ("bigqueryConfig", "table"), ("cloudStorageConfig", "bucket"))
_RUN = "run.googleapis.com"


def as_suffix(phrases: Sequence[str]) -> str:
    """Return phrases as the end of the reason of a step."""
    return "".join(f"; {phrase}, set elsewhere" for phrase in phrases)


def on_subscription(found: Facts, *, ordered: bool) -> list[str]:
    """Return the settings of a subscription: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions.

    ``ordered``: this deployment asks for message ordering.
    """
    retry, dead = found.get("retryPolicy") or {}, found.get("deadLetterPolicy") or {}
    deadline = found.get("ackDeadlineSeconds") or ACK_DEADLINE_S
    dead_lettered = f"after {dead.get('maxDeliveryAttempts', 5)} attempts a message goes to {{}}"
    return [
        *_phrase(found.get("filter"), "takes only messages that match {}"),
        *_phrase(deadline != ACK_DEADLINE_S and deadline, "ack deadline {} s"),
        *_phrase(dead.get("deadLetterTopic"), dead_lettered),
        *_phrase(retry and _backoff(retry), "waits {} before it delivers again"),
        *_phrase(found.get("enableExactlyOnceDelivery"), "exactly-once delivery"),
        *_phrase(found.get("retainAckedMessages"), "keeps acknowledged messages"),
        *_phrase(not ordered and found.get("enableMessageOrdering"), "message ordering"),
        *_phrase(found.get("messageTransforms"), "changes messages by transforms"),
        *_phrase(_other_state(found), "state {}"),
        *(f"pushes to {to}" for how, where in _SINKS if (to := (found.get(how) or {}).get(where))),
    ]


def on_topic(found: Facts) -> list[str]:
    """Return the settings of a topic: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics."""
    stored = found.get("messageStoragePolicy") or {}
    regions = stored.get("allowedPersistenceRegions") or []
    elsewhere = ", and refuses publishers elsewhere" if stored.get("enforceInTransit") else ""
    return [
        *_phrase((found.get("schemaSettings") or {}).get("schema"), "refuses messages that do not fit the schema {}"),
        *_phrase(", ".join(regions), f"keeps messages in {{}} only{elsewhere}"),
        *_phrase(found.get("kmsKeyName"), "encrypted with {}"),
        *_phrase(found.get("ingestionDataSourceSettings"), "takes messages from another source, too"),
        *_phrase(found.get("messageTransforms"), "changes messages by transforms"),
        *_phrase(found.get("messageRetentionDuration"), "keeps messages for {}"),
        *_phrase(_other_state(found), "state {}"),
    ]


def on_dataset(found: Facts) -> list[str]:
    """Return the settings of a dataset: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets."""
    return [
        *_phrase(_days(found.get("defaultTableExpirationMs")), "tables are deleted after {}"),
        *_phrase(_days(found.get("defaultPartitionExpirationMs")), "rows are deleted after {}"),
        *_phrase((found.get("defaultEncryptionConfiguration") or {}).get("kmsKeyName"), "encrypted with {}"),
    ]


def on_table(found: Facts) -> list[str]:
    """Return the settings of a table: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables."""
    partitions = found.get("timePartitioning") or {}
    return [
        *_phrase(_days(partitions.get("expirationMs")), "rows are deleted after {}"),
        *_phrase(found.get("expirationTime") and "expires", "{}"),
        *_phrase(found.get("requirePartitionFilter"), "refuses queries without a filter on event_time"),
        *_phrase((found.get("encryptionConfiguration") or {}).get("kmsKeyName"), "encrypted with {}"),
    ]


def variables_of(found: Facts, ours: Mapping[str, str]) -> list[str]:
    """Return the names of a function's variables besides ``ours``, those of this deployment's settings.

    They may be from an earlier ``up``.
    """
    names = set(found.get("serviceConfig", {}).get("environmentVariables") or {}) - set(ours)
    return _phrase(", ".join(sorted(names)), "variables {}")


def on_function(found: Facts) -> list[str]:
    """Return the settings of a function that no setting of this command makes, without the values of variables.

    https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions
    """
    served, built = found.get("serviceConfig", {}), found.get("buildConfig", {})
    secret_variables = sorted(variable.get("key", "") for variable in served.get("secretEnvironmentVariables") or [])
    return [
        *_phrase(", ".join(secret_variables), "variables from secrets {}"),
        *_phrase(", ".join(sorted(built.get("environmentVariables") or {})), "build variables {}"),
        *_phrase(served.get("vpcConnector"), "network connector {}"),
        *_phrase(served.get("vpcConnector") and served.get("vpcConnectorEgressSettings"), "egress {}"),
        *_phrase(served.get("directVpcNetworkInterface"), "a network interface of its own"),
        *_phrase(served.get("binaryAuthorizationPolicy"), "binary authorization {}"),
        *_phrase(found.get("kmsKeyName"), "encrypted with {}"),
        *_phrase(built.get("workerPool"), "worker pool {}"),
    ]


def on_service(found: Facts) -> list[str]:
    """Return the settings of the function's Cloud Run service that keep requests from its newest revision.

    Requests that are all pinned to one revision have no phrase, because a plan has a step that ends a rollback.

    https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services
    """
    traffic = [] if pinned_to(found) else found.get("spec", {}).get("traffic") or []
    newest = sum(part.get("percent", 0) for part in traffic if part.get("latestRevision"))
    count = _instances_by_hand(found)
    return [
        *closing(found),
        *_phrase(count != "0" and count, "scaled by hand to {} instances"),
        *_phrase(traffic and newest < 100 and f"{newest}", "its newest revision gets {} % of the requests"),
    ]


def closing(found: Facts) -> list[str]:
    """Return the settings of the function's Cloud Run service that block all of DT's requests."""
    annotations = found.get("metadata", {}).get("annotations", {})
    return [
        *_phrase(_is_on(annotations, "default-url-disabled"), "its run.app URL is switched off: DT cannot call"),
        *_phrase(_is_on(annotations, "iap-enabled"), "Identity-Aware Proxy is on: DT cannot call"),
        *_phrase(_instances_by_hand(found) == "0", "scaled by hand to 0 instances: nothing answers DT"),
    ]


def on_secret(found: Facts) -> list[str]:
    """Return the settings of a secret: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets."""
    replicas = ((found.get("replication") or {}).get("userManaged") or {}).get("replicas") or []
    places = ", ".join(replica.get("location", "") for replica in replicas)
    return [
        *_phrase(found.get("expireTime"), "is deleted by Google on {}"),
        *_phrase(places, "kept in {} only"),
        *_phrase((found.get("rotation") or {}).get("nextRotationTime"), "a reminder to rotate it is set for {}"),
        *_phrase(found.get("versionDestroyTtl"), "destroyed versions last {}"),
    ]


def _phrase(value: Any, words: str) -> list[str]:
    return [words.format(value)] if value else []


def _days(milliseconds: Any) -> str:
    """Return a time in days as words. Google writes milliseconds as text; empty if there is none."""
    return f"{int(milliseconds) / 86_400_000:g} d" if str(milliseconds or "").isdecimal() else ""


def _backoff(retry: Mapping[str, Any]) -> str:
    return f"{retry.get('minimumBackoff', '10s')} to {retry.get('maximumBackoff', '600s')}"


def _other_state(found: Facts) -> str:
    state = str(found.get("state") or "ACTIVE")
    return "" if state in {"ACTIVE", "STATE_UNSPECIFIED"} else state


def _instances_by_hand(service: Facts) -> str:
    """Return the number of instances that was set by hand; an empty text if Cloud Run scales the service."""
    annotations = service.get("metadata", {}).get("annotations", {})
    if str(annotations.get(f"{_RUN}/scalingMode", "")).lower() != "manual":
        return ""
    return str(annotations.get(f"{_RUN}/manualInstanceCount", "0"))


def _is_on(annotations: Mapping[str, Any], name: str) -> bool:
    return str(annotations.get(f"{_RUN}/{name}", "")).lower() == "true"
