"""The documented limits of Pub/Sub, as pure checks: they return nothing, or raise ``Refused`` (INVALID_ARGUMENT).

Google's emulator enforces few of these limits, so Pub/Sub may refuse a request that the emulator accepts.
Sources: the resource limits on https://cloud.google.com/pubsub/quotas, the resource names on
https://cloud.google.com/pubsub/docs/pubsub-basics, the field comments of ``google.pubsub_v1.types`` and, for the
wording, refusals of the real service as its users have reported them. Sizes are in bytes of UTF-8.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from tests.emulators.errors import invalid

MAX_REQUEST_BYTES = 10_000_000
MAX_REQUEST_MESSAGES = 1_000
MAX_DATA_BYTES = 10_000_000
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_KEY_BYTES = 256
MAX_ATTRIBUTE_VALUE_BYTES = 1_024
MAX_ORDERING_KEY_BYTES = 1_024
MAX_ACK_REQUEST_BYTES = 524_288
MIN_ACK_DEADLINE_S = 10
MAX_ACK_DEADLINE_S = 600
MIN_RETENTION_S = 10 * 60
MAX_RETENTION_S = 31 * 24 * 3600
MIN_EXPIRATION_S = 24 * 3600
MAX_LABELS = 64
MIN_DELIVERY_ATTEMPTS = 5
MAX_DELIVERY_ATTEMPTS = 100
MAX_BACKOFF_S = 600
MAX_PAGE_SIZE = 1_000
MAX_TRANSFORMS = 5
MAX_TRANSFORM_BYTES = 20 * 1024
RESERVED_PREFIX = "goog"

_RESOURCE_ID = re.compile(r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]{0,62}")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}")
_QUOTAS = "Refer to https://cloud.google.com/pubsub/quotas for more information."


def check_topic_name(name: str) -> None:
    """Check ``projects/P/topics/T``: T has 3-255 letters, digits and ``-._~+%``, begins with a letter, not ``goog``."""
    _check_name(name, "topics")


def check_subscription_name(name: str) -> None:
    """Check ``projects/P/subscriptions/S``: S has the form of a topic's T."""
    _check_name(name, "subscriptions")


def check_snapshot_name(name: str) -> None:
    """Check ``projects/P/snapshots/S``: S has the form of a topic's T."""
    _check_name(name, "snapshots")


def check_project_name(name: str) -> None:
    """Check ``projects/P``."""
    if not re.fullmatch(r"projects/[^/]+", name):
        raise _bad_name(name)


def check_publish_request(size: int, ordering_keys: Iterable[str]) -> None:
    """Check a Publish request: its serialized size, and the ordering keys of its messages (one each, maybe empty)."""
    keys = list(ordering_keys)
    _at_most("request_size", size, MAX_REQUEST_BYTES)
    if not keys:
        raise invalid(
            "The value for message_count is too small. You passed 0 in the request, but the minimum value is 1."
        )
    _at_most("message_count", len(keys), MAX_REQUEST_MESSAGES)
    if len(set(keys)) > 1:
        raise invalid("All messages in a publish request must have the same ordering key.")


def check_message(data: bytes, attributes: Mapping[str, str], ordering_key: str) -> None:
    """Check one message: it is not empty, and its parts are within their limits."""
    if not data and not attributes:
        raise invalid(
            "One or more messages in the publish request is empty. "
            "Each message must contain either non-empty data, or at least one attribute."
        )
    _at_most("message_size", len(data), MAX_DATA_BYTES)
    _at_most("attribute_count", len(attributes), MAX_ATTRIBUTES)
    for key, value in attributes.items():
        _check_attribute(key, value)
    _at_most("ordering_key_size", _size(ordering_key), MAX_ORDERING_KEY_BYTES)


def check_ack_deadline(seconds: int, *, minimum: int = MIN_ACK_DEADLINE_S) -> None:
    """Check an acknowledgement deadline in seconds."""
    _at_least("ack_deadline_seconds", seconds, minimum)
    _at_most("ack_deadline_seconds", seconds, MAX_ACK_DEADLINE_S)


def check_retention(seconds: float) -> None:
    """Check a retention time of messages: 10 minutes to 31 days."""
    _at_least("message_retention_duration", seconds, MIN_RETENTION_S)
    _at_most("message_retention_duration", seconds, MAX_RETENTION_S)


def check_expiration(seconds: float) -> None:
    """Check the idle time after which a subscription is removed: at least a day."""
    _at_least("expiration_policy.ttl", seconds, MIN_EXPIRATION_S)


def check_delivery_attempts(count: int) -> None:
    """Check the number of deliveries before a message goes to the dead letter topic: 5 to 100."""
    _at_least("max_delivery_attempts", count, MIN_DELIVERY_ATTEMPTS)
    _at_most("max_delivery_attempts", count, MAX_DELIVERY_ATTEMPTS)


def check_backoffs(minimum_s: float, maximum_s: float) -> None:
    """Check the back-offs of a retry policy: 0 to 600 seconds, and the maximum is not below the minimum."""
    for what, seconds in (("minimum_backoff", minimum_s), ("maximum_backoff", maximum_s)):
        if not 0 <= seconds <= MAX_BACKOFF_S:
            raise invalid(
                f"The value for {what} is out of bounds. You passed {seconds:g}s in the request, but the value must be "
                f"between 0s and {MAX_BACKOFF_S}s."
            )
    _at_least("maximum_backoff", maximum_s, minimum_s)


def check_transforms(codes: Sequence[str]) -> None:
    """Check the code of a resource's transforms: at most five, of at most 20 KB each."""
    _at_most("message_transforms_count", len(codes), MAX_TRANSFORMS)
    for code in codes:
        _at_least("javascript_udf_code_size", _size(code), 1)
        _at_most("javascript_udf_code_size", _size(code), MAX_TRANSFORM_BYTES)


def check_page_size(size: int) -> None:
    """Check a requested page size; 0 means the default."""
    _at_least("page_size", size, 0)


def check_labels(labels: Mapping[str, str]) -> None:
    """Check the labels of a resource: https://cloud.google.com/pubsub/docs/create-topic#labels."""
    _at_most("label_count", len(labels), MAX_LABELS)
    for key, value in labels.items():
        lower = key == key.lower() and value == value.lower()
        if not (lower and _LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value)):
            raise invalid(f"Invalid label given (key={key}, value={value}).")


def check_max_messages(count: int) -> None:
    """Check the maximum number of messages of a Pull: at least one."""
    if count < 1:
        raise invalid("You have passed an invalid argument to the service (argument=max_messages).")


def check_ack_request(size: int, ack_ids: Iterable[str]) -> None:
    """Check an Acknowledge or ModifyAckDeadline request: its serialized size, and that it has ids."""
    if size > MAX_ACK_REQUEST_BYTES:
        raise invalid(f"Request payload size exceeds the limit: {MAX_ACK_REQUEST_BYTES} bytes.")
    if not any(True for _ in ack_ids):
        raise invalid("No ack ids specified.")


def _check_name(name: str, collection: str) -> None:
    project, _, resource = name.partition(f"/{collection}/")
    if not re.fullmatch(r"projects/[^/]+", project) or not _RESOURCE_ID.fullmatch(resource):
        raise _bad_name(name)
    if resource.startswith(RESERVED_PREFIX):
        raise _bad_name(name)


def _bad_name(name: str) -> Exception:
    return invalid(
        f"Invalid resource name given (name={name}). Refer to "
        "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information."
    )


def _check_attribute(key: str, value: str) -> None:
    if not key:
        raise invalid("One of the attributes in the request has an empty key.")
    if key.startswith(RESERVED_PREFIX):
        raise invalid(f'The attribute "{key}" in the request has a key that starts with "{RESERVED_PREFIX}".')
    _check_part(key, "key", _size(key), MAX_ATTRIBUTE_KEY_BYTES)
    _check_part(key, "value", _size(value), MAX_ATTRIBUTE_VALUE_BYTES)


def _check_part(attribute: str, part: str, size: int, maximum: int) -> None:
    if size > maximum:
        raise invalid(
            f'The attribute "{attribute}" in the request has a {part} that is too long. '
            f"The length is {size} characters, but the maximum allowed is {maximum}. {_QUOTAS}"
        )


def _at_most(what: str, value: float, maximum: float) -> None:
    if value > maximum:
        raise invalid(
            f"The value for {what} is too large. You passed {value} in the request, but the maximum value is {maximum}."
        )


def _at_least(what: str, value: float, minimum: float) -> None:
    if value < minimum:
        raise invalid(
            f"The value for {what} is too small. You passed {value} in the request, but the minimum value is {minimum}."
        )


def _size(text: str) -> int:
    return len(text.encode())
