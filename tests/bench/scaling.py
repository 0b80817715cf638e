"""``make scaling``: measure whether the queueing model is right, and rewrite the tables of both pages about it.

The function runs on one core, as on one vCPU, beside a Pub/Sub that acknowledges after 25 ms, and gets events at
several shares of its capacity. A round in which other programs used the machine does not count. The figures go to
docs/scaling.json; ``--render`` only rewrites the tables of both pages from this file.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import measure
from tests.bench.brokers import ROOT, distant
from tests.bench.compare import Plan, require_enough
from tests.bench.compare import send as send_at_once
from tests.bench.contestants import OURS, Environments
from tests.bench.errors import BenchError
from tests.bench.figures import percentile
from tests.bench.messages import mean_message_bytes
from tests.bench.quiet import wait_until_quiet, watch
from tests.bench.scaling_tables import FIGURES, PAGES, rendered
from tests.bench.server import Server, serving

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
AT_ONCE = 64
"""Connections of the closed loop that measures the capacity: more than the events of 25 ms."""
LONGEST_ATTEMPT_S = 300.0

Say = Callable[[str], object]


@dataclass(frozen=True)
class Wanted:
    """How much to measure: seconds of each round, rounds at each share, and how idle the machine must be.

    ``others``: cores that other programs may use during a round; ``patience_s``: how long to wait for such a round.
    """

    seconds: float = 4.0
    rounds: int = 3
    others: float = 0.15
    patience_s: float = 900.0


class Quiet:
    """Measures while other programs leave the machine idle; ``others``: the most cores that they used."""

    def __init__(self, wanted: Wanted, say: Say) -> None:
        self.others = 0.0
        self._wanted = wanted
        self._say = say

    def median(self, attempt: Callable[[], Mapping[str, float]]) -> dict[str, float]:
        """Measure the rounds, and return the median of each figure. Raises BenchError."""
        rounds = [self._undisturbed(attempt) for _ in range(self._wanted.rounds)]
        return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}

    def _undisturbed(self, attempt: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
        allowed, gives_up_at = self._wanted.others, time.monotonic() + self._wanted.patience_s
        while wait_until_quiet(allowed, gives_up_at - time.monotonic()):
            with watch() as watched:
                seen = attempt()
            if watched.others < allowed:
                self.others = max(self.others, watched.others)
                return seen
            self._say(f"once more: other programs used {watched.others:.2f} cores")
        raise BenchError(f"other programs used the machine for {self._wanted.patience_s:.0f} s on end")


def measured(wanted: Wanted, say: Say) -> dict[str, Any]:
    """Measure everything, and return it in the form of docs/scaling.json. Raises BenchError."""
    quiet = Quiet(wanted, say)
    with measure.on(measure.OTHER_CORES), distant() as broker, serving(OURS, Environments(), broker) as server:
        calm_s = quiet.median(lambda: _at_once(server, 1, wanted.seconds))["p50_ms"] / 1e3
        capacity = quiet.median(lambda: _at_once(server, AT_ONCE, wanted.seconds))["requests_s"]
        say(f"calm {calm_s * 1e3:.2f} ms, capacity {capacity:.0f} events/s")
        points = []
        for share in SHARES:
            points.append(quiet.median(partial(_when_due, server, share, capacity, wanted.seconds)))
            say(f"{share:.0%}: p50 {points[-1]['p50_s'] * 1e3:.1f} ms, p99 {points[-1]['p99_s'] * 1e3:.1f} ms")
        waking_s, cpu_s = fitted(points)
        return {
            "taken": datetime.now(UTC).date().isoformat(),
            "others": quiet.others,
            "calm_s": calm_s,
            "capacity_per_s": capacity,
            "points": points,
            "measured": {
                "cpu_s": cpu_s,
                "waking_s": waking_s,
                "publish_s": calm_s - cpu_s - waking_s,
                "start_s": server.start_s,
                "memory_bytes": measure.memory_bytes(server.pid),
                "message_bytes": mean_message_bytes(),
                "log_bytes": statistics.mean(point["log_bytes"] for point in points),
                "answer_bytes": statistics.mean(point["answer_bytes"] for point in points),
            },
        }


def fitted(points: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    """Return the seconds for waking the CPU, and for an event beside that, by a linear regression of all points.

    Raises BenchError if an event would cost nothing, because then other programs disturbed the measurement.
    """
    idle = [1 - point["per_s"] * point["cpu_s"] for point in points]
    line = statistics.linear_regression(idle, [point["cpu_s"] for point in points])
    if line.slope < 0:
        return 0.0, statistics.mean(point["cpu_s"] for point in points)
    if line.intercept <= 0:
        raise BenchError(f"an event cannot cost {line.intercept * 1e3:.2f} ms: measure again when the machine is quiet")
    return line.slope, line.intercept


def _at_once(server: Server, connections: int, seconds: float) -> dict[str, float]:
    figures = send_at_once(server, Plan(seconds, 1.0), connections, Path(os.devnull))
    require_enough(figures, server.variant.name)
    if figures["wrong"]:
        raise BenchError(f"{figures['wrong']} wrong answers: {figures['wrong_answers']}")
    return {name: figures[name] for name in ("p50_ms", "requests_s")}


def _when_due(server: Server, share: float, capacity: float, seconds: float) -> dict[str, float]:
    """Send at a share of the capacity; return the figures of that round, times in seconds."""
    count, written = int(share * capacity * seconds), _written(server)
    arguments = {
        "port": server.port,
        "pid": server.pid,
        "rate": share * capacity,
        "count": count,
        "run": f"{time.monotonic_ns():x}",
    }
    command = [
        sys.executable,
        "-m",
        "tests.bench.open_loop",
        *(f"--{name}={value}" for name, value in arguments.items()),
    ]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=LONGEST_ATTEMPT_S)
    seen = json.loads(ended.stdout)
    if seen["statuses"].get("200") != count:
        raise BenchError(f"at {share:.0%} not all {count} events were answered 200: {seen['statuses']}")
    return {
        "share": share,
        "per_s": seen["per_s"],
        "cpu_s": seen["cpu_s"],
        "p50_s": percentile(seen["response_s"], 50),
        "p99_s": percentile(seen["response_s"], 99),
        "late_p99_s": percentile(seen["late_s"], 99),
        "answer_bytes": seen["answer_bytes"],
        "log_bytes": (_written(server) - written) / count,
    }


def _written(server: Server) -> int:
    """Return the number of bytes that the function has printed so far: its log."""
    return os.stat(f"/proc/{server.pid}/fd/1").st_size  # noqa: PTH116  # a file that may have been deleted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling", description="The capacity model, checked.")
    parser.add_argument("--render", action="store_true", help="measure nothing; only rewrite the tables")
    parser.add_argument("--seconds", type=float, default=Wanted.seconds, help="of each round")
    parser.add_argument("--rounds", type=int, default=Wanted.rounds, help="at each load")
    parser.add_argument("--others", type=float, default=Wanted.others, help="cores that other programs may use")
    parser.add_argument("--patience", type=float, default=Wanted.patience_s, help="seconds to wait for a quiet machine")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left running
    if not given.render:
        wanted = Wanted(given.seconds, given.rounds, given.others, given.patience)
        try:
            figures = measured(wanted, lambda line: print(line, flush=True))
        except BenchError as error:
            print(error, file=sys.stderr)
            return 1
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    for page in PAGES:
        page.write_text(rendered(page.read_text("utf-8"), json.loads(FIGURES.read_text("utf-8"))), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
