"""Black box, both entry points: the function ends in time on SIGTERM, and gRPC works with all fork settings."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.blackbox.serving import ENTRY_POINTS
from tests.emulators.pubsub.faults import Fault
from tests.prove.report import Row
from tests.prove.time_and_hygiene import forked, sigterm

CLOUD_RUN_WAITS_S = 9.5
"""Seconds between SIGTERM and SIGKILL, less a little. ``make prove`` measures the promised 5 s."""

PARTS: dict[str, Callable[[str], list[Row]]] = {
    "publishes take 0.8 s": lambda entry_point: sigterm(entry_point, Fault.slow(0.8), 200, within_s=CLOUD_RUN_WAITS_S),
    "publishes hang": lambda entry_point: sigterm(entry_point, Fault.hang(), 503, within_s=CLOUD_RUN_WAITS_S),
    "fork settings": forked,
}


@pytest.fixture(scope="module")
def measured() -> dict[tuple[str, str], "Future[list[Row]]"]:
    """Measure everything, two functions at a time, because more would only wait for each other."""
    with ThreadPoolExecutor(2) as pool:
        return {
            (name, entry_point): pool.submit(part, entry_point)
            for name, part in PARTS.items()
            for entry_point in ENTRY_POINTS
        }


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
@pytest.mark.parametrize("what", PARTS)
def test_it_answers_all_requests_before_it_ends_and_serves_with_every_fork_setting_of_grpc(
    measured: dict[tuple[str, str], "Future[list[Row]]"], what: str, entry_point: str
) -> None:
    assert not [f"{row.promise}: {row.measured}" for row in measured[what, entry_point].result() if not row.holds]
