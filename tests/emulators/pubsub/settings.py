"""Checks the settings of topics and subscriptions, and completes them with the documented defaults.

Settings are stored and returned unchanged. Settings without an effect here, such as an export to BigQuery or Cloud
Storage or a schema, are refused as UNIMPLEMENTED, because a user would expect the effect. Transforms are stored, but
publishing or pulling messages that they would change is refused. A topic with an ingestion has the state that its
source cannot be reached.
Source of limits and defaults: the field comments of ``google.pubsub_v1.types.Topic`` and ``Subscription``.
"""

from typing import Any
from urllib.parse import urlsplit

from google.protobuf import duration_pb2, field_mask_pb2
from google.protobuf.message import Message
from google.pubsub_v1 import types

from tests.emulators.errors import invalid, unimplemented
from tests.emulators.pubsub import limits
from tests.emulators.pubsub.backlog import Policy
from tests.emulators.pubsub.filters import parse_filter

DEFAULT_ACK_DEADLINE_S = 10
DEFAULT_RETENTION_S = 7 * 24 * 3600
DEFAULT_EXPIRATION_S = 31 * 24 * 3600
DEFAULT_DELIVERY_ATTEMPTS = 5
DEFAULT_MIN_BACKOFF_S = 10
DEFAULT_MAX_BACKOFF_S = 600
PUSH_BACKOFFS_S = (0.1, 60.0)
DELETED_TOPIC = "_deleted-topic_"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_NOT_FOR_TOPICS = ("schema_settings", "kms_key_name")
_NOT_FOR_SUBSCRIPTIONS = ("bigquery_config", "cloud_storage_config", "bigtable_config")
_OF_THE_SERVICE = ("state", "detached", "topic_message_retention_duration", "analytics_hub_subscription_info")
FIXED = {
    "Topic": frozenset({"name", "kms_key_name", "satisfies_pzs", "state", "tags"}),
    "Subscription": frozenset({"name", "topic", "filter", "enable_message_ordering", "tags", *_OF_THE_SERVICE}),
    "Snapshot": frozenset({"name", "topic"}),
}
"""Fields that an update cannot change."""


def new_topic(requested: Any) -> Any:
    """Return a ``google.pubsub.v1.Topic``, checked and completed. Raises ``Refused``."""
    limits.check_topic_name(requested.name)
    limits.check_labels(requested.labels)
    if requested.HasField("message_retention_duration"):
        limits.check_retention(_seconds(requested.message_retention_duration))
    check_transforms(requested)
    _refuse(requested, _NOT_FOR_TOPICS)
    topic = types.Topic.pb()()
    topic.CopyFrom(requested)
    has_source = requested.ingestion_data_source_settings.WhichOneof("source")
    topic.state = types.Topic.State.INGESTION_RESOURCE_ERROR if has_source else types.Topic.State.ACTIVE
    return topic


def new_subscription(requested: Any) -> Any:
    """Return a ``google.pubsub.v1.Subscription``, checked and completed. Raises ``Refused``."""
    _check_subscription(requested)
    subscription = types.Subscription.pb()()
    subscription.CopyFrom(requested)
    for name in _OF_THE_SERVICE:
        subscription.ClearField(name)
    subscription.state = types.Subscription.State.ACTIVE
    subscription.ack_deadline_seconds = requested.ack_deadline_seconds or DEFAULT_ACK_DEADLINE_S
    if not requested.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = DEFAULT_RETENTION_S
    if not requested.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = DEFAULT_EXPIRATION_S
    _complete_policies(subscription)
    return subscription


def updated(before: Any, requested: Any, paths: list[str]) -> Any:
    """Return the settings with the fields of an update mask replaced by those of ``requested``. Raises ``Refused``."""
    kind = before.DESCRIPTOR.name
    request = f"Update{kind}Request"
    if not paths:
        raise invalid(f"The update_mask in the {request} must be set, and must contain a non-empty paths list.")
    for path in paths:
        if not field_mask_pb2.FieldMask(paths=[path]).IsValidForDescriptor(before.DESCRIPTOR):
            raise invalid(
                f"Invalid update_mask provided in the {request}: {path} is not a known {kind} field. Note that field "
                "paths must be of the form 'push_config' rather than 'pushConfig'."
            )
        if path.partition(".")[0] in FIXED[kind]:
            raise invalid(
                f"Invalid update_mask provided in the {request}: the {path} field in the {kind} is not mutable."
            )
    after = type(before)()
    after.CopyFrom(before)
    field_mask_pb2.FieldMask(paths=paths).MergeMessage(
        requested, after, replace_message_field=True, replace_repeated_field=True
    )
    return after


def delivery_policy(subscription: Any) -> Policy:
    """Return the delivery policy of a subscription with these settings."""
    dead, retry = subscription.dead_letter_policy, subscription.retry_policy
    backoffs_s = (_seconds(retry.minimum_backoff), _seconds(retry.maximum_backoff))
    if subscription.push_config.push_endpoint and not subscription.HasField("retry_policy"):
        backoffs_s = PUSH_BACKOFFS_S
    return Policy(
        max_attempts=dead.max_delivery_attempts if dead.dead_letter_topic else None,
        min_backoff_s=backoffs_s[0],
        max_backoff_s=backoffs_s[1],
        keeps_acknowledged=subscription.retain_acked_messages,
    )


def _complete_policies(subscription: Any) -> None:
    if subscription.HasField("dead_letter_policy"):
        dead = subscription.dead_letter_policy
        dead.max_delivery_attempts = dead.max_delivery_attempts or DEFAULT_DELIVERY_ATTEMPTS
    if subscription.HasField("retry_policy"):
        retry = subscription.retry_policy
        if not retry.HasField("minimum_backoff"):
            retry.minimum_backoff.seconds = DEFAULT_MIN_BACKOFF_S
        if not retry.HasField("maximum_backoff"):
            retry.maximum_backoff.seconds = DEFAULT_MAX_BACKOFF_S


def _check_subscription(requested: Any) -> None:
    limits.check_subscription_name(requested.name)
    if requested.topic != DELETED_TOPIC:
        limits.check_topic_name(requested.topic)
    limits.check_labels(requested.labels)
    if requested.ack_deadline_seconds:
        limits.check_ack_deadline(requested.ack_deadline_seconds)
    if requested.HasField("message_retention_duration"):
        limits.check_retention(_seconds(requested.message_retention_duration))
    if requested.expiration_policy.HasField("ttl"):
        limits.check_expiration(_seconds(requested.expiration_policy.ttl))
    parse_filter(requested.filter)
    _check_policies(requested)
    _check_push(requested)
    check_transforms(requested)
    _refuse(requested, _NOT_FOR_SUBSCRIPTIONS)


def _check_policies(requested: Any) -> None:
    if requested.HasField("dead_letter_policy"):
        dead = requested.dead_letter_policy
        limits.check_topic_name(dead.dead_letter_topic)
        limits.check_delivery_attempts(dead.max_delivery_attempts or DEFAULT_DELIVERY_ATTEMPTS)
        if dead.dead_letter_topic == requested.topic:
            raise invalid("The dead letter topic must be another topic than the subscription's own.")
    if requested.HasField("retry_policy"):
        retry = requested.retry_policy
        lowest = _seconds(retry.minimum_backoff) if retry.HasField("minimum_backoff") else DEFAULT_MIN_BACKOFF_S
        highest = _seconds(retry.maximum_backoff) if retry.HasField("maximum_backoff") else DEFAULT_MAX_BACKOFF_S
        limits.check_backoffs(lowest, highest)


def _check_push(requested: Any) -> None:
    endpoint = requested.push_config.push_endpoint
    if not endpoint:
        return
    url = urlsplit(endpoint)
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)):
        raise invalid(f"Invalid push endpoint given (endpoint={endpoint}): it has to be an https URL.")
    check_runs_nothing(requested)
    if requested.enable_exactly_once_delivery:
        raise invalid("Exactly-once delivery is not available for push subscriptions.")


def check_transforms(requested: Any) -> None:
    """Refuse transforms that Pub/Sub refuses: https://cloud.google.com/pubsub/docs/smts/udfs-overview."""
    transforms = requested.message_transforms
    limits.check_transforms([transform.javascript_udf.code for transform in transforms])
    for transform in transforms:
        if not transform.javascript_udf.function_name:
            raise invalid("A JavaScript UDF needs a function name.")


def check_runs_nothing(settings: Any) -> None:
    """Refuse to deliver messages that a transform would have to change first."""
    if any(not transform.disabled for transform in settings.message_transforms):
        raise unimplemented("message_transforms that run")


def new_snapshot(requested: Any, now_s: int) -> Any:
    """Return the ``google.pubsub.v1.Snapshot`` of a CreateSnapshotRequest; it expires in 7 days. Raises ``Refused``."""
    limits.check_snapshot_name(requested.name)
    limits.check_labels(requested.labels)
    snapshot = types.Snapshot.pb()(name=requested.name, labels=requested.labels)
    snapshot.expire_time.seconds = now_s + DEFAULT_RETENTION_S
    return snapshot


def _refuse(requested: Any, names: tuple[str, ...]) -> None:
    """Refuse these fields, unless they are empty."""
    given = {field.name: value for field, value in requested.ListFields()}
    for name in names:
        if name in given and not _is_empty_message(given[name]):
            raise unimplemented(name)


def _is_empty_message(value: Any) -> bool:
    return isinstance(value, Message) and not value.ByteSize()


def _seconds(duration: duration_pb2.Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
