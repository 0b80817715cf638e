"""``python -m tests.prove [SECTION ...] [--short]``: measure promises, one row each; exit status 1 if one fails."""

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial

from tests.prove.backfill import backfill
from tests.prove.completeness import completeness
from tests.prove.differential import differential
from tests.prove.emulator_load import emulator_load
from tests.prove.flood import abuse
from tests.prove.fuzz import fuzz
from tests.prove.keys import keys
from tests.prove.production import production
from tests.prove.replay import replay
from tests.prove.report import Row, Section, table
from tests.prove.time_and_hygiene import time_and_hygiene
from tests.prove.zero_loss import zero_loss

SECTIONS: Mapping[str, Section] = {
    "zero-loss": zero_loss,
    "backfill": backfill,
    "time": time_and_hygiene,
    "production": production,
    "replay": replay,
    "keys": keys,
    "abuse": abuse,
    "emulator": emulator_load,
    "differential": differential,
    "fuzz": fuzz,
    "audit": completeness,
}
"""The sections by name, in the order in which they run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named sections, or all; return 1 if a measured promise does not hold."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := set(given.sections) - SECTIONS.keys():
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell's background job ignores it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left running
    rows: list[Row] = []
    for name in given.sections or SECTIONS:
        _say(f"== {name}")
        section = partial(replay, events=given.events) if name == "replay" else SECTIONS[name]
        rows += section(given.short, _say)
    print(f"\n{table(rows)}")
    return 0 if all(row.holds is not False for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description="The promises, measured.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--events", type=int, default=0, metavar="N", help="so many rejected events for replay")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
