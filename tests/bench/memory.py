"""Memory while a million events go through one process of ``ingest``: it must not grow after the first 50,000."""

import time
from collections.abc import Callable
from typing import Any

from tests.bench import measure
from tests.bench.brokers import Broker
from tests.bench.compare import Acknowledged, Plan, send
from tests.bench.contestants import OURS, Environments
from tests.bench.errors import BenchError
from tests.bench.server import serving

EVENTS = 1_000_000
STEP = 50_000
CONNECTIONS = 64
_LONGEST_STEP_S = 600.0


def memory(
    environments: Environments, broker: Broker, events: int, step: int, say: Callable[[str], object]
) -> dict[str, Any]:
    """Send the events step by step, and return the MiB after each step; raises BenchError.

    The result is ``{"steps": [[events, MiB], …]}``.
    """
    steps: list[tuple[int, float]] = []
    plan = Plan(seconds=_LONGEST_STEP_S, warm_up_s=0.0, count=step)
    with serving(OURS, environments, broker) as server:
        for sent in range(step, events + 1, step):
            with Acknowledged() as answered:
                figures = send(server, plan, CONNECTIONS, answered.path)
                if figures["wrong"] or figures["right"] != step:
                    raise BenchError(f"{figures['wrong']} wrong answers: {figures['wrong_answers']}")
                answered.take(figures)
                if missing := answered.missing(broker.messages(server.topic)):
                    raise BenchError(f"{missing} answers without a message at the broker")
            time.sleep(0.5)  # so that freed memory goes back to the system
            steps.append((sent, measure.memory_bytes(server.pid) / 2**20))
            say(f"{sent:>9,} events: {steps[-1][1]:.1f} MiB")
    return {"steps": steps}
