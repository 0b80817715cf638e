"""Black box: names cannot be looked up, in a network namespace where Google's real names and ports are played."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.pace import within
from tests.prove.names import Fault, Outage, in_own_network, why_not

REASON = why_not()
OUTAGE_S, BACK_S, LIMIT_S = 10.5, 2.0, 4.5
PARTS: list[tuple[str, Fault]] = [("ingest", "fails"), ("ingest", "silent"), ("ingest_wsgi", "fails")]

pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture(scope="module")
def measured() -> "dict[tuple[str, Fault], Future[Outage]]":
    """Measure everything at once, each in a network of its own."""
    with ThreadPoolExecutor() as pool:
        return {(door, fault): pool.submit(in_own_network, door, OUTAGE_S, fault) for door, fault in PARTS}


@pytest.mark.parametrize(("door", "fault"), PARTS)
def test_once_names_are_found_again_an_event_is_delivered_within_two_seconds(
    measured: "dict[tuple[str, Fault], Future[Outage]]", door: str, fault: Fault
) -> None:
    outage = measured[door, fault].result()
    assert outage.statuses["503 publish"] >= 30
    assert within(outage.slowest_s, LIMIT_S)
    assert within(outage.back_s, BACK_S)
    assert "pubsub.googleapis.com" in outage.output, "the log names what could not be found"
    assert all(line.startswith('{"severity"') for line in outage.output.splitlines())
