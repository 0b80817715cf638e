"""The goals, as data; each knows its figure in each round of the results. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.spec import SMALL_SENSORS
from tests.bench.cloud import QUOTAS
from tests.bench.compare import BARE
from tests.bench.contestants import EMPTY, EMPTY_HERE, OURS, PEERS, REFERENCE
from tests.bench.counts.names import YARDSTICK, instructions, system_calls
from tests.bench.memory import EVENTS, STEP
from tests.bench.results import Comparison
from tests.bench.share import OWN_SHARE
from tests.bench.small import BURST_PER_S, CORES, INSTANCE_PER_S, INSTANCES, MEMORY_MIB

EMULATOR, DISTANT = "emulator", "25 ms"
LEVEL = 0.98
"""As fast as another: with one connection to the distant broker every variant waits for it, and the rest is noise."""

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure of the results and its bound; ``figures`` returns that of each round, or nothing if it was not measured.

    A figure that does not depend on the machine's mood, such as a count, has one round.
    """

    sentence: str
    figures: Callable[[Results], Sequence[float]]
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "×"

    def rounds_met(self, results: Results) -> tuple[int, int]:
        """Return in how many rounds the goal was reached, and how many rounds there were."""
        figures = self.figures(results)
        return sum(map(self._is_met, figures)), len(figures)

    def is_met(self, results: Results) -> bool | None:
        """Return whether all rounds agree that the goal is reached; None if they disagree or there are none."""
        met, rounds = self.rounds_met(results)
        return bool(met) if rounds and met in (0, rounds) else None

    def _is_met(self, figure: float) -> bool:
        if self.at_most is not None:
            return figure <= self.at_most
        return self.at_least is not None and figure >= self.at_least


def _ratios(metric: str, other: str, connections: int, broker: str = EMULATOR) -> Callable[[Results], Sequence[float]]:
    return lambda results: Comparison(results).ratios(metric, OURS.name, other, broker, connections)


def slowest_beside_peers(results: Results) -> Sequence[float]:
    """Return, for each round, our requests/s divided by the fastest peer's, where this ratio is smallest."""
    comparison = Comparison(results)
    points = [
        comparison.ratios("requests_s", OURS.name, peer.name, broker, connections)
        for peer in PEERS
        for broker in comparison.brokers
        for connections in comparison.connections
    ]
    return [min(ratios) for ratios in zip(*points, strict=False)]


def _own_share_us(results: Results) -> Sequence[float]:
    share = results.get("share")
    return [sum(share[name] for name in OWN_SHARE)] if share else []


def growth_mib(results: Results) -> Sequence[float]:
    """Return how far memory rose above that after the first step; nothing if fewer than all events were sent."""
    steps = results.get("memory", {}).get("steps", [])
    return [max(mib for _, mib in steps[1:]) - steps[0][1]] if steps and steps[-1][0] >= EVENTS else []


def _small(name: str) -> Callable[[Results], Sequence[float]]:
    """Return the figures of a name in the rounds of the section ``small``."""
    return lambda results: [figures[name] for figures in results.get("small", {}).get("rounds", [])]


def small_peak_mib(results: Results) -> Sequence[float]:
    """Return the largest peak of all instances of the section ``small``, those with the largest bodies included."""
    measured = results.get("small", {})
    peaks = [figures["peak_mib"] for figures in (*measured.get("rounds", ()), *measured.get("bodies", ()))]
    return [max(peaks)] if peaks else []


def _lost(results: Results) -> Sequence[float]:
    seen = results.get("small", {}).get("burst")
    return [seen["lost"] + seen["unanswered"]] if seen else []


def _count(name: str, *, relative_to: str | None = None) -> Callable[[Results], Sequence[float]]:
    def figures(results: Results) -> Sequence[float]:
        counts = results.get("counts", {}).get("counts")
        return [counts[name] / (counts[relative_to] if relative_to else 1)] if counts else []

    return figures


GOALS = (
    Goal("p50 at 1 connection, relative to the reference's", _ratios("p50_ms", REFERENCE.name, 1), at_most=1 / 12),
    Goal("p50 at 1 connection, relative to that of a bare awaited publish", _ratios("p50_ms", BARE, 1), at_most=2.3),
    Goal(
        "requests/s at 16 connections, relative to the reference's",
        _ratios("requests_s", REFERENCE.name, 16),
        at_least=6,
    ),
    Goal(
        "requests/s at 64 connections, relative to the reference's",
        _ratios("requests_s", REFERENCE.name, 64),
        at_least=7,
    ),
    Goal(
        "requests/s at 256 connections, broker at 25 ms, relative to the reference's",
        _ratios("requests_s", REFERENCE.name, 256, DISTANT),
        at_least=12,
    ),
    Goal(
        "requests/s relative to the fastest peer's, where this ratio is smallest", slowest_beside_peers, at_least=LEVEL
    ),
    Goal(
        "requests/s at 64 connections, relative to the empty function's",
        _ratios("requests_s", EMPTY.name, 64),
        at_least=0.55,
    ),
    Goal(
        "CPU per event at 64 connections, relative to the empty function's",
        _ratios("cpu_us", EMPTY.name, 64),
        at_most=1.75,
    ),
    Goal(
        "CPU per event at 64 connections, relative to that of the empty function with our packages",
        _ratios("cpu_us", EMPTY_HERE.name, 64),
        at_most=2,
    ),
    Goal(
        "instructions for an event at 64 connections, relative to those of the empty function with our packages",
        _count(instructions(64), relative_to=YARDSTICK),
        at_most=2,
    ),
    Goal("system calls for an event at 64 connections", _count(system_calls(64)), at_most=2.6, unit=""),
    Goal("system calls for an event at 1 connection", _count(system_calls(1)), at_most=16, unit=""),
    Goal(f"own share: {', '.join(OWN_SHARE)}", _own_share_us, at_most=60, unit=" µs"),
    Goal("start to the first 2xx, relative to the reference's", _ratios("start_ms", REFERENCE.name, 0), at_most=0.75),
    Goal(f"memory over {EVENTS:,} events, growth after the first {STEP:,}", growth_mib, at_most=2, unit=" MiB"),
    Goal(
        f"`small`: start to the first 2xx with {CORES:g} of a core from the beginning; DT waits {QUOTAS.attempt_s:g} s",
        _small("start_s"),
        at_most=QUOTAS.attempt_s,
        unit=" s",
    ),
    Goal("`small`: peak memory, also with the largest body", small_peak_mib, at_most=MEMORY_MIB, unit=" MiB"),
    Goal(
        f"`small`: events/s that an instance answers one at a time; a burst of {SMALL_SENSORS:,} sensors has "
        f"{BURST_PER_S:.0f}/s for {INSTANCES} instances",
        _small("requests_s"),
        at_least=INSTANCE_PER_S,
        unit="/s",
    ),
    Goal("`small`: events lost in a burst of twice as many as the instance can answer", _lost, at_most=0, unit=""),
)
