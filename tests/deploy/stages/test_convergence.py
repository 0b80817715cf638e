"""Waiting until every instance of the function knows a secret: what counts, and when it gives up."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping

import pytest

from deploy.errors import NotProven
from deploy.function_client import Answer, FunctionClient
from deploy.secret import Secret
from deploy.stages.convergence import AT_ONCE, GIVE_UP_S, ROUND_S, ROUNDS, Convergence
from tests.function.fakes import FakeClock

NEW, OLD = Secret("n" * 40), Secret("o" * 40)
KNOWN, UNKNOWN = (401, '{"error": "checksum"}'), (401, '{"error": "signature"}')


class Asked:
    """A function whose answers are given by the number of the request; it keeps all notices."""

    def __init__(self, answer: Callable[[int], tuple[int, str]]) -> None:
        self.clock = FakeClock()
        self.count = 0
        self.notices: list[str] = []
        self._answer = answer
        client = FunctionClient("https://f.a.run.app", self._post, self.clock)
        self.convergence = Convergence(client, "rotate", self.notices.append, self.clock.advance, self.clock)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        del url, headers
        assert body == b"{}"
        self.count += 1
        return Answer(*self._answer(self.count))


def test_it_asks_several_times_at_once_and_again_over_minutes() -> None:
    asked = Asked(lambda _: KNOWN)
    began_at = asked.clock()
    found = asked.convergence.wait(NEW)
    assert (found.asked, found.refused, asked.count) == (ROUNDS * AT_ONCE, 0, ROUNDS * AT_ONCE)
    assert asked.clock() - began_at == found.seconds == (ROUNDS - 1) * ROUND_S >= 150
    assert asked.notices == []
    assert found.sentence("it knows") == "it knows: 48 requests in a row within 165 s; nothing was published"


@pytest.mark.parametrize("late", [(2, 401, '{"error": "signature"}'), (44, 401, '{"error": "signature"}'), (20, 0, "")])
def test_a_single_wrong_answer_begins_the_count_anew(late: tuple[int, int, str]) -> None:
    number, status, text = late
    asked = Asked(lambda count: (status, text) if count == number else KNOWN)
    found = asked.convergence.wait(NEW)
    rounds_before = (number - 1) // AT_ONCE + 1
    assert asked.count == (rounds_before + ROUNDS) * AT_ONCE
    assert (found.asked, found.refused) == (ROUNDS * AT_ONCE, 1)
    reason = "401 signature" if status else "no answer"
    assert asked.notices == [f"not everywhere yet: 1 request answered {reason}; again in 15 s"]
    assert ", after 1 that found it otherwise; nothing was published" in found.sentence("it knows")


@pytest.mark.parametrize(("known", "is_over"), [((NEW,), True), ((NEW, OLD), False), ((), False), ((OLD,), False)])
def test_a_secret_that_is_to_be_forgotten_has_to_be_refused_while_the_new_one_is_known(
    known: tuple[Secret, ...], *, is_over: bool
) -> None:
    def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        del url, body
        head, _, signature = headers["X-Dt-Signature"].rpartition(".")
        macs = [hmac.digest(secret.reveal().encode(), head.encode(), "sha256") for secret in known]
        return Answer(
            *(KNOWN if signature in {urlsafe_b64encode(mac).decode().rstrip("=") for mac in macs} else UNKNOWN)
        )

    clock = FakeClock()
    convergence = Convergence(FunctionClient("", post, clock), "rotate", sleep=clock.advance, now=clock)
    if is_over:
        assert convergence.wait(NEW, (OLD,)).asked == 2 * ROUNDS * AT_ONCE
    else:
        with pytest.raises(NotProven):
            convergence.wait(NEW, (OLD,))


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (UNKNOWN, "4 requests answered 401 signature"),
        ((403, "<html>Forbidden"), "4 requests answered 403"),
        ((503, '{"error": "keys"}'), "4 requests answered 503 keys"),
        ((0, ""), "4 requests answered no answer"),
        ((200, "[]"), "4 requests answered 200"),
    ],
    ids=str,
)
def test_it_gives_up_after_half_an_hour_and_says_what_was_answered(answer: tuple[int, str], shown: str) -> None:
    asked = Asked(lambda _: answer)
    with pytest.raises(NotProven, match=f"everywhere within 30 min: {shown}") as failed:
        asked.convergence.wait(NEW)
    assert failed.value.fix == ("rotate",)
    assert asked.clock() - FakeClock()() >= GIVE_UP_S
