"""retrying: the number of attempts, the pauses and the deadline, on a fake clock."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from pytest_mock import MockerFixture

from function.errors import PublishError, PublishMisconfigured, PublishRefused, PublishTransient
from function.message import Message
from function.retrying import ATTEMPT_S, PAUSE_S, RetryingPublisher
from tests.function.fakes import FakeClock

MESSAGE = Message(b"{}", {})


class FakeRequests:
    """Returns or raises these answers in turn, and repeats the last one. Each takes ``takes_s`` seconds."""

    def __init__(self, clock: FakeClock, *answers: str | PublishError, takes_s: float = 0.0) -> None:
        self._clock = clock
        self._answers = list(answers)
        self._takes_s = takes_s
        self.timeouts: list[float] = []

    async def publish(self, topic: str, message: Message, *, timeout_s: float) -> str:
        """Return or raise the next answer."""
        assert (topic, message) == ("topic", MESSAGE)
        self.timeouts.append(timeout_s)
        self._clock.advance(min(self._takes_s, timeout_s))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, PublishError):
            raise answer
        return answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pauses(clock: FakeClock, mocker: MockerFixture) -> list[float]:
    """The pauses that were made. No real time passes."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)
        clock.advance(seconds)

    mocker.patch("asyncio.sleep", sleep)
    return made


def run(work: Coroutine[Any, Any, str]) -> str:
    return asyncio.run(work)


def publish(clock: FakeClock, requests: FakeRequests, timeout_s: float) -> str:
    return run(RetryingPublisher(requests, monotonic=clock).publish("topic", MESSAGE, timeout_s=timeout_s))


def test_the_timeout_of_the_first_attempt_is_exactly_that_of_an_attempt(clock: FakeClock) -> None:
    requests = FakeRequests(clock, "id")
    assert publish(clock, requests, 4.0) == "id"
    assert requests.timeouts == [ATTEMPT_S]  # messages share a batch only if their timeouts are equal


def test_an_attempt_has_no_longer_timeout_than_the_publish(clock: FakeClock) -> None:
    requests = FakeRequests(clock, "id")
    publish(clock, requests, 0.7)
    assert requests.timeouts == [0.7]


def test_transient_errors_are_retried_after_pauses_that_double_up_to_the_longest(
    clock: FakeClock, pauses: list[float]
) -> None:
    requests = FakeRequests(clock, *[PublishTransient("UNAVAILABLE")] * 6, "id")
    assert publish(clock, requests, 6.5) == "id"
    first, longest = PAUSE_S
    most = [first, 2 * first, 4 * first, longest, longest, longest]
    assert all(longest / 2 <= pause <= longest for pause, longest in zip(pauses, most, strict=True))


def test_there_is_no_pause_if_no_time_is_left_for_another_attempt(
    clock: FakeClock, pauses: list[float], mocker: MockerFixture
) -> None:
    mocker.patch("random.uniform", side_effect=max)
    requests = FakeRequests(clock, PublishTransient("UNAVAILABLE"))
    with pytest.raises(PublishTransient, match=r"^UNAVAILABLE$"):
        publish(clock, requests, PAUSE_S[0])
    assert (len(requests.timeouts), pauses) == (1, [])


@pytest.mark.usefixtures("pauses")
def test_half_of_a_pause_is_random_so_that_failed_requests_do_not_retry_together(
    clock: FakeClock, mocker: MockerFixture
) -> None:
    chance = mocker.patch("random.uniform", side_effect=max)
    publish(clock, FakeRequests(clock, *[PublishTransient("UNAVAILABLE")] * 5, "id"), 6.5)
    assert [call.args for call in chance.call_args_list] == [(0.05, 0.1), (0.1, 0.2), (0.2, 0.4), *[(0.4, 0.8)] * 2]


def test_attempts_and_pauses_together_stay_within_the_timeout(clock: FakeClock, pauses: list[float]) -> None:
    began_at = clock()
    requests = FakeRequests(clock, PublishTransient("DEADLINE_EXCEEDED"), takes_s=9.0)
    with pytest.raises(PublishTransient, match=r"^DEADLINE_EXCEEDED$"):
        publish(clock, requests, 4.0)
    assert clock() - began_at <= 4.0
    assert requests.timeouts[0] == ATTEMPT_S
    assert requests.timeouts[1] == pytest.approx(4.0 - ATTEMPT_S - pauses[0])


@pytest.mark.parametrize("error", [PublishMisconfigured("NOT_FOUND"), PublishRefused("INVALID_ARGUMENT")])
def test_a_lasting_error_is_raised_at_once(clock: FakeClock, pauses: list[float], error: PublishError) -> None:
    requests = FakeRequests(clock, error)
    with pytest.raises(type(error)):
        publish(clock, requests, 4.0)
    assert (len(requests.timeouts), pauses) == (1, [])


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_there_is_no_attempt_without_time(clock: FakeClock, timeout_s: float) -> None:
    requests = FakeRequests(clock, "id")
    with pytest.raises(PublishTransient, match=r"^no time was left to publish$"):
        publish(clock, requests, timeout_s)
    assert requests.timeouts == []
