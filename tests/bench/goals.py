"""The goals, as data; each knows its figure in the results. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.compare import BARE
from tests.bench.contestants import EMPTY, OURS, PEERS, REFERENCE
from tests.bench.memory import EVENTS, STEP
from tests.bench.results import Comparison
from tests.bench.share import OWN_SHARE

EMULATOR, DISTANT = "emulator", "25 ms"
LEVEL = 0.98
"""As fast as another: with one connection to the distant broker every variant waits for it, and the rest is noise."""

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure of the results and its bound; ``figure`` returns ``None`` if it was not measured."""

    sentence: str
    figure: Callable[[Results], float | None]
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "×"

    def is_met(self, results: Results) -> bool | None:
        """Return whether the goal is reached; ``None`` if it was not measured."""
        figure = self.figure(results)
        if figure is None:
            return None
        if self.at_most is not None:
            return figure <= self.at_most
        return self.at_least is not None and figure >= self.at_least


def _ratio(metric: str, other: str, connections: int, broker: str = EMULATOR) -> Callable[[Results], float | None]:
    return lambda results: Comparison(results).ratio(metric, OURS.name, other, broker, connections)


def slowest_beside_peers(results: Results) -> float | None:
    """Return our requests/s divided by the fastest peer's, at the point where this ratio is smallest."""
    comparison = Comparison(results)
    ratios = [
        comparison.ratio("requests_s", OURS.name, peer.name, broker, connections)
        for peer in PEERS
        for broker in comparison.brokers
        for connections in comparison.connections
    ]
    return None if None in ratios else min((ratio for ratio in ratios if ratio is not None), default=None)


def _own_share_us(results: Results) -> float | None:
    share = results.get("share")
    return sum(share[name] for name in OWN_SHARE) if share else None


def growth_mib(results: Results) -> float | None:
    """Return how far memory rose above that after the first step; ``None`` if fewer than all events were sent."""
    steps = results.get("memory", {}).get("steps", [])
    return max(mib for _, mib in steps[1:]) - steps[0][1] if steps and steps[-1][0] >= EVENTS else None


GOALS = (
    Goal("p50 at 1 connection, relative to the reference's", _ratio("p50_ms", REFERENCE.name, 1), at_most=1 / 12),
    Goal("p50 at 1 connection, relative to that of a bare awaited publish", _ratio("p50_ms", BARE, 1), at_most=2.5),
    Goal(
        "requests/s at 16 connections, relative to the reference's",
        _ratio("requests_s", REFERENCE.name, 16),
        at_least=6,
    ),
    Goal(
        "requests/s at 64 connections, relative to the reference's",
        _ratio("requests_s", REFERENCE.name, 64),
        at_least=7,
    ),
    Goal(
        "requests/s at 256 connections, broker at 25 ms, relative to the reference's",
        _ratio("requests_s", REFERENCE.name, 256, DISTANT),
        at_least=12,
    ),
    Goal(
        "requests/s relative to the fastest peer's, where this ratio is smallest", slowest_beside_peers, at_least=LEVEL
    ),
    Goal(
        "requests/s at 64 connections, relative to the empty function's",
        _ratio("requests_s", EMPTY.name, 64),
        at_least=0.55,
    ),
    Goal(
        "CPU per event at 64 connections, relative to the empty function's",
        _ratio("cpu_us", EMPTY.name, 64),
        at_most=1.75,
    ),
    Goal(f"own share: {', '.join(OWN_SHARE)}", _own_share_us, at_most=60, unit=" µs"),
    Goal("start to the first 2xx, relative to the reference's", _ratio("start_ms", REFERENCE.name, 0), at_most=1),
    Goal(f"memory over {EVENTS:,} events, growth after the first {STEP:,}", growth_mib, at_most=2, unit=" MiB"),
)
