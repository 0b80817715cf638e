"""The pace of requests: turns at equal intervals, however many threads ask for one."""

from concurrent.futures import ThreadPoolExecutor

from deploy.repair.pace import Pace
from tests.function.fakes import FakeClock


def test_turns_come_at_equal_intervals_and_time_that_nobody_used_is_not_made_up_for() -> None:
    clock, began = FakeClock(), list[float]()
    pace = Pace(4.0, clock.advance, clock)
    began_at = clock()
    for _ in range(3):
        pace.wait()
        began.append(clock() - began_at)
    clock.advance(10)
    for _ in range(2):
        pace.wait()
        began.append(clock() - began_at)
    assert began == [0.0, 0.25, 0.5, 10.5, 10.75]


def test_threads_that_ask_at_once_get_different_turns() -> None:
    waits: list[float] = []
    pace = Pace(2.0, waits.append, lambda: 0.0)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            pool.submit(pace.wait)
    assert sorted(waits) == [0.5, 1.0, 1.5, 2.0]


def test_without_a_rate_nobody_waits() -> None:
    waits: list[float] = []
    pace = Pace(0, waits.append, lambda: 0.0)
    for _ in range(3):
        pace.wait()
    assert waits == []
