"""``status``: show the health of a deployment on one screen, or all of it in JSON; with ``--watch`` again and again."""

import argparse
from dataclasses import replace
from functools import partial

from deploy.cli.options import SENSORS, WHICH_DEPLOYMENT
from deploy.cli.terminal import RED, YELLOW
from deploy.cli.usage import Flag, Usage
from deploy.context import Context
from deploy.dt.devices import newest_reports
from deploy.dt.sensors import count_sensors
from deploy.errors import InvalidOptions
from deploy.remedies import head_of
from deploy.stages.health.cost_row import cost_words
from deploy.stages.health.document import document
from deploy.stages.health.reader import HealthReader
from deploy.stages.health.readings import Readings
from deploy.stages.health.row import Row, by_command, findings, health_of, on_one_screen
from deploy.stages.health.rows import rows_of
from deploy.stages.health.words import date_and_time
from deploy.verbs.exit_codes import FAILED, NOTHING_TO_DO, UNHEALTHY
from deploy.verbs.orientation import know_next_steps, show_next_steps
from deploy.verbs.pricing import with_set_profile

EVERY_S = 30
"""Seconds between two readings of ``--watch``, if no number is given."""

LEAST_S = 5
"""A reading takes some twenty requests, or so many commands of gcloud if it alone reaches Google."""


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; at least {LEAST_S}")
    return int(text)


LINKS = Flag(
    "--links", {"action": "store_true", "help": "show also where the events are, links to the consoles, and the cost"}
)

WATCH = Flag(
    "--watch",
    {
        "nargs": "?",
        "const": EVERY_S,
        "type": _seconds,
        "metavar": "SECONDS",
        "help": f"read it again every {EVERY_S} or so many seconds until Ctrl-C",
    },
)

USAGE = Usage(
    "show on one screen what exists and whether it is healthy",
    {
        NOTHING_TO_DO: "healthy",
        UNHEALTHY: "unhealthy",
        FAILED: "it could not be read",
    },
    options=(*WHICH_DEPLOYMENT, SENSORS),
    flags=(LINKS, WATCH),
    compares_settings=True,
)

WIDEST = (10, 22)
"""Columns of the states and the names on the screen: as many as most of them need."""

_COLOURS = {"unhealthy": RED, "unreadable": YELLOW, "ok": ""}


def run(context: Context) -> int:
    """Read both ends and show their health, once or until Ctrl-C; return the exit code of the last reading.

    Raises:
        InvalidOptions: ``--watch`` and ``--json`` exclude each other.

    """
    every_s: int | None = context.flags.watch
    if every_s is None:
        return _show(context, _read(context))
    if context.flags.json:
        raise InvalidOptions(["--watch shows many readings, and --json prints exactly one document: leave one out"])
    return _watch(context, every_s)


def _watch(context: Context, every_s: int) -> int:
    """Show one reading after the other. Ctrl-C ends it with the exit code of the last complete reading."""
    code: int | None = None
    try:
        while True:
            readings = _read(context)
            context.terminal.clear()
            code = _show(context, readings)
            context.print(f"\nagain in {every_s} s; Ctrl-C ends this\n")
            context.sleep(every_s)
    except KeyboardInterrupt:
        if code is None:
            raise
        return code


def _read(context: Context) -> Readings:
    context = replace(context, spec=with_set_profile(context.spec))
    reader = HealthReader(
        context.spec,
        context.google,
        context.observer,
        context.connectors,
        context.dt.organization,
        partial(newest_reports, context.dt),
        partial(count_sensors, context.dt, context.spec.dt_projects),
        context.read_time_series,
        context.now,
        context.monotonic,
    )
    with context.terminal.progress("reading both ends"):
        return reader.read()


def _show(context: Context, readings: Readings) -> int:
    """Report and print one reading; return its exit code."""
    spec, report = context.spec, context.report
    rows = rows_of(spec, readings)
    report.steps = readings.steps if isinstance(readings.steps, tuple) else ()
    report.status, report.healthy, report.version = rows, health_of(rows), readings.observed.version(spec)
    report.health = document(spec, readings, rows)
    if not context.flags.json:
        _print(context, readings, rows)
    if context.flags.links and readings.observed.url(spec):
        know_next_steps(context, readings.observed, cost_words(spec, readings))
        show_next_steps(context)
    return {True: NOTHING_TO_DO, False: UNHEALTHY, None: FAILED}[report.healthy]


def _print(context: Context, readings: Readings, rows: list[Row]) -> None:
    """Print the screen: the rows, and what to do. A command is not wrapped, so that it can be pasted."""
    spec = context.spec
    verdict = {True: "healthy", False: "unhealthy", None: "could not be read"}[health_of(rows)]
    context.print(f"{spec.name} ({spec.google_project}, {spec.region}), {date_and_time(readings.at)}: {verdict}\n")
    shown = on_one_screen(rows)
    lines = [(row.state, row.what, row.detail) for row in shown]
    context.terminal.table(lines, [_COLOURS[row.health] for row in shown], WIDEST)
    found_here = by_command(findings(rows))
    if found_here:
        context.print("")
    for command, found in found_here.items():
        for finding in found:
            context.print(finding.head())
        if command:
            context.print(f"  {head_of(command)}: {command}")
