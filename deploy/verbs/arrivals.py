"""Where ``audit`` and ``backfill --missing-only`` read what arrived: their flags, and the place that these name."""

import argparse
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from deploy.cli.options import MAX_NAME
from deploy.cli.usage import Flag
from deploy.context import Context
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

    If the events are stored in BigQuery, the deployment's own table is read instead of the topic.

    At the end of the context, the messages of a subscription are given back, or acknowledged if it ended well.

    Raises:
        DeployError: the place cannot know what arrived in the window, or cannot be read.

    """
    flags = context.flags
    with ExitStack() as stack:
        place: Arrived = ArrivedOnTopic(reading)
        if table := _table(context, reading):
            place = ArrivedInTable(reading, context.bigquery, table)
        elif flags.subscription:
            holds = holding(context.pubsub, flags.subscription, reading.notice, acknowledges=acknowledges)
            place = ArrivedInSubscription(reading, flags.subscription, stack.enter_context(holds))
        place.check()
        yield place


def _table(context: Context, reading: Reading) -> str:
    """Return the table that is read: the named one, or the deployment's own if it has all of the window; else "".

    Raises:
        DeployError: table or subscription cannot be read.

    """
    flags, spec = context.flags, context.spec
    if flags.table or flags.subscription or not spec.bigquery.is_on:
        return "" if flags.table == NO_TABLE else flags.table or ""
    own = EventTable(spec)
    found = context.google.read(own.describe)
    if found is None or own.not_ours({own.key: found}):
        reading.notice(f"note: {own.title} is not there yet, so the topic is read")
        return ""
    since = max(int(found.get("creationTime") or 0) / 1000, _written_since(context, own))
    if since > reading.window.start:
        how = "does not have all events" if since == math.inf else f"has no events from before {utc(since)}"
        reading.notice(f"note: {own.title} {how}, so the topic is read")
        return ""
    return own.place.full_table


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
