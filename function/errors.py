"""The exceptions that the function expects.

::

    RelayError
    ├── SettingsError         the settings are invalid: the process must not start
    ├── RequestError          the request is refused before its event is looked at
    │   ├── MethodNotAllowed      the method is not POST
    │   ├── BodyTooLarge          the body has more bytes than MAX_BODY_BYTES
    │   ├── BodyIncomplete        the client stalled or left before the body's end
    │   └── Busy                  a large body does not fit beside the others
    ├── ProofError            it is not proven that DT sent this body for the customer's organization
    │   ├── Unsigned              no header of a configured scheme has a usable token
    │   ├── SignatureInvalid      malformed token, wrong algorithm, MAC, key, issuer or organization
    │   ├── ChecksumMismatch      a valid token, made for another body
    │   ├── ClockBehind           a valid token, issued in the future of this clock
    │   └── KeysUnavailable       there are neither secrets nor keys to verify with
    ├── EventError            the event is authentic, but cannot be used: it belongs on the rejected topic
    │   ├── Expired               the token has expired
    │   ├── Malformed             the body is not a JSON object in UTF-8
    │   ├── NoEnvelope            no usable event id, event type or target name
    │   └── ForeignProject        the event's project is not on the allow-list
    └── PublishError          no topic has acknowledged the message
        ├── PublishTransient      another attempt may succeed
        ├── PublishMisconfigured  the operator has to fix the topic or its permissions
        ├── PublishRefused        Pub/Sub calls the message itself invalid
        ├── PublishUnacknowledged the answer does not contain one message id for each message
        └── RejectedTopicFailed   the rejected topic did not acknowledge either
"""

from collections.abc import Sequence


class RelayError(Exception):
    """Base class of all expected errors. The text is logged, so it contains no token, no secret and no body."""


class SettingsError(RelayError):
    """The environment does not make valid settings. ``faults`` has one sentence for each fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("the settings are invalid:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = tuple(faults)


class RequestError(RelayError):
    """The request is refused before its event is looked at."""


class MethodNotAllowed(RequestError):
    """The method is not POST."""


class BodyTooLarge(RequestError):
    """The body has, or announces, more bytes than MAX_BODY_BYTES."""


class BodyIncomplete(RequestError):
    """The client stalled or left before the end of the body."""


class Busy(RequestError):
    """A large body does not fit beside the large bodies that are being published."""


class ProofError(RelayError):
    """It is not proven that DT sent this body for the customer's organization."""


class Unsigned(ProofError):
    """The request has no signature header of a configured scheme, or only repeated or too long ones."""


class SignatureInvalid(ProofError):
    """The token is malformed, or was not signed with a known secret or key, or is for another organization."""


class ChecksumMismatch(ProofError):
    """The token is valid, but was made for another body: tampering, or a proxy that rewrites bodies."""


class ClockBehind(ProofError):
    """The token is valid, but was issued more than the leeway ahead of this machine's clock."""


class KeysUnavailable(ProofError):
    """The secret file cannot be read, or DT's keys cannot be fetched, and there is no earlier value."""


class EventError(RelayError):
    """The event is authentic, but cannot be used: it belongs on the rejected topic, or its sender keeps it."""


class Expired(EventError):
    """The token has expired: a replay, or a delivery that took more than an hour."""


class Malformed(EventError):
    """The body is not a JSON object in UTF-8."""


class NoEnvelope(EventError):
    """The body is a JSON object without a usable event id, event type or target name."""


class ForeignProject(EventError):
    """The event's DT project is not on the allow-list."""


class PublishError(RelayError):
    """No topic has acknowledged the message."""


class PublishTransient(PublishError):
    """Pub/Sub did not acknowledge in time. Another attempt may succeed."""


class PublishMisconfigured(PublishError):
    """The topic is missing, or the service account may not publish to it."""


class PublishRefused(PublishError):
    """Pub/Sub calls the message itself invalid."""


class PublishUnacknowledged(PublishError):
    """Pub/Sub's answer does not contain one message id for each message."""


class RejectedTopicFailed(PublishError):
    """The rejected topic did not acknowledge. ``__cause__`` is the error of the publish attempt."""
