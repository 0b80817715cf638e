"""One instance of the profile ``small``: a fifth of a processor, 256 MiB, one request at a time.

The function runs as it is deployed: it gets a token from a metadata server, and publishes over TLS, to a broker that
acknowledges after 25 ms. Cloud Run gives an instance two processors while it starts and for 10 s after that ("startup
CPU boost": https://cloud.google.com/run/docs/configuring/services/cpu#startup-boost). Services of functions have it,
but Google does not promise it, so the start is measured without it as well.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.spec import SMALL_SENSORS, SMALL_SIZES, amount
from function.settings import LARGEST_BODY_BYTES
from tests.bench import measure
from tests.bench.brokers import Broker
from tests.bench.burst import Burst, burst
from tests.bench.capacity import Load
from tests.bench.cloud import QUOTAS
from tests.bench.compare import Acknowledged, Plan, Say, described, require_enough, send
from tests.bench.contestants import OURS, Environments, Variant
from tests.bench.errors import BenchError
from tests.bench.quota import Quota, that_holds
from tests.bench.requests import prepare_large
from tests.bench.server import Server, post, serving
from tests.bench.share import SETTINGS
from tests.prove.production_path import production_path

CORES = float(SMALL_SIZES["cpu"])
MEMORY_MIB = amount(SMALL_SIZES["memory"]) / 2**20
INSTANCES = int(SMALL_SIZES["max_instances"])
BURST_PER_S = Load(SMALL_SENSORS).burst_per_s
"""Events a second in a burst of the most sensors for which the profile is meant."""

INSTANCE_PER_S = BURST_PER_S / INSTANCES
"""What each instance has to answer of it: 373 events a second from 10,000 sensors, divided by 40 instances."""

BODIES = (SETTINGS.max_body_bytes, LARGEST_BODY_BYTES)
"""Bytes of the largest body that the function accepts: by default, and with the largest ``MAX_BODY_BYTES``."""

_FASTEST_A_SECOND = 1000
_LONGEST_S = 30.0


@dataclass(frozen=True)
class Extent:
    """How long to measure. ``large``: bodies of each size; ``times``: a burst has so many times what an instance can.

    The burst is long enough for events to wait for longer than an attempt.
    """

    rounds: int = 3
    seconds: float = 8.0
    warm_up_s: float = 1.0
    large: int = 5
    times: float = 2.0
    burst_s: float = 12.0
    attempt_s: float = QUOTAS.attempt_s


SHORT = Extent(rounds=1, seconds=1.0, warm_up_s=0.2, large=1, burst_s=1.0, attempt_s=0.5)


@dataclass(frozen=True)
class _Bench:
    """What all parts need."""

    variant: Variant
    environments: Environments
    broker: Broker
    quota: Quota
    extent: Extent
    say: Say

    @contextlib.contextmanager
    def boosted(self, **settings: str) -> Iterator[Server]:
        """Start an instance with a whole core, which it loses after its first answer."""
        variant = replace(self.variant, settings={**self.variant.settings, **settings})
        with serving(variant, self.environments, None) as server, self.quota.hold(server.pid):
            yield server

    def messages(self) -> list[str]:
        """Return the broker's messages since the last call."""
        return self.broker.messages("")


def small(
    environments: Environments, broker: Broker, candidates: Iterable[Quota], extent: Extent, say: Say
) -> dict[str, Any]:
    """Measure one instance; raises BenchError if it gives a wrong answer. ``candidates``: the quotas to try, in order.

    The result is ``{"not_measured": "<why>"}``, or::

        {"quota": {"name": "…", "cores": 0.2, "busy_loop": 0.2},
         "rounds": [{"start_s": …, "boosted_start_s": …, "p50_ms": …, "p99_ms": …, "requests_s": …, "cpu_us": …,
                     "peak_mib": …}, …],
         "bodies": [{"bytes": …, "longest_s": …, "peak_mib": …}, …],
         "burst": {…}}
    """
    held = that_holds(candidates, say)
    if held is None:
        return {"not_measured": "CPU quota not possible: none can be set, or none holds a busy loop"}
    quota, share = held
    with tempfile.TemporaryDirectory() as folder, production_path(broker.host, Path(folder)) as path:
        variant = replace(OURS, name="small", settings=path.environ)
        bench = _Bench(variant, environments, broker, quota, extent, say)
        rounds = [_round(bench) for _ in range(extent.rounds)]
        return {
            "quota": {"name": quota.name, "cores": quota.cores, "busy_loop": share},
            "rounds": rounds,
            "bodies": _bodies(bench),
            "burst": _burst(bench, min(figures["requests_s"] for figures in rounds)),
        }


def _round(bench: _Bench) -> dict[str, float]:
    """Start once with the quota and once without, and send events one at a time."""
    with serving(bench.variant, bench.environments, None, bench.quota.hold) as server:
        start_s = server.start_s
    with bench.boosted() as server:
        figures = {"start_s": start_s, "boosted_start_s": server.start_s, **_one_at_a_time(bench, server)}
        bench.say(
            f"start {start_s:.2f} s, with a whole core {server.start_s:.2f} s, peak {figures['peak_mib']:.1f} MiB"
        )
        return figures


def _one_at_a_time(bench: _Bench, server: Server) -> dict[str, float]:
    extent = bench.extent
    count = round((extent.warm_up_s + extent.seconds) * _FASTEST_A_SECOND)
    bench.messages()
    with Acknowledged() as answered:
        plan = Plan(seconds=extent.seconds, warm_up_s=extent.warm_up_s, count=count)
        figures = send(server, plan, 1, answered.path)
        require_enough(figures, bench.variant.name)
        answered.take(figures)
        missing = answered.missing(bench.messages())
    if figures["wrong"] or missing:
        raise BenchError(f"{figures['wrong']} wrong answers: {figures['wrong_answers']}; {missing} without a message")
    bench.say(described(bench.variant.name, 1, figures))
    names = ("p50_ms", "p99_ms", "requests_s", "cpu_us")
    return {**{name: figures[name] for name in names}, "peak_mib": _peak_mib(server)}


def _bodies(bench: _Bench) -> list[dict[str, float]]:
    """Send the largest bodies, the smaller size first, because a peak stays."""
    with bench.boosted(MAX_BODY_BYTES=str(LARGEST_BODY_BYTES)) as server:
        return [_body(bench, server, size) for size in BODIES]


def _body(bench: _Bench, server: Server, size: int) -> dict[str, float]:
    longest_s = 0.0
    for _ in range(bench.extent.large):
        longest_s = max(longest_s, _posted_s(server, size))
    figures = {"bytes": size, "longest_s": longest_s, "peak_mib": _peak_mib(server)}
    bench.say(f"bodies of {size:,} bytes: {longest_s:.2f} s at most, peak {figures['peak_mib']:.1f} MiB")
    return figures


def _posted_s(server: Server, size: int) -> float:
    request = prepare_large(size, run=uuid4().hex[:8], now=time.time())
    began_at = time.perf_counter()
    status, answer = post(server.port, _LONGEST_S, request)
    if status != 200:
        raise BenchError(f"a body of {size:,} bytes: {status} {answer!r}")
    return time.perf_counter() - began_at


def _burst(bench: _Bench, most_per_s: float) -> dict[str, Any]:
    extent = bench.extent
    wanted = Burst(extent.times * most_per_s, extent.burst_s, extent.attempt_s)
    bench.messages()
    with bench.boosted() as server:
        seen = burst(server.port, wanted, bench.messages)
    bench.say(
        f"{seen['events']} events, {seen['per_s']:.0f}/s: {seen['lost']} lost, {seen['refused']} attempts refused"
    )
    return seen


def _peak_mib(server: Server) -> float:
    return measure.peak_bytes(server.pid) / 2**20
