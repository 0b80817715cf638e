"""The tables of docs/scaling.md and docs/scaling-model.md, from docs/scaling.json and the model. Pure but for paths."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from deploy.costs.bill import AS_DEPLOYED, Choices, Cost
from deploy.costs.prices import ENTRIES, PRICES
from deploy.costs.sensors import SENSORS
from deploy.profiles import LARGE, SMALL, Profile, profile_for
from deploy.spec import SMALL_SENSORS
from tests.bench.brokers import ROOT
from tests.bench.capacity import Load, Measured, OneAtATime, Sizing, defaults, reached_at, size
from tests.bench.cloud import QUOTAS
from tests.bench.queueing import Instance, Overloaded
from tests.bench.text import dollars, duration, exactly, number, percent, table

PAGE = ROOT / "docs/scaling.md"
MODEL_PAGE = ROOT / "docs/scaling-model.md"
PAGES = (PAGE, MODEL_PAGE)
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


def profiled(figures: Figures, sensors: int, profile: Profile | None = None) -> Sizing:
    """Return the sizing for a number of sensors with a profile; with that of its size if none is named."""
    return sized(figures, sensors, (profile or profile_for(sensors)).choices)


def sensors_table(figures: Figures) -> list[str]:
    """Sensors -> events -> profile and settings -> dollars -> the limit that is reached first."""
    rows = []
    for count in SENSOR_COUNTS:
        sizing, profile = profiled(figures, count), profile_for(count)
        first = next(limit for limit in sizing.limits if not limit.name.startswith("`"))
        few = OneAtATime(sizing.load, sizing.measured)
        is_small = profile is SMALL
        instances = (few if is_small else sizing).mean_instances, (few if is_small else sizing).burst_instances
        rows.append(
            (
                number(count),
                f"{number(sizing.load.mean_per_s)}, {number(sizing.load.burst_per_s)}",
                f"`{profile.name}`",
                f"{instances[0]}, {number(instances[1])}",
                SMALL.sizes["concurrency"] if is_small else f"{sizing.concurrency}",
                "0" if is_small else f"{sizing.min_instances}",
                SMALL.sizes["max_instances"] if is_small else f"{number(sizing.max_instances)}",
                dollars(sizing.cost.total),
                f"{first.name}: {percent(first.used)}",
            )
        )
    head = ("sensors", "events/s: mean, burst", "profile", "instances: mean, burst", "`concurrency`", "`min_instances`")
    return table((*head, "`max_instances`", "$ per month", "first limit, used by a burst"), rows)


def goals_table(figures: Figures) -> list[str]:
    """The goals of the cost, and what the model says about each."""
    small, large = profiled(figures, 1_000), profiled(figures, 100_000)
    times = large.cost.total / large.cost.pubsub
    goals = (
        ("1 k sensors: at most $5 a month", f"${small.cost.total:.2f}", small.cost.total <= 5),
        (
            "100 k sensors: at most $1.30 a month per thousand sensors",
            f"${large.cost.total / 100:.2f}",
            large.cost.total <= 130,
        ),
        ("100 k sensors: at most twice what Pub/Sub alone costs", f"{times:.2f} times", times <= 2),
    )
    return table(
        ("goal", "by the model", ""), [(goal, seen, "met" if met else "**not met**") for goal, seen, met in goals]
    )


def cost_table(figures: Figures) -> list[str]:
    """Sensors -> dollars per month, part by part, with the profile of their number."""
    rows = []
    for count in SENSOR_COUNTS:
        sizing = profiled(figures, count)
        rows.append(
            (
                number(count),
                f"`{profile_for(count).name}`",
                *_parts(sizing.cost),
                dollars(sizing.cost.total / count * 1000),
            )
        )
    return table(("sensors", "profile", *PARTS, "total", "per thousand sensors"), rows)


def savings_table(figures: Figures) -> list[str]:
    """The cost after each of the settings that lower it, for each number of sensors."""
    without = replace(AS_DEPLOYED, log_requests=False)
    sampled = replace(without, log_one_of=int(LARGE.log_delivered))
    few = replace(SENSORS, network_events=0)
    steps = (
        ("everything logged, a whole processor billed by request", AS_DEPLOYED, SENSORS),
        ("and no entry of Cloud Run for answers 2xx", without, SENSORS),
        ("and one line of 100 delivered events", sampled, SENSORS),
        ("and billed by instance: `large`", LARGE.choices, SENSORS),
        ("`large` without `networkStatus`", LARGE.choices, few),
        ("`small`", SMALL.choices, SENSORS),
        ("`small` without `networkStatus`", SMALL.choices, few),
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
    """What the profiles set, and why."""
    return table(("setting", "`small`", "`large`", "because"), [*_sizes(defaults(measured(figures))), *_OF_COST])


def _sizes(sizing: Sizing) -> Iterator[tuple[str, str, str, str]]:
    """The sizes of both profiles, as the model recommends them."""
    few = OneAtATime(Load(SMALL_SENSORS), sizing.measured)
    of_cpu = f"an event needs {few.cpu_of_100_ms:.2f} in the 100 ms that are billed; an event loop uses one"
    yield "`cpu`", SMALL.sizes["cpu"], LARGE.sizes["cpu"], of_cpu
    seen_mib = sizing.measured.memory_bytes / 2**20
    of_memory = f"twice the {seen_mib:.0f} MiB measured, plus the largest bodies: one; ten"
    yield "`memory`", f"{few.memory_mib}Mi", f"{sizing.memory_mib}Mi", of_memory
    in_total, rate = number(sizing.concurrency * sizing.max_instances), number(sizing.load.mean_per_s)
    of_places = (
        f"less than one CPU allows one; {in_total} in total: {rate} events/s come, and Pub/Sub may take a second"
    )
    yield "`concurrency`", SMALL.sizes["concurrency"], f"{sizing.concurrency}", of_places
    yield "`timeout`", f"{sizing.timeout_s}s", f"{sizing.timeout_s}s", "DT waits 10 s"
    of_start = f"a start takes {sizing.measured.start_s:.1f} s on a whole CPU, and DT waits 10 s"
    yield "`min_instances`", "0", f"{sizing.min_instances}", of_start
    bursts = f"twice the {few.burst_instances}, or the {sizing.burst_instances}, instances of a burst"
    of_most = f"{bursts}; with one request each also a slow Pub/Sub; rounded up to a multiple of five"
    yield "`max_instances`", f"{few.max_instances}", f"{sizing.max_instances}", of_most


_OF_COST = (
    ("`log_delivered`", SMALL.log_delivered, LARGE.log_delivered, "50 GiB of lines a month are free"),
    ("`request_logs`", SMALL.request_logs, LARGE.request_logs, "the entry of a 2xx says nothing that is not counted"),
    ("`billing`", SMALL.billing, LARGE.billing, "an instance that is nearly always busy costs less by the second"),
)


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
    "goals": goals_table,
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
