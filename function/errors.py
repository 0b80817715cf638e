"""The one family of errors.

::

    RelayError
    ├── SettingsError         the settings are unsound: the process must not start
    ├── RequestError          the request cannot be read as it came
    │   ├── MethodNotAllowed      it is no POST
    │   ├── BodyTooLarge          more bytes than MAX_BODY_BYTES
    │   ├── BodyIncomplete        the client stalled or left before the body's end
    │   └── Busy                  there is no room for a large body beside the others
    ├── ProofError            it is not proven that DT sent this body for the customer's organization
    │   ├── Unsigned              no header of a configured scheme that could prove it
    │   ├── SignatureInvalid      malformed token, wrong algorithm, MAC, key, issuer or organization
    │   ├── ChecksumMismatch      a good token, for another body
    │   ├── ClockBehind           a good token, issued in our future
    │   └── KeysUnavailable       neither secrets nor keys to prove it with
    ├── EventError            DT sent it, yet it is not to be passed on as it is: it is kept
    │   ├── Expired               older than its token allows
    │   ├── Malformed             not a JSON object in UTF-8
    │   ├── NoEnvelope            no usable event id, event type or target name
    │   └── ForeignProject        from a project that is not on the allow-list
    └── PublishError          no topic has acknowledged the message
        ├── PublishTransient      it may be acknowledged when it is sent again
        ├── PublishMisconfigured  it will not be before somebody fixes the topic or its permissions
        ├── PublishRefused        Pub/Sub calls the message itself invalid
        ├── PublishUnacknowledged the answer does not hold one message id for each message
        └── RejectedTopicFailed   the topic for what cannot be passed on did not acknowledge either
"""

from collections.abc import Sequence


class RelayError(Exception):
    """Whatever goes wrong on purpose. Its text is for the operator's log: no token, no secret, no body in it."""


class SettingsError(RelayError):
    """The environment does not make sound settings; ``faults`` names every one of them."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("the settings are unsound:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = tuple(faults)


class RequestError(RelayError):
    """The request cannot be read as it came."""


class MethodNotAllowed(RequestError):
    """The request is no POST."""


class BodyTooLarge(RequestError):
    """The body is, or is announced to be, over MAX_BODY_BYTES."""


class BodyIncomplete(RequestError):
    """The client stalled or left before the end of the body."""


class Busy(RequestError):
    """There is no room for a large body beside those that are being published."""


class ProofError(RelayError):
    """It is not proven that DT sent this body for the customer's organization."""


class Unsigned(ProofError):
    """No signature header of a configured scheme, or only ones that are repeated or too long."""


class SignatureInvalid(ProofError):
    """The token is malformed, or no secret or key of ours made its signature."""


class ChecksumMismatch(ProofError):
    """The token is good, but made for another body: tampering, or a proxy that rewrites."""


class ClockBehind(ProofError):
    """The token is good, but issued in the future of our clock by more than the leeway."""


class KeysUnavailable(ProofError):
    """The secret file cannot be read, or DT's keys cannot be fetched, and there is no last good value."""


class EventError(RelayError):
    """DT sent it, yet it is not to be passed on as it is: it is kept on the rejected topic."""


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
    """Pub/Sub did not acknowledge in time; it may when the message is sent again."""


class PublishMisconfigured(PublishError):
    """The topic is missing, or the service account may not publish to it."""


class PublishRefused(PublishError):
    """Pub/Sub calls the message itself invalid."""


class PublishUnacknowledged(PublishError):
    """Pub/Sub's answer does not hold one message id for each message."""


class RejectedTopicFailed(PublishError):
    """The rejected topic did not acknowledge; its cause is the other publish error."""
