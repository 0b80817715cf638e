"""``python -m tests.bench [SECTION ...]``: measure, print, update docs/performance*; ``make bench``.

A section that is measured again replaces its last figures; the other sections stay. A shortened or narrowed run is only
printed. Exit status 1 if this project gave a wrong answer, or an answer whose message the broker does not have, or
lost an event.
"""

import argparse
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import measure, sections
from tests.bench.brokers import ROOT
from tests.bench.compare import CONNECTIONS
from tests.bench.contestants import CONTESTANTS, OURS, OURS_WSGI, Environments
from tests.bench.errors import BenchError
from tests.bench.report import goals, markdown, put
from tests.bench.results import Comparison

DOCS = ROOT / "docs"
SECTIONS = {
    "compare": sections.compare_section,
    "counts": sections.counts_section,
    "share": sections.share_section,
    "stages": sections.stages_section,
    "imports": sections.imports_section,
    "small": sections.small_section,
    "memory": sections.memory_section,
}
BY_DEFAULT = ("compare", "counts", "share", "stages", "imports", "small")
"""``memory`` takes as long as all of these."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections that the command line names."""
    parser = _parser()
    given = parser.parse_args(arguments)
    named = given.sections or BY_DEFAULT
    if unknown := set(named) - SECTIONS.keys() - {"all"}:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell's background job ignores it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left running
    is_whole = not (given.short or given.only or given.broker or given.connections or given.rounds or given.seconds)
    try:
        with measure.on(measure.OTHER_CORES):
            chosen = SECTIONS if "all" in named else named
            measured = {name: SECTIONS[name](_options(given), _say) for name in chosen}
        print(f"\n{markdown(measured)}")
        if is_whole:
            _keep(measured)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if is_untrue(measured) else 0


def _keep(measured: Mapping[str, Any]) -> None:
    from tests.bench.plot import plot  # noqa: PLC0415  # only a whole run needs it

    path = DOCS / "performance.json"
    results = {**(json.loads(path.read_text("utf-8")) if path.exists() else {}), **measured}
    path.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", "utf-8")
    put(goals(results), DOCS / "performance.md")
    put(markdown(results), DOCS / "performance-figures.md")
    if "compare" in results:
        plot(results, DOCS / "performance.png")


def is_untrue(measured: Mapping[str, Any]) -> bool:
    """Return whether this project gave a wrong answer, or lost an event."""
    ours = [point["sum"] for point in Comparison(measured).points if point["variant"] in {OURS.name, OURS_WSGI.name}]
    is_lost = measured.get("small", {}).get("burst", {}).get("lost")
    return bool(is_lost) or any(counts.get("wrong") or counts.get("missing") for counts in ours)


def _options(given: argparse.Namespace) -> sections.Options:
    return sections.Options(
        environments=Environments(given.project.absolute(), given.plain and given.plain.absolute(), given.node),
        only=tuple(given.only),
        brokers=tuple(given.broker),
        connections=tuple(given.connections),
        rounds=given.rounds,
        seconds=given.seconds,
        is_short=given.short,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Compare this function with others.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}, all")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--only", action="append", default=[], choices=[variant.name for variant in CONTESTANTS])
    parser.add_argument("--broker", action="append", default=[], choices=list(sections.BROKERS))
    parser.add_argument("--connections", action="append", default=[], type=int, help=f"instead of {CONNECTIONS}")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0, help="length of one run")
    parser.add_argument("--project", type=Path, default=Path(sys.executable), help="this project's interpreter")
    parser.add_argument("--plain", type=Path, help="the interpreter of the other variants")
    parser.add_argument("--node", type=Path, help="the folder of the Node.js variant")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
