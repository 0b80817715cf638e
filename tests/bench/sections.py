"""The sections of the command: what each measures, how long, and in which form it returns the figures."""

import contextlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import measure
from tests.bench.brokers import ROOT, distant, googles
from tests.bench.compare import Plan, Say, compare
from tests.bench.contestants import CONTESTANTS, OURS, OURS_WSGI, REFERENCE, Environments, Variant
from tests.bench.imports import imports
from tests.bench.memory import EVENTS, STEP, memory
from tests.bench.outage import PATIENCE_S, outage
from tests.bench.quota import quotas
from tests.bench.results import points_of
from tests.bench.small import CORES, SHORT, Extent, small
from tests.bench.stages import stages

BROKERS = {"emulator": googles, "25 ms": distant}
"""The brokers by name, in order."""


@dataclass(frozen=True)
class Options:
    """The options of the command; an empty or zero value means the default."""

    environments: Environments
    only: Sequence[str] = ()
    brokers: Sequence[str] = ()
    connections: Sequence[int] = ()
    rounds: int = 0
    seconds: float = 0.0
    is_short: bool = False

    @property
    def plan(self) -> Plan:
        """How long and how often the comparison runs."""
        usual = Plan(0.4, 0.2, 0.2, 1, (1, 16)) if self.is_short else Plan()
        return Plan(
            seconds=self.seconds or usual.seconds,
            warm_up_s=usual.warm_up_s,
            first_warm_up_s=usual.first_warm_up_s,
            rounds=self.rounds or usual.rounds,
            connections=self.connections or usual.connections,
        )

    def variants(self, say: Say) -> tuple[list[Variant], list[str]]:
        """Return the variants that can be measured, and why the others cannot."""
        asked = [variant for variant in CONTESTANTS if not self.only or variant.name in self.only]
        missing = [variant for variant in asked if variant.command(self.environments, 0) is None]
        whys = [f"{variant.name}: no {WHAT_IT_NEEDS[variant.environment]}" for variant in missing]
        for why in whys:
            say(f"NOT MEASURED: {why}")
        return [variant for variant in asked if variant not in missing], whys


WHAT_IT_NEEDS = {
    "node": "node",
    "plain": "environment with a user's packages",
    "project": "environment of this project",
}


def compare_section(options: Options, say: Say) -> dict[str, Any]:
    """Compare the variants, also without a broker."""
    variants, not_measured = options.variants(say)
    machine = _machine()
    names = options.brokers or (["25 ms"] if options.is_short else list(BROKERS))
    with contextlib.ExitStack() as stack:
        brokers = [stack.enter_context(BROKERS[name]()) for name in names]
        runs = compare(variants, brokers, options.environments, options.plan, say)
    patience_s = 1.0 if options.is_short else PATIENCE_S
    return {
        "machine": machine,
        "plan": asdict(options.plan),
        "not_measured": not_measured,
        "points": points_of((run.variant, run.broker, run.connections, run.figures) for run in runs),
        "outage": outage(variants, options.environments, patience_s, say),
    }


def share_section(options: Options, say: Say) -> dict[str, Any]:
    """Measure the function's own modules, in the project's environment, on the server's core."""
    say("-- own share")
    command = [str(options.environments.project), "-m", "tests.bench.share"]
    command += ["--batches=5"] if options.is_short else []
    with measure.on(measure.SERVER_CORE):
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    parts: dict[str, Any] = json.loads(ended.stdout)
    return parts


def counts_section(options: Options, say: Say) -> dict[str, Any]:
    """Count instructions, allocations and system calls for one event, in the project's environment."""
    say("-- counts")
    command = [str(options.environments.project), "-m", "tests.bench.counts", "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        say(f"NOT MEASURED: {ended.stderr.strip()}")
        return {}
    return {"machine": _machine(), **json.loads(ended.stdout)}


def stages_section(options: Options, say: Say) -> dict[str, Any]:
    """Time the steps of an event while the function serves."""
    name = (options.brokers or ["25 ms" if options.is_short else "emulator"])[0]
    with BROKERS[name]() as broker:
        plan = replace(options.plan, warm_up_s=1.0)
        connections = options.connections or ((64,) if options.is_short else (1, 16, 64))
        return stages(options.environments, broker, plan, connections, say)


def imports_section(options: Options, say: Say) -> dict[str, Any]:
    """Measure the imports of a start of this function and of the reference."""
    here, _ = options.variants(lambda _: None)
    chosen = [variant for variant in (OURS, OURS_WSGI, REFERENCE) if variant in here]
    with distant() as broker:
        rounds = options.rounds or (1 if options.is_short else 5)
        return dict(imports(chosen, options.environments, broker, rounds, say))


def memory_section(options: Options, say: Say) -> dict[str, Any]:
    """Measure the memory while a million events are sent; the broker acknowledges at once."""
    with distant("at once", 0.0) as broker:
        events, step = (2_000, 1_000) if options.is_short else (EVENTS, STEP)
        return memory(options.environments, broker, events, step, say)


def small_section(options: Options, say: Say) -> dict[str, Any]:
    """Measure an instance of the profile ``small``, with a fifth of a core."""
    say("-- an instance of the profile small")
    usual = SHORT if options.is_short else Extent()
    extent = replace(usual, rounds=options.rounds or usual.rounds, seconds=options.seconds or usual.seconds)
    machine = _machine()
    with distant() as broker:
        return {"machine": machine, **small(options.environments, broker, quotas(CORES), extent, say)}


def _machine() -> str:
    """Return when and on which machine the figures were measured."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    node = "none"
    with contextlib.suppress(OSError):
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S607
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} × {models[0] if models else platform.machine()}, "
        f"load {os.getloadavg()[0]:.2f} before, Python {platform.python_version()}, Node.js {node}."
    )
