"""Calls of DT stay under its rate limit."""

from concurrent.futures import ThreadPoolExecutor

from deploy.dt.calls import DtAnswer, DtRequest
from deploy.dt.limiter import CALLS, WINDOW_S, Limited, Limiter
from tests.function.fakes import FakeClock

DTS_OWN_LIMIT = 25
REQUEST = DtRequest("GET", "/projects")


def test_in_no_window_there_are_more_calls_than_agreed() -> None:
    clock, begun = FakeClock(), list[float]()
    limiter = Limiter(clock, clock.advance)
    for _ in range(3 * CALLS):
        limiter.wait()
        begun.append(clock())
    assert max(sum(at <= other < at + WINDOW_S for other in begun) for at in begun) == CALLS < DTS_OWN_LIMIT
    assert clock() - begun[0] <= 2 * WINDOW_S + 0.1


def test_all_threads_share_the_limit() -> None:
    clock, slept = FakeClock(), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(seconds)

    limiter = Limiter(clock, sleep)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(CALLS + 1):
            pool.submit(limiter.wait)
    assert slept


class LoggingIn:
    """A transport whose login takes some seconds, and whose calls note when they begin."""

    def __init__(self, clock: FakeClock, refusal: DtAnswer | None = None) -> None:
        self.clock, self.refusal, self.is_due = clock, refusal, True
        self.begun: list[float] = []

    def log_in(self) -> DtAnswer | None:
        """Take some seconds, once."""
        self.clock.advance(4.5 if self.is_due else 0)
        self.is_due = False
        return self.refusal

    def __call__(self, request: DtRequest) -> DtAnswer:
        """Note the time."""
        assert request is REQUEST
        self.log_in()
        self.begun.append(self.clock())
        return DtAnswer(200, {})


def test_a_login_comes_before_a_call_is_counted() -> None:
    clock = FakeClock()
    transport, limiter = LoggingIn(clock), Limiter(clock, clock.advance)
    limited = Limited(transport, limiter)
    for _ in range(2 * CALLS):
        limited(REQUEST)
    assert max(sum(at <= other < at + WINDOW_S for other in transport.begun) for at in transport.begun) == CALLS
    assert transport.begun[CALLS] - transport.begun[0] >= WINDOW_S


def test_a_refused_login_is_the_answer_and_its_wish_to_wait_holds() -> None:
    clock, refusal = FakeClock(), DtAnswer(429, {}, "7")
    transport, limiter = LoggingIn(clock, refusal), Limiter(clock, clock.advance)
    assert Limited(transport, limiter)(REQUEST) == refusal
    assert transport.begun == []
    began_at = clock()
    limiter.wait()
    assert clock() - began_at >= 7


def test_after_a_refusal_no_call_begins_before_dt_wants_it_to() -> None:
    clock, answers = FakeClock(), [DtAnswer(429, {}, "7"), DtAnswer(200, {})]
    begun: list[float] = []

    def transport(request: DtRequest) -> DtAnswer:
        assert request is REQUEST
        begun.append(clock())
        return answers.pop(0)

    limited = Limited(transport, Limiter(clock, clock.advance))
    assert [limited(REQUEST).status, limited(REQUEST).status] == [429, 200]
    assert begun[1] - begun[0] >= 7
