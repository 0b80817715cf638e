"""``python -m tests.bench [SECTION ...]``: measure, print, and put the whole comparison into docs/performance.md."""

import argparse
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import measure
from tests.bench.brokers import distant, googles
from tests.bench.compare import CONNECTIONS, Plan, compare
from tests.bench.contestants import CONTESTANTS, Environments
from tests.bench.errors import BenchError


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # leaving nothing running
    environments = Environments(given.project, given.plain, given.node)
    wanted = [each for each in CONTESTANTS if not given.only or each.name in given.only]
    here = [each for each in wanted if each.command(environments, 0)]
    for each in wanted:
        if each not in here:
            print(f"NOT MEASURED: {each.name}: its environment is not there")
    plan = Plan(given.seconds, 0.5, given.rounds, given.connections)
    with contextlib.ExitStack() as stack:
        stack.enter_context(measure.on(measure.OTHER_CORES))
        brokers = []
        if "emulator" in given.brokers:
            brokers.append(stack.enter_context(googles()))
        if "25ms" in given.brokers:
            brokers.append(stack.enter_context(distant()))
        compare(here, brokers, environments, plan, lambda line: print(line, flush=True))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("sections", nargs="*")
    parser.add_argument("--project", type=Path, default=Path(sys.executable))
    parser.add_argument("--plain", type=Path)
    parser.add_argument("--node", type=Path)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--brokers", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
