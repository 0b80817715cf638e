"""``python -m tests.bench.counts``: compare the counts for one event with the baseline; ``make bench-gate``.

Exit status 1 if a count has grown by 5 % or more. ``--accept`` makes the present counts the baseline instead.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.counts.baseline import LIMIT, Change, changes, table
from tests.bench.counts.measured import Counted, measured, missing_programs
from tests.bench.counts.names import YARDSTICK
from tests.bench.errors import BenchError

BASELINE = Path(__file__).with_name("baseline.json")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
INSTALL = "install them: on Debian, apt-get install valgrind strace"
ACCEPT = "make bench-gate GATE=--accept"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.counts", description="Compare counts for one event.")
    parser.add_argument("--accept", action="store_true", help="make the present counts the baseline of this Python")
    parser.add_argument("--json", action="store_true", help="only print the present counts")
    given = parser.parse_args(arguments)
    if missing := missing_programs():
        print(f"error: {' and '.join(missing)} not found\n  fix: {INSTALL}", file=sys.stderr)
        return 1
    try:
        found = measured()
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.json:
        json.dump({"counts": found.counts, "calls": found.calls}, sys.stdout)
        return 0
    print(_calls(found))
    if given.accept:
        _write(found)
        return 0
    return judged(_baseline(), found.counts)


def judged(baseline: dict[str, Any], now: dict[str, float]) -> int:
    """Print the comparison with the baseline of this Python, and return the exit status."""
    before = baseline.get(PYTHON)
    if before is None:
        print(f"NOT CHECKED: {BASELINE.name} has no counts for Python {PYTHON}. This command adds them: {ACCEPT}")
        return 0
    found = changes(before, now, YARDSTICK)
    print(table(found))
    if worse := [change for change in found if change.is_error and change.name != YARDSTICK]:
        print(_complaint(worse), file=sys.stderr)
        return 1
    print(f"no count has grown by {LIMIT:.0%} or more")
    return 0


def _complaint(worse: Sequence[Change]) -> str:
    grown = ", ".join(f"{change.name} {change.growth:+.1%}" for change in worse)
    return (
        f"error: an event costs more than in {BASELINE.name}: {grown}\n"
        f"  fix: make it cheaper, or accept it with {ACCEPT} and commit {BASELINE.name} with the reason"
    )


def _calls(found: Counted) -> str:
    lines = [
        f"{name}: {', '.join(f'{count:.2f} {call}' for call, count in calls.items() if count >= 0.01)}"
        for name, calls in found.calls.items()
    ]
    return "\n".join(lines)


def _baseline() -> dict[str, Any]:
    baseline: dict[str, Any] = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {}
    return baseline


def _write(found: Counted) -> None:
    compared = found.counts.keys() - found.calls.keys()  # not the sums of system calls that chance is a part of
    counts = {name: round(found.counts[name], 2) for name in compared}
    BASELINE.write_text(json.dumps(_baseline() | {PYTHON: counts}, indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"{BASELINE} has the counts of Python {PYTHON} now")


if __name__ == "__main__":
    sys.exit(main())
