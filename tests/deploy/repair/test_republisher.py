"""Events sent to the function again: what counts as published, what is repeated and for how long, and what never is."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import jwt
import pytest

from deploy.errors import DeployError
from deploy.function_client import SIGNATURE_HEADER, Answer, FunctionClient, Origin
from deploy.program import UP
from deploy.repair.pace import Pace
from deploy.repair.republisher import DEADLINE_S, UNKNOWN_ORIGIN, Outdated, Republisher, Verdict
from deploy.secret import Secret
from tests.function.fakes import FakeClock

TEXT = "0123456789abcdef" * 4
PUBLISHED = Answer(200, '{"messageId": "17", "topic": "events"}')
BUSY = Answer(503, '{"error": "publish"}')


@dataclass
class Function:
    """A function with these answers; it repeats the last one. ``sent``: time, body and origin of each request."""

    answers: list[Answer]
    clock: FakeClock = field(default_factory=FakeClock)
    sent: list[tuple[float, bytes, str]] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Answer a request."""
        del url
        token = headers[SIGNATURE_HEADER]
        claims = jwt.decode(token, TEXT, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
        self.sent.append((self.clock(), body, claims["origin"]))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def republisher(self, origin: Origin = "replay", per_second: float = 0) -> Republisher:
        """Return a sender to this function, with the longest pauses that chance allows."""
        client = FunctionClient("https://function.example/", self.post, self.clock)
        pace = Pace(per_second, self.clock.advance, self.clock)
        return Republisher(
            client, Secret(TEXT), origin, pace, sleep=self.clock.advance, monotonic=self.clock, jitter=lambda: 1.0
        )

    def pauses(self) -> list[float]:
        """Return the seconds between the requests."""
        times = [at for at, _, _ in self.sent]
        return [later - earlier for earlier, later in itertools.pairwise(times)]


@pytest.mark.parametrize("origin", ["replay", "backfill"])
def test_an_event_counts_as_published_with_its_message_id_and_its_body_is_sent_as_it_is(origin: Origin) -> None:
    function = Function([PUBLISHED])
    assert function.republisher(origin).send(b'{ "a":1 }\n') == Verdict("published", message_id="17")
    assert [(body, sent_as) for _, body, sent_as in function.sent] == [(b'{ "a":1 }\n', origin)]


def test_an_event_that_the_function_refuses_is_not_repeated_and_has_its_reason() -> None:
    function = Function([Answer(422, '{"error": "no_envelope"}')])
    assert function.republisher().send(b"{}") == Verdict("refused", "no_envelope", status=422)
    assert len(function.sent) == 1


@pytest.mark.parametrize(
    "answer", [BUSY, Answer(429, ""), Answer(500, ""), Answer(599, ""), Answer(0, ""), Answer(408, "")]
)
def test_an_answer_that_may_pass_is_repeated_with_growing_pauses(answer: Answer) -> None:
    function = Function([answer, answer, answer, PUBLISHED])
    assert function.republisher().send(b"{}").outcome == "published"
    assert function.pauses() == [1.0, 2.0, 4.0]


def test_retry_after_lengthens_a_pause_and_never_shortens_it() -> None:
    function = Function([BUSY._replace(retry_after_s=5.0), BUSY._replace(retry_after_s=1.0), PUBLISHED])
    function.republisher().send(b"{}")
    assert function.pauses() == [5.0, 2.0]


def test_an_event_is_given_up_after_the_deadline_and_says_why() -> None:
    function = Function([BUSY])
    assert function.republisher().send(b"{}") == Verdict("failed", "503 publish", status=503)
    assert DEADLINE_S - 20 < sum(function.pauses()) <= DEADLINE_S
    assert max(function.pauses()) == 20.0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(401, '{"error": "signature"}'), "401 signature"),
        (Answer(413, '{"error": "too_large"}'), "413 too_large"),
        (Answer(403, f"<html>{'x' * 500}"), f"403 <html>{'x' * 194}"),
        (Answer(422, "Unprocessable"), "422 Unprocessable"),
        (Answer(499, ""), "499"),
        (Answer(200, "hello"), "not an answer of the function: 200 hello"),
        (Answer(200, '{"topic": "events"}'), 'not an answer of the function: 200 {"topic": "events"}'),
        (Answer(200, '["events"]'), 'not an answer of the function: 200 ["events"]'),
    ],
)
def test_any_other_answer_is_a_failure_that_is_not_repeated(answer: Answer, why: str) -> None:
    function = Function([answer])
    assert function.republisher().send(b"{}") == Verdict("failed", why, status=answer.status)
    assert len(function.sent) == 1


def test_a_function_that_puts_the_event_on_its_rejected_topic_is_too_old_and_ends_the_run() -> None:
    function = Function([Answer(200, json.dumps({"messageId": "18", "topic": "rejected"}))])
    with pytest.raises(Outdated) as failed:
        function.republisher().send(b"{}")
    assert failed.value.what == (
        "the deployed function does not know python -m deploy replay: it put an event on its rejected topic"
    )
    assert (failed.value.where, failed.value.fix) == ("https://function.example/", (UP,))


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (Answer(422, '{"error": "expired"}'), "behind the function's: it answered 422 expired"),
        (Answer(503, '{"error": "clock"}'), "ahead of the function's: it answered 503 clock"),
    ],
)
def test_a_clock_that_is_wrong_ends_the_run_and_is_named_with_what_sets_it(answer: Answer, what: str) -> None:
    function = Function([BUSY, answer])
    with pytest.raises(DeployError) as failed:
        function.republisher().send(b"{}")
    error = failed.value
    assert (error.what, error.where) == (f"the clock of this machine is {what}", "https://function.example/")
    assert (len(function.sent), error.fix) == (2, ("sudo timedatectl set-ntp true",))


def test_every_attempt_waits_for_its_turn() -> None:
    function = Function([PUBLISHED, BUSY, PUBLISHED])
    republisher = function.republisher(per_second=0.25)
    for _ in range(2):
        republisher.send(b"{}")
    assert function.pauses() == [4.0, 4.0]


CHECKSUM, SIGNATURE = Answer(401, '{"error": "checksum"}'), Answer(401, '{"error": "signature"}')


def test_a_function_that_knows_the_secret_and_the_origin_is_found_out_without_publishing() -> None:
    function = Function([BUSY, CHECKSUM, SIGNATURE])
    function.republisher("backfill").check()
    assert [origin for _, _, origin in function.sent] == ["backfill", "backfill", UNKNOWN_ORIGIN]


UNKNOWN = "it is not known whether the function knows python -m deploy replay: "
STATUS = ("python -m deploy status",)
SECRET = ("python -m deploy rotate --status", "python -m deploy plan")


@pytest.mark.parametrize(
    ("answers", "what", "fix"),
    [
        (
            [CHECKSUM, CHECKSUM],
            "the deployed function is older than this command: it does not know python -m deploy replay",
            (UP,),
        ),
        ([CHECKSUM, BUSY], f"{UNKNOWN}503 publish", STATUS),
        ([CHECKSUM, Answer(0, "")], f"{UNKNOWN}no answer", STATUS),
        ([CHECKSUM, Answer(401, "Unauthorized")], f"{UNKNOWN}401 Unauthorized", STATUS),
        ([SIGNATURE], "the function does not accept the newest secret: it answered 401 signature", SECRET),
        ([Answer(401, "[]")], "the function does not accept the newest secret: it answered 401 []", SECRET),
        ([Answer(403, " Forbidden ")], "the function answered 403 Forbidden", STATUS),
        ([Answer(404, "")], "the function answered 404", STATUS),
        ([Answer(404, '{"error": 7}')], 'the function answered 404 {"error": 7}', STATUS),
        ([Answer(0, "")], "the function does not answer", STATUS),
        ([BUSY], "the function answered 503 publish", STATUS),
    ],
)
def test_a_function_that_cannot_be_used_is_an_error_before_anything_is_sent(
    answers: list[Answer], what: str, fix: tuple[str, ...]
) -> None:
    with pytest.raises(DeployError) as failed:
        Function(answers).republisher().check()
    error = failed.value
    assert (error.what, error.where, error.fix) == (what, "https://function.example/", fix)
    assert isinstance(error, Outdated) == (fix == (UP,))


def test_pauses_vary_between_the_half_and_the_whole_so_that_threads_do_not_meet() -> None:
    function = Function([BUSY, BUSY, PUBLISHED])
    replace(function.republisher(), jitter=lambda: 0.0).send(b"{}")
    assert function.pauses() == [0.5, 1.0]
