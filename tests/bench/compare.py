"""Every variant on every broker at every number of connections, round after round.

The variants take turns within a round, so that whatever else the machine does meanwhile meets all of them. Nothing is
counted that was not a right answer, and a run in which the broker has not every message that was answered for is none.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.brokers import ROOT, Broker
from tests.bench.contestants import Environments, Variant
from tests.bench.errors import BenchError
from tests.bench.server import Server, serving

CONNECTIONS = (1, 16, 64, 256)
FASTEST_A_SECOND = 12_000
"""Requests that are made ready for each second of a run at most."""


@dataclass(frozen=True)
class Plan:
    """How long, how often, and with what."""

    seconds: float = 3.0
    warm_up_s: float = 0.7
    rounds: int = 3
    connections: Sequence[int] = CONNECTIONS


@dataclass(frozen=True)
class Run:
    """One run's figures, as ``load`` gives them, or the figures of a start (``connections`` is 0 then)."""

    variant: str
    broker: str
    connections: int
    figures: Mapping[str, Any]


def compare(
    variants: Sequence[Variant],
    brokers: Sequence[Broker],
    environments: Environments,
    plan: Plan,
    say: Callable[[str], object],
) -> list[Run]:
    """Run everything; raises BenchError at the first run that is not true."""
    runs: list[Run] = []
    for number in range(plan.rounds):
        for broker in brokers:
            say(f"-- round {number + 1} of {plan.rounds}, broker {broker.name}")
            for variant in variants:
                if variant.publishes or broker is brokers[0]:
                    runs += _one_server(variant, broker, environments, plan, say)
    return runs


def _one_server(
    variant: Variant, broker: Broker, environments: Environments, plan: Plan, say: Callable[[str], object]
) -> Iterator[Run]:
    name = broker.name if variant.publishes else ""
    with serving(variant, environments, broker if variant.publishes else None) as server, Acknowledged() as answered:
        yield Run(variant.name, name, 0, {"start_ms": server.start_s * 1e3})
        for connections in plan.connections:
            figures = send(server, plan, connections, answered.path)
            answered.check(figures)
            say(told(variant.name, connections, figures))
            yield Run(variant.name, name, connections, figures)
        if variant.publishes:
            answered.compare_with(broker.messages(server.topic), variant.name)


def send(server: Server, plan: Plan, connections: int, acknowledged: Path) -> dict[str, Any]:
    """Let the sender send to a server, and give its figures."""
    arguments = {
        "port": server.port,
        "pid": server.pid,
        "connections": connections,
        "warm-up": plan.warm_up_s,
        "seconds": plan.seconds,
        "count": int((plan.warm_up_s + plan.seconds) * FASTEST_A_SECOND),
        "run": f"{server.pid:06x}{connections:03x}",
        "acknowledged": acknowledged,
    }
    command = [sys.executable, "-m", "tests.bench.load", *(f"--{name}={value}" for name, value in arguments.items())]
    command += [] if server.variant.publishes else ["--no-id"]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(ended.stdout)
    return figures


class Acknowledged:
    """What the senders of one server were answered, to be compared with what the broker has; a context manager."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._lines: Counter[str] = Counter()
        self.path = Path()

    def __enter__(self) -> "Acknowledged":
        self.path = Path(self._stack.enter_context(tempfile.TemporaryDirectory())) / "acknowledged"
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def check(self, figures: Mapping[str, Any]) -> None:
        """Take over what the last sender was answered; raises BenchError if one answer was wrong."""
        if figures["wrong"]:
            raise BenchError(f"{figures['wrong']} wrong answers: {figures['wrong_answers']}")
        self._lines.update(self.path.read_text("ascii").splitlines())

    def compare_with(self, messages: Sequence[str], name: str) -> None:
        """Find each answer's message id and checksum among the broker's; raises BenchError if one is missing."""
        missing = (self._lines - Counter(messages)).total()
        if missing:
            raise BenchError(f"{name}: {missing} of {self._lines.total()} answers without a message of the broker's")


def told(name: str, connections: int, figures: Mapping[str, Any]) -> str:
    """One line about a run."""
    return (
        f"{name:<20} {connections:>4} conn  p50 {figures['p50_ms']:8.2f} ms  p99 {figures['p99_ms']:8.2f} ms  "
        f"{figures['requests_s']:7.0f}/s  {figures['cpu_us']:6.0f} us CPU  {figures['memory_bytes'] / 2**20:5.0f} MiB  "
        f"(sender {figures['sender_cpu_us']:.0f} us)"
    )
