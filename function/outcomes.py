"""The decision table: the answer, the topic and the log line of each outcome.

The number behind each row is its number in the table of docs/reference.md. A test compares the two tables.
"""

from dataclasses import dataclass

from function import errors
from function.settings import Severity

RETRY_AFTER_S = 5
"""Value of ``Retry-After`` in an answer 503, in seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row: the reason code, the HTTP status, and the severity and the beginning of the message of the log line.

    ``sampled``: the reason has at most one log line a second, because any client can cause it.
    """

    reason: str
    status: int
    severity: Severity
    message: str
    sampled: bool = False


DELIVERED = Outcome("", 200, "INFO", "delivered")  # 13, 15, 17
DELIVERED_WITH_WARNING = Outcome("", 200, "WARNING", "delivered, though its data or attributes are odd")  # 14, 16
INTERNAL = Outcome("internal", 500, "ERROR", "failed: an unforeseen error")  # 23

BY_ERROR: dict[type[errors.RelayError], Outcome] = {
    errors.MethodNotAllowed: Outcome("method", 405, "DEBUG", "refused: not a POST", sampled=True),  # 1
    errors.Unsigned: Outcome("unsigned", 401, "INFO", "refused: no signature", sampled=True),  # 2
    errors.BodyTooLarge: Outcome("too_large", 413, "WARNING", "refused: body over MAX_BODY_BYTES"),  # 3
    errors.BodyIncomplete: Outcome("incomplete", 408, "INFO", "refused: the body did not arrive"),  # 4
    errors.Busy: Outcome("busy", 503, "WARNING", "put off: too many large bodies at once"),  # 25
    errors.SignatureInvalid: Outcome("signature", 401, "WARNING", "refused: signature invalid", sampled=True),  # 5
    errors.ChecksumMismatch: Outcome("checksum", 401, "ERROR", "refused: signed for another body"),  # 6
    errors.KeysUnavailable: Outcome("keys", 503, "CRITICAL", "put off: nothing to verify with", sampled=True),  # 7
    errors.ClockBehind: Outcome("clock", 503, "ERROR", "put off: signed in our future"),  # 8
    errors.Expired: Outcome("expired", 200, "WARNING", "kept: older than its token allows"),  # 9
    errors.Malformed: Outcome("malformed", 200, "ERROR", "kept: no JSON object"),  # 10
    errors.NoEnvelope: Outcome("no_envelope", 200, "ERROR", "kept: no event"),  # 11
    errors.ForeignProject: Outcome("foreign_project", 200, "WARNING", "kept: project not allowed"),  # 12
    errors.PublishTransient: Outcome("publish", 503, "WARNING", "put off: Pub/Sub did not acknowledge"),  # 18
    errors.PublishMisconfigured: Outcome("publish_config", 503, "CRITICAL", "put off: the topic cannot be used"),  # 19
    errors.PublishRefused: Outcome("invalid_argument", 200, "ERROR", "kept: invalid for the main topic"),  # 20
    errors.RejectedTopicFailed: Outcome("publish_rejected", 503, "CRITICAL", "put off: the rejected topic fails"),  # 21
    errors.PublishUnacknowledged: Outcome("publish", 503, "ERROR", "put off: not one message id"),  # 22
}
"""The outcome of each error. A 200 is sent only after the rejected topic has acknowledged the event."""

BY_ERROR_WITH_ORIGIN: dict[type[errors.RelayError], Outcome] = {
    errors.Expired: Outcome("expired", 422, "WARNING", "refused: older than its token allows"),  # 24
    errors.Malformed: Outcome("malformed", 422, "WARNING", "refused: no JSON object"),  # 24
    errors.NoEnvelope: Outcome("no_envelope", 422, "WARNING", "refused: no event"),  # 24
    errors.ForeignProject: Outcome("foreign_project", 422, "WARNING", "refused: project not allowed"),  # 24
    errors.PublishRefused: Outcome("invalid_argument", 422, "WARNING", "refused: invalid for the main topic"),  # 24
}
"""The outcomes instead of a 200 if an operator sends the event: nothing is published, because its sender has it."""
