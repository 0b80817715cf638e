"""Results -> the table of goals in docs/performance.md, and docs/performance-figures.md. Pure, except for ``put``."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.contestants import OURS, REFERENCE
from tests.bench.errors import BenchError
from tests.bench.figures import median
from tests.bench.goals import GOALS, Goal
from tests.bench.results import Comparison
from tests.bench.share import OWN_SHARE, WHOLE
from tests.bench.stages import CPU

BEGIN, END = "<!-- what `make bench` measured: begin -->", "<!-- what `make bench` measured: end -->"
PACKAGES_SHOWN = 15
SMALL = {
    "start_s": "start to the first 2xx, limited from the beginning, s",
    "boosted_start_s": "start to the first 2xx with a whole core, s",
    "p50_ms": "p50 of single events, ms",
    "p99_ms": "p99 of single events, ms",
    "requests_s": "events/s, one at a time",
    "cpu_us": "CPU per event, µs",
    "peak_mib": "peak memory, MiB",
}
"""What the report calls the figures of a round of the section ``small``."""

SHOWN_CALLS = 0.01
"""System calls that are rarer than this, for one event, are not listed."""


def markdown(results: Mapping[str, Any]) -> str:
    """Write all measured sections."""
    parts = ["### Goals", goals(results)]
    if results.get("counts"):
        parts.append(_counts(results["counts"]))
    if "compare" in results:
        parts.append(_compared(results))
    if "share" in results:
        parts.append(_share(results["share"]))
    if "stages" in results:
        parts.append(_stages(results["stages"]))
    if "imports" in results:
        parts.append(_imports(results["imports"]))
    if "memory" in results:
        parts.append(_memory(results["memory"]))
    if "small" in results:
        parts.append(_small(results["small"]))
    return "\n\n".join(parts)


def put(text: str, page: Path) -> None:
    """Put a text between the page's two marks; raises BenchError if they are not there."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"{page} lacks the two marks between which the figures belong")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table; all columns but the first are figures."""
    ruler = ["---", *["---:" for _ in head[1:]]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ruler, *rows])


def goals(results: Mapping[str, Any]) -> str:
    """Write the table of goals, and when the figures were measured."""
    head = ("goal of `ingest`, with the emulator unless stated otherwise", "bound", "measured", "")
    sources = (("Timings", "compare"), ("Counts", "counts"), ("`small`", "small"))
    measured = [f"{what}: {results[name]['machine']}" for what, name in sources if results.get(name)]
    return "\n\n".join([table(head, goal_lines(results)), *measured])


def goal_lines(results: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return each goal's sentence, bound, figure and verdict."""
    return [(goal.sentence, _bound(goal), _figure(goal, results), _verdict(goal, results)) for goal in GOALS]


def _verdict(goal: Goal, results: Mapping[str, Any]) -> str:
    """Say whether the goal is met; of several rounds, in how many, because only rounds that agree allow a verdict."""
    met, rounds = goal.rounds_met(results)
    if not rounds:
        return "not measured"
    if rounds == 1:
        return "met" if met else "**not met**"
    said = {rounds: f"met in {rounds} of {rounds}", 0: f"**not met** in {rounds} of {rounds}"}
    return said.get(met, f"undecided: met in {met} of {rounds}")


def number(value: float | None, unit: str = "") -> str:
    """Write a figure with its significant digits."""
    if value is None or value != value:  # noqa: PLR0124  # not a number: nothing came
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{unit}"


def _bound(goal: Goal) -> str:
    sign, bound = ("≤", goal.at_most) if goal.at_most is not None else ("≥", goal.at_least)
    return f"{sign} {_precise(bound, goal.unit)}"


def _figure(goal: Goal, results: Mapping[str, Any]) -> str:
    """Write the median of the rounds, and the smallest and the largest."""
    figures = goal.figures(results)
    if len(figures) < 2:
        return _precise(median(figures), goal.unit)
    smallest, largest = (_precise(figure, "") for figure in (min(figures), max(figures)))
    return f"{_precise(median(figures), goal.unit)} ({smallest} to {largest})"


def _precise(value: float | None, unit: str) -> str:
    """Write small ratios with a third digit, so that a figure does not look like the bound that it misses."""
    return f"{value:.3f}{unit}" if value is not None and 0 < abs(value) < 1 else number(value, unit)


def _counts(counts: Mapping[str, Any]) -> str:
    rows = [[name, _count(count)] for name, count in counts["counts"].items()]
    calls = [
        f"{name}: {', '.join(f'{count:.2f} `{call}`' for call, count in by_name.items() if count >= SHOWN_CALLS)}."
        for name, by_name in counts["calls"].items()
    ]
    return "\n\n".join(["### Counts for one event", table(("", "count"), rows), *calls])


def _count(count: float) -> str:
    return f"{count:,.0f}" if count >= 100 else f"{count:.2f}"


def _compared(results: Mapping[str, Any]) -> str:
    compare, comparison = results["compare"], Comparison(results)
    machine = f"{compare['machine']} {_rounds(comparison)} rounds."
    lines = [f"### Compared\n\n{machine}\n\n![p50 and requests a second](performance.png)"]
    for broker in comparison.brokers:
        lines += [f"#### Broker: {broker}", _grid(comparison, broker, "p50 / p99, ms", _latency)]
        lines += [_grid(comparison, broker, "requests/s (as a multiple of the reference's)", _throughput)]
        lines += [_grid(comparison, broker, "CPU per event, µs", _cpu)]
    lines += ["#### Start, memory, outage", _whole(comparison, compare["outage"])]
    lines += [_checked(comparison), *(f"NOT MEASURED: {reason}" for reason in compare["not_measured"])]
    return "\n\n".join(lines)


def _rounds(comparison: Comparison) -> int:
    return max(len(point["rounds"]) for point in comparison.points)


Cell = Callable[[Comparison, str, str, int], str]


def _grid(comparison: Comparison, broker: str, what: str, cell: Cell) -> str:
    columns = comparison.connections
    rows = [
        [name, *(cell(comparison, name, broker, connections) for connections in columns)]
        for name in comparison.variants
    ]
    return table([what, *(f"{column} conn." for column in columns)], rows)


def _latency(comparison: Comparison, name: str, broker: str, connections: int) -> str:
    p50, p99 = (comparison.figure(metric, name, broker, connections) for metric in ("p50_ms", "p99_ms"))
    return f"{number(p50)} / {number(p99)}"


def _throughput(comparison: Comparison, name: str, broker: str, connections: int) -> str:
    times = comparison.ratio("requests_s", name, REFERENCE.name, broker, connections)
    return f"{number(comparison.figure('requests_s', name, broker, connections))} ({number(times, '×')})"


def _cpu(comparison: Comparison, name: str, broker: str, connections: int) -> str:
    return number(comparison.figure("cpu_us", name, broker, connections))


def _whole(comparison: Comparison, outage: Mapping[str, Any]) -> str:
    broker, most = comparison.brokers[0], comparison.connections[-1]
    head = ("", "start to first 2xx, ms", f"memory at {most} conn., MiB", "broker gone: the sender sees")
    rows = [
        [
            name,
            number(comparison.figure("start_ms", name, broker, 0)),
            number(comparison.figure("memory_mib", name, broker, most)),
            _seen(outage.get(name)),
        ]
        for name in comparison.variants
    ]
    return table(head, rows)


def _seen(outage: Mapping[str, Any] | None) -> str:
    if outage is None:
        return "–"
    return f"{outage['status'] or 'no answer'} after {number(outage['seconds'], ' s')}"


def _checked(comparison: Comparison) -> str:
    sums = {name: sum(point["sum"].get(name, 0) for point in comparison.points) for name in ("wrong", "missing")}
    right = sum(point["sum"]["right"] for point in comparison.points if not point["connections"])
    faulty = {
        f"{point['variant']} at {point['connections']} on {point['broker'] or 'none'}": point["sum"]
        for point in comparison.points
        if point["sum"].get("wrong") or point["sum"].get("missing")
    }
    summary = f"{right:,} answers checked: {sums['wrong']:,} wrong, {sums['missing']:,} without their message"
    return "; ".join([summary, *(f"{where}: {what}" for where, what in faulty.items())]) + "."


def _share(share: Mapping[str, float]) -> str:
    rows = [[name, number(share[name])] for name in OWN_SHARE]
    rows += [["sum", number(sum(share[name] for name in OWN_SHARE))], [WHOLE, number(share[WHOLE])]]
    return f"### Own share\n\n{table(('part', 'µs per event'), rows)}"


def _stages(stages: Mapping[str, Mapping[str, float]]) -> str:
    columns = list(stages.values())
    steps = [name for name in columns[0] if name != CPU]
    rows = [[name, *(number(column[name]) for column in columns)] for name in steps]
    rows.append(["event loop, sockets, gRPC: the rest", *(number(_left(column)) for column in columns)])
    rows.append([CPU, *(number(column[CPU]) for column in columns)])
    head = ("step, µs in the serving process", *(f"{count} conn." for count in stages))
    return f"### Where an event's time goes\n\n{table(head, rows)}"


def _left(stages: Mapping[str, float]) -> float:
    return stages[CPU] - sum(us for name, us in stages.items() if name != CPU)


def _imports(imports: Mapping[str, Mapping[str, float]]) -> str:
    names = list(imports)
    packages = sorted(
        {package for account in imports.values() for package in account}, key=lambda package: -_most(imports, package)
    )
    rows = [[f"`{package}`", *(number(imports[name].get(package)) for name in names)] for package in packages]
    shown = rows[:PACKAGES_SHOWN]
    shown.append(["all others", *(number(_rest(imports[name], packages[PACKAGES_SHOWN:])) for name in names)])
    shown.append(["sum", *(number(sum(imports[name].values())) for name in names)])
    return f"### Imports\n\n{table(['package: its own modules, ms', *names], shown)}"


def _most(imports: Mapping[str, Mapping[str, float]], package: str) -> float:
    return max(account.get(package, 0.0) for account in imports.values())


def _rest(account: Mapping[str, float], packages: Sequence[str]) -> float:
    return sum(account.get(package, 0.0) for package in packages)


def _memory(memory: Mapping[str, Any]) -> str:
    rows = [[f"{events:,}", number(mib)] for events, mib in memory["steps"]]
    return f"### Memory\n\n{table((f'events through one process of `{OURS.name}`', 'MiB'), rows)}"


def _small(small: Mapping[str, Any]) -> str:
    title = "### The profile `small`"
    if "not_measured" in small:
        return f"{title}\n\nNOT MEASURED: {small['not_measured']}"
    quota, seen = small["quota"], small["burst"]
    limit = (
        f"One instance with {quota['cores']:g} of a core, one request at a time; rounds: {len(small['rounds'])}. "
        f"Limited by {quota['name']}: a busy loop got {quota['busy_loop']:.3f} of a core."
    )
    head = ("one instance", "median", "smallest", "largest")
    rows = [_of_rounds(what, [figures[name] for figures in small["rounds"]]) for name, what in SMALL.items()]
    bodies = [[f"{body['bytes']:,}", number(body["longest_s"]), number(body["peak_mib"])] for body in small["bodies"]]
    large = ("bytes of the largest body: by default, and with `MAX_BODY_BYTES`", "longest answer, s", "peak, MiB")
    return "\n\n".join([title, small["machine"], limit, table(head, rows), table(large, bodies), _burst(seen)])


def _of_rounds(what: str, figures: Sequence[float]) -> list[str]:
    return [what, *(number(figure) for figure in (median(figures), min(figures), max(figures)))]


def _burst(seen: Mapping[str, Any]) -> str:
    return (
        f"A burst to this one instance, {number(seen['per_s'])} events/s for {seen['seconds']:g} s, {seen['events']:,} "
        f"in all: {seen['lost']:,} lost, {seen['unanswered']:,} never answered, {seen['refused']:,} attempts "
        f"without an answer after {seen['attempt_s']:g} s and sent again, {seen['twice']:,} further messages of the "
        f"same events. An event took {number(seen['longest_s'])} s at most."
    )
