"""Where ``audit`` and ``backfill --missing-only`` read what arrived: their flags, and the place that these name."""

import argparse
import math
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from deploy.cli.options import MAX_NAME
from deploy.cli.usage import Flag
from deploy.context import Context
from deploy.program import PROGRAM
from deploy.repair.arrived.arrivals import Window
from deploy.repair.arrived.drain import SubscriptionReader
from deploy.repair.arrived.places import (
    Arrived,
    ArrivedInSubscription,
    ArrivedInTable,
    ArrivedOnTopic,
    Reading,
    holding,
)
from deploy.repair.arrived.table import TABLE_NAME
from deploy.repair.audit.auditing import Missing
from deploy.repair.audit.ledger import Ledger
from deploy.resources.bigquery.event_table import EventTable
from deploy.resources.bigquery.subscription import bigquery_subscription, table_of, writes_since
from deploy.times import utc

SUBSCRIPTION = Flag(
    "--subscription",
    {
        "metavar": "NAME",
        "help": "what arrived is what this subscription of the main topic still has (default: what the topic has kept)",
    },
)
NO_TABLE = "none"
"""The value of ``--table`` if the topic is to be read although the events are stored in BigQuery."""

TABLE = Flag(
    "--table",
    {
        "metavar": "PROJECT.DATASET.TABLE",
        "help": (
            "what arrived is what this BigQuery table has (default with [bigquery]: its own table, if that has been "
            f"written for the whole window; {NO_TABLE}: what the topic has kept)"
        ),
    },
)
_SUBSCRIPTION_ID = r"[A-Za-z][\w.~+%-]{2,254}"


def faults_of(flags: argparse.Namespace) -> list[str]:
    """Return what is wrong with the flags that name a place."""
    faults = []
    if flags.table and flags.table != NO_TABLE and not re.fullmatch(TABLE_NAME, flags.table, re.ASCII):
        faults.append(f"--table: {flags.table[:MAX_NAME]!r} is not PROJECT.DATASET.TABLE")
    if flags.table and flags.subscription:
        faults.append("--table and --subscription exclude each other")
    if flags.subscription and not re.fullmatch(_SUBSCRIPTION_ID, flags.subscription, re.ASCII):
        faults.append(f"--subscription: {flags.subscription[:MAX_NAME]!r} is not the id of a subscription")
    return faults


def reading_of(context: Context, window: Window) -> Reading:
    """Return what a reading of the window needs."""
    terminal = context.terminal
    reader = SubscriptionReader(
        context.pubsub,
        context.now,
        context.monotonic,
        lambda count: terminal.state(f"{count:,} messages read"),
        context.sleep,
    )
    return Reading(context.spec, window, context.pubsub, reader, context.now, terminal.info)


@contextmanager
def place_of(context: Context, reading: Reading, *, acknowledges: bool = False) -> Iterator[Arrived]:
    """Yield where it is read what arrived, checked: a table or a subscription if one is named, else the topic itself.

    If the events are stored in BigQuery, the deployment's own table is read instead of the topic, if it is old enough.

    At the end of the context, the messages of a subscription are given back, or acknowledged if it ended well.

    Raises:
        DeployError: the place cannot know what arrived in the window, or cannot be read.

    """
    flags = context.flags
    with ExitStack() as stack:
        if flags.subscription:
            holds = holding(context.pubsub, flags.subscription, reading.notice, acknowledges=acknowledges)
            place: Arrived = ArrivedInSubscription(reading, flags.subscription, stack.enter_context(holds))
        elif flags.table and flags.table != NO_TABLE:
            place = ArrivedInTable(reading, context.bigquery, flags.table)
        elif context.spec.bigquery.is_on and not flags.table:
            place = _own_table_or_topic(context, reading)
        else:
            place = ArrivedOnTopic(reading)
        place.check()
        yield place


def _own_table_or_topic(context: Context, reading: Reading) -> Arrived:
    """Return the deployment's own table if it has all of the window; else, after a notice, the topic.

    Raises:
        DeployError: table or subscription cannot be read.

    """
    own, window = EventTable(context.spec), reading.window
    found = context.google.read(own.describe)
    if found is None or own.not_ours({own.key: found}):
        reading.notice(f"note: {own.title} is not there yet, so the topic is read")
        return ArrivedOnTopic(reading)
    since = max(int(found.get("creationTime") or 0) / 1000, _written_since(context, own))
    if since <= window.start:
        return ArrivedInTable(reading, context.bigquery, own.place.full_table)
    if since == math.inf:
        reading.notice(f"note: {own.title} does not have all events, so the topic is read")
        return ArrivedOnTopic(reading)
    begin = math.ceil(since)
    reading.notice(f"note: {own.title} has no events from before {utc(begin)}, so the topic is read")
    return ArrivedOnTopic(reading, _later(context, begin) if begin < window.end else "")


def _later(context: Context, begin: float) -> str:
    """Return the command of this run for a window that begins later, so that the own table has all of it."""
    flags = context.flags
    is_backfill = getattr(flags, "missing_only", False)
    words = [
        *(("backfill", "--missing-only") if is_backfill else ("audit",)),
        *(["--dry-run"] if is_backfill and flags.dry_run else []),
        f"--from={utc(begin)}",
        *([f"--to={flags.until}"] if flags.until else []),
    ]
    return f"{PROGRAM} {shlex.join(words)}"


def _written_since(context: Context, table: EventTable) -> float:
    """Return since when the subscription writes all events to the table, in unix seconds; inf if it is not known."""
    writer = bigquery_subscription(context.spec)
    found = context.google.read(writer.describe)
    if found is None or not writer.is_ours(found) or table_of(found) != table.place.full_table:
        return math.inf
    return writes_since(found)


@contextmanager
def missing_of(context: Context, window: Window) -> Iterator[Missing]:
    """Read what arrived in the window, and yield what tells the events of DT's history that did not.

    Raises:
        DeployError: it could not be read.

    """
    ledger, reading = Ledger(window), reading_of(context, window)
    try:
        with place_of(context, reading) as place:
            context.terminal.info(f"reading what arrived from {place.name}")
            place.read(lambda batch: ledger.add_arrived(one for one in batch if one.event_id), [])
        yield Missing(ledger)
    finally:
        ledger.close()
