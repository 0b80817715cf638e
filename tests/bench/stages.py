"""Where an event's time goes in the function as it serves: its steps, and what is left of the process's CPU.

The steps are timed where they run, with the caches as they are then, and come out at about twice of what the same
rooms take alone (``share``).
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
    ("request", "door"): "framework: from the request to the door",
    ("door", "verify"): "door: headers and body",
    ("verify", "verified"): "verify",
    ("verified", "opened"): "decide",
    ("opened", "made"): "message",
    ("made", "handed over"): "hand over to be published",
    ("published", "logged"): "log line",
    ("logged", "answered"): "reply",
    ("answered", "sent"): "framework: from the door to the socket",
}
"""What runs between two marks, in order. Between being handed over and published, the event waits."""

WATCHED = replace(OURS, name="ingest, watched", source=VARIANTS / "stages.py")
CPU = "CPU per event"
"""The process's, as the comparison measures it; what no step has of it is the event loop's and gRPC's."""


def stages(
    environments: Environments, broker: Broker, plan: Plan, connections: Sequence[int], say: Callable[[str], object]
) -> dict[str, dict[str, float]]:
    """Give, by number of connections, the median microseconds of each step and the CPU per event."""
    told: dict[str, dict[str, float]] = {}
    for count in connections:
        say(f"-- steps of an event at {count} connections")
        with serving(WATCHED, environments, broker) as server:
            figures = send(server, plan, count, server.output.with_name("acknowledged"))
            told[str(count)] = {**_last_told(server.output.read_text("utf-8", "replace")), CPU: figures["cpu_us"]}
    return told


def _last_told(output: str) -> dict[str, float]:
    lines = [line for line in output.splitlines() if line.startswith('{"stages"')]
    if not lines:
        raise BenchError("too few events came for their steps to be told")
    steps: dict[str, float] = json.loads(lines[-1])["stages"]
    return steps
