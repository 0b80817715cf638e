"""How long each step of an event takes in the function as it serves, and what is left of the process's CPU time.

The steps are timed in the serving process, with the caches of that moment, and take about twice as long as the same
modules alone (``share``).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.bench.brokers import Broker
from tests.bench.compare import Plan, send
from tests.bench.contestants import OURS, VARIANTS, Environments
from tests.bench.errors import BenchError
from tests.bench.server import serving

STEPS = {
    ("request", "adapter"): "from the request to the adapter",
    ("adapter", "verify"): "adapter: headers and body",
    ("verify", "verified"): "verify",
    ("verified", "opened"): "decide",
    ("opened", "made"): "message",
    ("made", "handed over"): "pass on to be published",
    ("published", "logged"): "log line",
    ("logged", "answered"): "reply",
    ("answered", "sent"): "from the adapter to the end of the task",
}
"""The step between two marks, in order. Between ``handed over`` and ``published`` the event waits."""

WATCHED = replace(OURS, name="ingest, watched", source=VARIANTS / "stages.py")
CPU = "CPU per event"
"""CPU time of the process, as the comparison measures it; what no step takes is that of the event loop and gRPC."""


def stages(
    environments: Environments, broker: Broker, plan: Plan, connections: Sequence[int], say: Callable[[str], object]
) -> dict[str, dict[str, float]]:
    """Return, by number of connections, the median microseconds of each step and the CPU per event."""
    by_connections: dict[str, dict[str, float]] = {}
    for count in connections:
        say(f"-- steps of an event at {count} connections")
        with serving(WATCHED, environments, broker) as server:
            figures = send(server, plan, count, server.output.with_name("acknowledged"))
            by_connections[str(count)] = {
                **_last_printed(server.output.read_text("utf-8", "replace")),
                CPU: figures["cpu_us"],
            }
    return by_connections


def _last_printed(output: str) -> dict[str, float]:
    lines = [line for line in output.splitlines() if line.startswith('{"stages"')]
    if not lines:
        raise BenchError("too few events came for the function to print their steps")
    steps: dict[str, float] = json.loads(lines[-1])["stages"]
    return steps
