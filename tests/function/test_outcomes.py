"""outcomes: the decision table has exactly the rows of the design."""

import pytest

from function import errors
from function.outcomes import (
    BY_ERROR,
    BY_ERROR_WITH_ORIGIN,
    DELIVERED,
    DELIVERED_WITH_WARNING,
    INTERNAL,
    RETRY_AFTER_S,
)
from function.settings import SEVERITIES

TABLE = [
    (1, errors.MethodNotAllowed, "method", 405, "DEBUG"),
    (2, errors.Unsigned, "unsigned", 401, "INFO"),
    (3, errors.BodyTooLarge, "too_large", 413, "WARNING"),
    (4, errors.BodyIncomplete, "incomplete", 408, "INFO"),
    (5, errors.SignatureInvalid, "signature", 401, "WARNING"),
    (6, errors.ChecksumMismatch, "checksum", 401, "ERROR"),
    (7, errors.KeysUnavailable, "keys", 503, "CRITICAL"),
    (8, errors.ClockBehind, "clock", 503, "ERROR"),
    (9, errors.Expired, "expired", 200, "WARNING"),
    (10, errors.Malformed, "malformed", 200, "ERROR"),
    (11, errors.NoEnvelope, "no_envelope", 200, "ERROR"),
    (12, errors.ForeignProject, "foreign_project", 200, "WARNING"),
    (18, errors.PublishTransient, "publish", 503, "WARNING"),
    (19, errors.PublishMisconfigured, "publish_config", 503, "CRITICAL"),
    (20, errors.PublishRefused, "invalid_argument", 200, "ERROR"),
    (21, errors.RejectedTopicFailed, "publish_rejected", 503, "CRITICAL"),
    (25, errors.Busy, "busy", 503, "WARNING"),
    (22, errors.PublishUnacknowledged, "publish", 503, "ERROR"),
]
ROWS = (*BY_ERROR.values(), *BY_ERROR_WITH_ORIGIN.values())


@pytest.mark.parametrize(("row", "error", "reason", "status", "severity"), TABLE)
def test_the_row_of_each_error_is_that_of_the_design(
    row: int, error: type[errors.RelayError], reason: str, status: int, severity: str
) -> None:
    outcome = BY_ERROR[error]
    assert (outcome.reason, outcome.status, outcome.severity) == (reason, status, severity)


def test_the_table_has_no_other_rows() -> None:
    assert set(BY_ERROR) == {error for _, error, *_ in TABLE}


def test_row_24_whatever_would_be_kept_is_refused_with_the_same_reason_if_an_operator_sends_it() -> None:
    kept = {error: outcome.reason for error, outcome in BY_ERROR.items() if outcome.status == 200}
    assert {error: outcome.reason for error, outcome in BY_ERROR_WITH_ORIGIN.items()} == kept
    assert {(outcome.status, outcome.severity) for outcome in BY_ERROR_WITH_ORIGIN.values()} == {(422, "WARNING")}


def test_no_line_of_an_operators_request_is_left_out() -> None:
    assert not any(outcome.sampled for outcome in BY_ERROR_WITH_ORIGIN.values())


def leaves(error: type[errors.RelayError]) -> set[type[errors.RelayError]]:
    return {leaf for child in error.__subclasses__() for leaf in leaves(child)} or {error}


def test_every_error_that_a_request_can_meet_has_a_row() -> None:
    assert set(BY_ERROR) == leaves(errors.RelayError) - {errors.SettingsError}


def test_only_reasons_that_any_client_can_cause_are_sampled() -> None:
    assert {outcome.reason for outcome in BY_ERROR.values() if outcome.sampled} == {
        "method",
        "unsigned",
        "signature",
        "keys",
    }


def test_delivered_events_and_unexpected_errors_have_their_rows() -> None:
    assert (DELIVERED.status, DELIVERED.severity, DELIVERED.reason) == (200, "INFO", "")
    assert (DELIVERED_WITH_WARNING.status, DELIVERED_WITH_WARNING.severity, DELIVERED_WITH_WARNING.reason) == (
        200,
        "WARNING",
        "",
    )
    assert (INTERNAL.status, INTERNAL.severity, INTERNAL.reason) == (500, "ERROR", "internal")


def test_every_row_has_a_message_and_a_severity_of_cloud_logging() -> None:
    for outcome in (*ROWS, DELIVERED, DELIVERED_WITH_WARNING, INTERNAL):
        assert outcome.message
        assert outcome.severity in SEVERITIES


def test_every_message_begins_with_the_action_that_was_taken() -> None:
    done = {200: "kept: ", 503: "put off: "}
    for outcome in ROWS:
        assert outcome.message.startswith(done.get(outcome.status, "refused: "))
    assert DELIVERED.message == "delivered"
    assert DELIVERED_WITH_WARNING.message.startswith("delivered, ")
    assert INTERNAL.message.startswith("failed: ")


def test_the_retry_after_of_a_503_is_five_seconds() -> None:
    assert RETRY_AFTER_S == 5
