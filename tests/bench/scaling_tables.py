"""The tables of docs/scaling.md, from docs/scaling.json and the model. Pure, except for the two paths."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from deploy.costs.bill import AS_DEPLOYED, Choices, Cost
from deploy.costs.prices import ENTRIES, PRICES
from tests.bench.brokers import ROOT
from tests.bench.capacity import Load, Measured, Sizing, defaults, reached_at, size
from tests.bench.cloud import QUOTAS, SENSORS
from tests.bench.queueing import Instance, Overloaded
from tests.bench.text import dollars, duration, exactly, number, percent, table

PAGE = ROOT / "docs/scaling.md"
FIGURES = ROOT / "docs/scaling.json"

SENSOR_COUNTS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
HOUR_S = 3600

Figures = Mapping[str, Any]


def rendered(page: str, figures: Figures) -> str:
    """Return the page with a new table between each pair of marks. Raises KeyError for a mark that names no table."""

    def anew(found: re.Match[str]) -> str:
        lines = TABLES[found["name"]](figures)
        return f"<!-- {found['name']} -->\n" + "\n".join(lines) + "\n<!-- end -->"

    return re.sub(r"<!-- (?P<name>[a-z ]+) -->\n(?:(?!<!--).*\n)*<!-- end -->", anew, page)


def measured(figures: Figures) -> Measured:
    """Return the measured figures."""
    return Measured(**figures["measured"])


def sized(figures: Figures, sensors: int, choices: Choices = AS_DEPLOYED) -> Sizing:
    """Return the sizing for a number of sensors."""
    return size(Load(sensors), measured(figures), choices)


def sensors_table(figures: Figures) -> list[str]:
    """Sensors -> events -> instances -> settings -> the limit that is reached first."""
    rows = []
    for count in SENSOR_COUNTS:
        sizing = sized(figures, count)
        first = next(limit for limit in sizing.limits if not limit.name.startswith("`"))
        rows.append(
            (
                number(count),
                f"{number(sizing.load.mean_per_s)}, {number(sizing.load.burst_per_s)}",
                f"{sizing.mean_instances}, {number(sizing.burst_instances)}",
                f"{sizing.concurrency}",
                f"{sizing.min_instances}",
                f"{number(sizing.max_instances)}",
                dollars(sizing.cost.total),
                f"{first.name}: {percent(first.used)}",
            )
        )
    head = ("sensors", "events/s: mean, burst", "instances: mean, burst", "`concurrency`", "`min_instances`")
    return table((*head, "`max_instances`", "$ per month", "first limit, used by a burst"), rows)


def cost_table(figures: Figures) -> list[str]:
    """Sensors -> dollars per month, part by part."""
    rows = []
    for count in SENSOR_COUNTS:
        sizing = sized(figures, count)
        rows.append((number(count), *_parts(sizing.cost), dollars(sizing.cost.total / count * 1000)))
    return table(("sensors", *PARTS, "total", "per thousand sensors"), rows)


def savings_table(figures: Figures) -> list[str]:
    """The cost after each of the settings that lower it, for each number of sensors."""
    quiet = Choices(log_events=False)
    quieter = replace(quiet, log_requests=False)
    by_instance = replace(quieter, billed_by_instance=True)
    few = replace(SENSORS, network_events=0)
    steps = (
        ("as deployed", AS_DEPLOYED, SENSORS),
        ("`LOG_LEVEL=WARNING`", quiet, SENSORS),
        ("and no log of requests", quieter, SENSORS),
        ("and billed by instance", by_instance, SENSORS),
        ("and no `networkStatus`", by_instance, few),
    )
    rows = []
    for name, choices, sensors_of_step in steps:
        totals = (size(Load(count, sensors_of_step), measured(figures), choices).cost.total for count in SENSOR_COUNTS)
        rows.append((name, *map(dollars, totals)))
    return table(("$ per month", *(f"{number(count)} sensors" for count in SENSOR_COUNTS)), rows)


def limits_table(figures: Figures) -> list[str]:
    """Limits in the order in which they are reached."""
    sizing = sized(figures, SENSOR_COUNTS[0])
    reached = sorted((reached_at(limit.name, sizing), limit.name, limit.remedy) for limit in sizing.limits)
    rows = [(name, f"{number(at)} sensors", remedy) for at, name, remedy in reached]
    return table(("limit", "reached by a burst at", "then"), rows)


def bursts_table(figures: Figures) -> list[str]:
    """The events of a burst, and how long the function takes to publish them."""
    rows = []
    for count in SENSOR_COUNTS:
        sizing = sized(figures, count)
        sync = count * SENSORS.event_types
        outage = sizing.load.mean_per_s * HOUR_S
        rows.append(
            (
                number(count),
                f"{number(sync)}: {duration(sizing.drained_s(sync))}",
                f"{number(sizing.load.returning)} sensors: {number(sizing.load.burst_per_s)}/s",
                f"{number(outage)}: {duration(sizing.drained_s(outage))}",
            )
        )
    return table(("sensors", "a sync of all sensors", "sensors that come back", "after an outage of an hour"), rows)


def check_table(figures: Figures) -> list[str]:
    """The model compared with what was measured."""
    instance = measured(figures).instance
    rows = []
    for point in figures["points"]:
        per_s = point["per_s"]
        rows.append(
            (
                percent(point["share"]),
                number(per_s),
                f"{percent(per_s * point['cpu_s'])}, {percent(instance.utilisation(per_s))}",
                *_compared(point["p50_s"], instance, per_s, 0.5),
                *_compared(point["p99_s"], instance, per_s, 0.99),
            )
        )
    head = ("load", "events/s", "CPU: measured, predicted", "p50: measured, predicted", "error")
    return table((*head, "p99: measured, predicted", "error"), rows)


def inputs_table(figures: Figures) -> list[str]:
    """The measured figures that the model starts from."""
    inputs = measured(figures)
    rows = [
        ("CPU time of an event, if another event always waits", f"{inputs.cpu_s * 1e3:.2f} ms"),
        ("additional CPU time, if no other event waits", f"{inputs.waking_s * 1e3:.2f} ms"),
        ("time until Pub/Sub acknowledges (assumed: 25 ms, plus the way there)", f"{inputs.publish_s * 1e3:.1f} ms"),
        ("events per second of one busy CPU, 64 at the same time", number(figures["capacity_per_s"])),
        ("cores that other programs used at most meanwhile", f"{figures['others']:.2f}"),
        ("start until the first 2xx", f"{inputs.start_s:.1f} s"),
        ("memory under load", f"{inputs.memory_bytes / 2**20:.0f} MiB"),
        ("message: body and attributes", f"{inputs.message_bytes:.0f} bytes"),
        ("log line", f"{inputs.log_bytes:.0f} bytes"),
        ("answer", f"{inputs.answer_bytes:.0f} bytes"),
    ]
    return table((f"measured {figures['taken']}", ""), rows)


def defaults_table(figures: Figures) -> list[str]:
    """The deploy command's defaults, and why."""
    sizing = defaults(measured(figures))
    in_total, seen_mib = sizing.concurrency * sizing.max_instances, sizing.measured.memory_bytes / 2**20
    why_places = (
        f"{number(in_total)} in total: {number(sizing.load.mean_per_s)} events/s come, and Pub/Sub may take a second"
    )
    rows = [
        ("`cpu`", "1", "one event loop uses one CPU"),
        (
            "`memory`",
            f"{sizing.memory_mib}Mi",
            f"twice the {seen_mib:.0f} MiB measured, plus ten of the largest bodies",
        ),
        (
            "`concurrency`",
            f"{sizing.concurrency}",
            why_places,
        ),
        ("`timeout`", f"{sizing.timeout_s}s", "DT waits 10 s"),
        (
            "`min_instances`",
            f"{sizing.min_instances}",
            f"a start takes {sizing.measured.start_s:.1f} s, and DT waits 10 s",
        ),
        (
            "`max_instances`",
            f"{sizing.max_instances}",
            f"twice the {sizing.burst_instances} instances of a burst, rounded up to a multiple of five",
        ),
    ]
    return table(("setting", "default", "because"), rows)


def facts_table(_: Figures) -> list[str]:
    """Every figure that was not measured, with its source."""
    rows = []
    for group in (PRICES, QUOTAS, SENSORS, ENTRIES):
        for field in fields(group):
            says, source = field.metadata["says"], field.metadata["source"]
            rows.append((exactly(getattr(group, field.name)), says, f"[{source.split('/')[2]}]({source})"))
    return table(("", "what", "where"), rows)


TABLES: Mapping[str, Callable[[Figures], list[str]]] = {
    "sensors": sensors_table,
    "cost": cost_table,
    "savings": savings_table,
    "limits": limits_table,
    "bursts": bursts_table,
    "check": check_table,
    "inputs": inputs_table,
    "defaults": defaults_table,
    "facts": facts_table,
}

PARTS = ("instances", "requests", "Pub/Sub", "logs", "answers", "secrets")


def _parts(cost: Cost) -> Iterator[str]:
    for part in (cost.instances, cost.requests, cost.pubsub, cost.logs, cost.egress, cost.secrets, cost.total):
        yield dollars(part)


def _compared(seen_s: float, instance: Instance, per_s: float, share: float) -> Iterator[str]:
    try:
        predicted_s = instance.response_s(per_s, share)
    except Overloaded:
        yield f"{seen_s * 1e3:.1f} ms, overloaded"
        yield "–"
        return
    yield f"{seen_s * 1e3:.1f}, {predicted_s * 1e3:.1f} ms"
    yield f"{(predicted_s / seen_s - 1) * 100:+.0f} %"
