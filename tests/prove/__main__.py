"""``python -m tests.prove [SECTION ...] [--short]``: measure what is promised, one row each; exit 1 if one fails."""

import argparse
import sys
from collections.abc import Mapping, Sequence

from tests.prove.report import Row, Section, table

SECTIONS: Mapping[str, Section] = {}
"""By name, in the order in which they run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections that are named, or all; exit status 0 if every promise holds, else 1."""
    given = _parser().parse_args(arguments)
    rows: list[Row] = []
    for name in given.sections or SECTIONS:
        _say(f"== {name}")
        rows += SECTIONS[name](given.short, _say)
    print(f"\n{table(rows)}")
    return 0 if all(row.holds for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description="The promises, measured.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
