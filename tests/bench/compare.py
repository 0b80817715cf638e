"""Compare every variant with every broker at every number of connections, round after round.

The variants take turns within a round, so that other load on the machine affects all of them. After each server's runs
the broker returns its messages, and every answer must have its own message among them.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias
from uuid import uuid4

from tests.bench import measure
from tests.bench.brokers import ROOT, Broker
from tests.bench.contestants import Environments, Variant
from tests.bench.errors import BenchError
from tests.bench.server import Server, serving

CONNECTIONS = (1, 16, 64, 256)
WARM_UP_CONNECTIONS = 64
BARE = "bare publish"
"""The name under which the result of ``bare`` is shown."""

FASTEST_A_SECOND = {True: 10_000, False: 24_000}
"""Requests that are prepared for each second of a run, by whether the variant publishes."""

Say: TypeAlias = Callable[[str], object]
"""Prints a line of progress."""


@dataclass(frozen=True)
class Plan:
    """How long and how often to measure, and with how many connections.

    ``first_warm_up_s`` comes before a server's first run, because just-in-time compilers need time. ``count`` is how
    many requests are prepared for a run; 0 means enough for its length.
    """

    seconds: float = 1.5
    warm_up_s: float = 0.4
    first_warm_up_s: float = 2.0
    rounds: int = 5
    connections: Sequence[int] = CONNECTIONS
    count: int = 0


@dataclass(frozen=True)
class Run:
    """The figures of one point in one round. ``broker`` is empty if the variant does not publish.

    ``connections`` is 0 for figures that do not depend on them: the start, and the messages at the broker.
    """

    variant: str
    broker: str
    connections: int
    figures: Mapping[str, Any]


def compare(
    variants: Sequence[Variant],
    brokers: Sequence[Broker],
    environments: Environments,
    plan: Plan,
    say: Say,
) -> list[Run]:
    """Run everything; raises BenchError if a variant cannot be measured."""
    runs: list[Run] = []
    for broker in brokers:
        _bare(broker, environments, plan, lambda _: None)  # an emulator that has just started is slow
    for number in range(plan.rounds):
        for broker in brokers:
            say(f"-- round {number + 1} of {plan.rounds}, broker: {broker.name}")
            first = number % len(variants)
            for variant in [*variants[first:], *variants[:first]]:
                if variant.publishes or broker is brokers[0]:
                    runs += _one_server(variant, broker, environments, plan, say)
            runs.append(_bare(broker, environments, plan, say))
    return runs


def _one_server(variant: Variant, broker: Broker, environments: Environments, plan: Plan, say: Say) -> Iterator[Run]:
    name = broker.name if variant.publishes else ""
    with serving(variant, environments, broker if variant.publishes else None) as server, Acknowledged() as answered:
        answered.take(send(server, replace(plan, seconds=plan.first_warm_up_s), WARM_UP_CONNECTIONS, answered.path))
        for connections in plan.connections:
            figures = send(server, plan, connections, answered.path)
            require_enough(figures, variant.name)
            answered.take(figures)
            say(described(variant.name, connections, figures))
            yield Run(variant.name, name, connections, figures)
        missing = answered.missing(broker.messages(server.topic)) if variant.publishes else 0
        whole = {"start_ms": server.start_s * 1e3, "right": answered.count, "missing": missing}
        yield Run(variant.name, name, 0, whole)


def _bare(broker: Broker, environments: Environments, plan: Plan, say: Say) -> Run:
    arguments = [f"--host={broker.host}", f"--topic={broker.topic()}", f"--seconds={plan.seconds}"]
    with measure.on(measure.SERVER_CORE):
        ended = subprocess.run(
            [str(environments.project), "-m", "tests.bench.bare", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            check=True,
        )
    say(f"{BARE:<21}                p50 {float(ended.stdout):8.2f} ms")
    return Run(BARE, broker.name, 1, {"p50_ms": float(ended.stdout)})


def send(server: Server, plan: Plan, connections: int, acknowledged: Path) -> dict[str, Any]:
    """Let the sender send to a server, and return the sender's figures."""
    fastest = FASTEST_A_SECOND[server.variant.publishes] // (1 if connections > 1 else 3)
    arguments = {
        "port": server.port,
        "pid": server.pid,
        "connections": connections,
        "warm-up": plan.warm_up_s,
        "seconds": plan.seconds,
        "count": plan.count or int((plan.warm_up_s + plan.seconds) * fastest),
        "run": uuid4().hex[:8],
        "acknowledged": acknowledged,
    }
    command = [sys.executable, "-m", "tests.bench.load", *(f"--{name}={value}" for name, value in arguments.items())]
    command += [] if server.variant.publishes else ["--no-id"]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(ended.stdout)
    return figures


def require_enough(figures: Mapping[str, Any], name: str) -> None:
    """Raise BenchError if the sender had no more requests, because its pause was not the server's fault."""
    if figures["ran_out"]:
        raise BenchError(f"{name}: the sender ran out of requests")


class Acknowledged:
    """The right answers of one server, for comparison with the broker's messages; a context manager."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._lines: Counter[str] = Counter()
        self.path = Path()

    def __enter__(self) -> Self:
        self.path = Path(self._stack.enter_context(tempfile.TemporaryDirectory())) / "acknowledged"
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def count(self) -> int:
        """How many right answers there were."""
        return self._lines.total()

    def take(self, figures: Mapping[str, Any]) -> None:
        """Add the answers that the last sender got."""
        lines = self.path.read_text("ascii").splitlines()
        assert len(lines) == figures["right"]
        self._lines.update(lines)

    def missing(self, messages: Sequence[str]) -> int:
        """Return how many answers have a message id and a checksum that no message of the broker has."""
        return (self._lines - Counter(messages)).total()


def described(name: str, connections: int, figures: Mapping[str, Any]) -> str:
    """Return one line about a run."""
    return (
        f"{name:<20} {connections:>4} conn  p50 {figures['p50_ms']:8.2f} ms  p99 {figures['p99_ms']:8.2f} ms  "
        f"{figures['requests_s']:7.0f}/s  {figures['cpu_us']:6.0f} us CPU  {figures['memory_mib']:5.0f} MiB  "
        f"(sender {figures['sender_cpu_us']:.0f} us)" + (f"  {figures['wrong']} WRONG" if figures["wrong"] else "")
    )
