"""Black box: Cloud Run stops the processes between requests, for longer than gunicorn's limit for a silent worker."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.blackbox.serving import ENTRY_POINTS, Function
from tests.blackbox.stage import SECRET
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.faults import Fault
from tests.prove.traffic import Sent, send_new

TOPIC, REJECTED_TOPIC = "projects/p/topics/events", "projects/p/topics/rejected"
TIMEOUT_S = 1
PAUSE_S = 3.5
EVENTS = 5


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_the_process_that_was_paused_answers_the_first_events_after_the_pause(
    embedded: EmbeddedPubSub, tmp_path: Path, entry_point: str
) -> None:
    for topic in (TOPIC, REJECTED_TOPIC):
        embedded.create_topic(topic)
    environ = {
        "CLOUD_RUN_TIMEOUT_SECONDS": str(TIMEOUT_S),
        "PUBSUB_EMULATOR_HOST": embedded.host,
        "PUBSUB_TOPIC": TOPIC,
        "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC,
        "DT_SIGNATURE_SECRET": SECRET,
        "THREADS": "16",
    }
    with Function(entry_point, environ, tmp_path) as function, ThreadPoolExecutor(EVENTS) as pool:
        assert send_new(function.port).status == 200
        embedded.set_fault(Fault.slow(1.5))  # so that the server has time to notice how long its worker was silent
        for _ in range(2):
            worker = function.worker()
            with function.frozen():
                time.sleep(PAUSE_S)
                sent = _sent(pool, lambda: send_new(function.port))
                time.sleep(0.1)
            assert [sending.result().status for sending in sent] == [200] * EVENTS
            assert function.worker() == worker
        assert [line["status"] for line in function.lines()] == [200] * (1 + 2 * EVENTS)


def _sent(pool: ThreadPoolExecutor, send: Callable[[], Sent]) -> "list[Future[Sent]]":
    return [pool.submit(send) for _ in range(EVENTS)]
