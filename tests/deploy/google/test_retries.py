"""All clients of Google's APIs agree on which failures pass by themselves, and repeat a call only after these."""

from collections.abc import Sequence

import pytest

from deploy.google.calls import Answer
from deploy.google.retries import TRANSIENT, TRANSIENT_OR_SILENT, repeated

PAUSES_S = (1.0, 2.0)


def after(statuses: Sequence[int]) -> tuple[int, list[float], int]:
    """Return the last status, the pauses, and the number of attempts of a call that is answered with these in turn."""
    answers, slept, noticed = [Answer(status) for status in statuses], list[float](), list[float]()
    answer = repeated(
        lambda: answers.pop(0),
        PAUSES_S,
        lambda answer: answer.status in TRANSIENT,
        slept.append,
        lambda _, pause_s: noticed.append(pause_s),
    )
    assert noticed == slept
    return answer.status, slept, len(statuses) - len(answers)


@pytest.mark.parametrize("status", sorted(TRANSIENT))
def test_a_call_is_repeated_after_what_passes_and_not_after_success(status: int) -> None:
    assert after([status, 200, 200]) == (200, [1.0], 2)


def test_the_last_answer_counts_if_no_attempt_succeeds() -> None:
    assert after([503, 429, 500]) == (500, [1.0, 2.0], 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 501])
def test_a_refusal_is_not_repeated(status: int) -> None:
    assert after([status, 200]) == (status, [], 1)


def test_silence_counts_as_transient_only_where_a_client_says_so() -> None:
    assert {0} == TRANSIENT_OR_SILENT - TRANSIENT
