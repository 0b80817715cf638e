"""Black box: how the function ends on SIGTERM, and that gRPC works in it whatever its fork settings are; both doors."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from deploy.offline.pubsub.faults import Fault
from tests.prove.report import Row
from tests.prove.time_and_hygiene import forked, sigterm
from tests.serving import DOORS

CLOUD_RUN_WAITS_S = 9.5
"""Seconds between SIGTERM and SIGKILL, less a little. The 5 s that are promised are measured by ``make prove``."""

PARTS: dict[str, Callable[[str], list[Row]]] = {
    "publishes take 0.8 s": lambda door: sigterm(door, Fault.slow(0.8), 200, within_s=CLOUD_RUN_WAITS_S),
    "publishes hang": lambda door: sigterm(door, Fault.hang(), 503, within_s=CLOUD_RUN_WAITS_S),
    "fork settings": forked,
}


@pytest.fixture(scope="module")
def measured() -> dict[tuple[str, str], "Future[list[Row]]"]:
    """Measure everything, two functions at a time: more of them would only wait for each other."""
    with ThreadPoolExecutor(2) as pool:
        return {(name, door): pool.submit(part, door) for name, part in PARTS.items() for door in DOORS}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("what", PARTS)
def test_it_ends_in_time_with_all_in_flight_answered_and_serves_whatever_grpc_is_told_of_forks(
    measured: dict[tuple[str, str], "Future[list[Row]]"], what: str, door: str
) -> None:
    assert not [f"{row.promise}: {row.measured}" for row in measured[what, door].result() if not row.holds]
