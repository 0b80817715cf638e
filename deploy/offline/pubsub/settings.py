"""The settings of topics and subscriptions: checked against the documents, completed with the documented defaults.

They are kept and given back as they came. What would be kept but not acted upon, and so would mislead (a filter, a
dead letter topic, a push endpoint, a schema), is refused as UNIMPLEMENTED.
Source of limits and defaults: the field comments of ``google.pubsub_v1.types.Topic`` and ``Subscription``.
"""

from typing import Any

from google.protobuf import duration_pb2
from google.protobuf.message import Message
from google.pubsub_v1 import types

from deploy.offline.errors import unimplemented
from deploy.offline.pubsub import limits

DEFAULT_ACK_DEADLINE_S = 10
DEFAULT_RETENTION_S = 7 * 24 * 3600
DEFAULT_EXPIRATION_S = 31 * 24 * 3600

_NOT_FOR_TOPICS = ("schema_settings", "ingestion_data_source_settings", "message_transforms", "kms_key_name")
_NOT_FOR_SUBSCRIPTIONS = (
    "push_config",
    "bigquery_config",
    "cloud_storage_config",
    "filter",
    "dead_letter_policy",
    "enable_exactly_once_delivery",
    "message_transforms",
)


def new_topic(asked: Any) -> Any:
    """A ``google.pubsub.v1.Topic`` as it will be given back; raises ``Refused``."""
    limits.check_topic_name(asked.name)
    limits.check_labels(asked.labels)
    if asked.HasField("message_retention_duration"):
        limits.check_retention(_seconds(asked.message_retention_duration))
    _refuse(asked, _NOT_FOR_TOPICS)
    topic = types.Topic.pb()(state=types.Topic.State.ACTIVE)
    topic.MergeFrom(asked)
    return topic


def new_subscription(asked: Any) -> Any:
    """A ``google.pubsub.v1.Subscription`` as it will be given back; raises ``Refused``."""
    _check_subscription(asked)
    subscription = types.Subscription.pb()(state=types.Subscription.State.ACTIVE)
    subscription.MergeFrom(asked)
    subscription.ack_deadline_seconds = asked.ack_deadline_seconds or DEFAULT_ACK_DEADLINE_S
    if not asked.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = DEFAULT_RETENTION_S
    if not asked.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = DEFAULT_EXPIRATION_S
    return subscription


def _check_subscription(asked: Any) -> None:
    limits.check_subscription_name(asked.name)
    limits.check_topic_name(asked.topic)
    limits.check_labels(asked.labels)
    if asked.ack_deadline_seconds:
        limits.check_ack_deadline(asked.ack_deadline_seconds)
    if asked.HasField("message_retention_duration"):
        limits.check_retention(_seconds(asked.message_retention_duration))
    if asked.expiration_policy.HasField("ttl"):
        limits.check_expiration(_seconds(asked.expiration_policy.ttl))
    _refuse(asked, _NOT_FOR_SUBSCRIPTIONS)


def _refuse(asked: Any, names: tuple[str, ...]) -> None:
    given = {field.name: value for field, value in asked.ListFields()}
    for name in names:
        if name in given and not _is_empty_message(given[name]):
            raise unimplemented(name)


def _is_empty_message(value: Any) -> bool:
    return isinstance(value, Message) and not value.ByteSize()


def _seconds(duration: duration_pb2.Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
