"""Black box: the lookup of names fails, in a network namespace with stand-ins at Google's real names and ports."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.pace import in_time
from tests.prove.names import Fault, Outage, in_own_network, why_not

REASON = why_not()
OUTAGE_S, BACK_S, LIMIT_S = 10.5, 2.0, 4.5
PARTS: list[tuple[str, Fault]] = [("ingest", "fails"), ("ingest", "silent"), ("ingest_wsgi", "fails")]

pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture(scope="module")
def measured() -> "dict[tuple[str, Fault], Future[Outage]]":
    """Measure everything at the same time, each in a network namespace of its own."""
    with ThreadPoolExecutor() as pool:
        return {
            (entry_point, fault): pool.submit(in_own_network, entry_point, OUTAGE_S, fault)
            for entry_point, fault in PARTS
        }


@pytest.mark.parametrize(("entry_point", "fault"), PARTS)
def test_an_event_is_delivered_within_two_seconds_after_names_are_found_again(
    measured: "dict[tuple[str, Fault], Future[Outage]]", entry_point: str, fault: Fault
) -> None:
    outage = measured[entry_point, fault].result()
    assert outage.statuses["503 publish"] >= 30
    in_time(outage.slowest_s, LIMIT_S)
    in_time(outage.back_s, BACK_S)
    assert "pubsub.googleapis.com" in outage.output, "the log names what could not be found"
    assert all(line.startswith('{"severity"') for line in outage.output.splitlines())
