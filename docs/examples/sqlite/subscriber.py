"""Store the events of a deployment in a SQLite file, each once, and what was rejected in a table of its own.

    python subscriber.py events.db projects/P/subscriptions/dt-events projects/P/subscriptions/dt-rejected

A message is acknowledged only after the transaction that stores it. If this program, the machine or the disk fails
before that, Pub/Sub sends the message again. Ctrl-C or SIGTERM ends the program, and loses nothing either.
"""

import argparse
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from queue import SimpleQueue

import grpc
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.message import Message

ANSWERS_S = 10
MOST_AT_ONCE = 500
TABLES = """
CREATE TABLE IF NOT EXISTS events (event_id TEXT PRIMARY KEY, device_id TEXT, event_type TEXT, time TEXT,
  published TEXT, origin TEXT, schema_violation TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS rejected (
  body_sha256 TEXT, reason TEXT, published TEXT, body BLOB, PRIMARY KEY (body_sha256, reason));
CREATE INDEX IF NOT EXISTS by_device ON events (device_id, event_type, time);
CREATE VIEW IF NOT EXISTS latest AS SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY device_id, event_type ORDER BY time DESC) AS age FROM events) WHERE age = 1;
CREATE VIEW IF NOT EXISTS late AS
  SELECT *, (julianday(published) - julianday(time)) * 1440 AS minutes FROM events WHERE minutes > 15;
"""
Store = Callable[[sqlite3.Connection, Message], object]
Inbox = SimpleQueue[tuple[Store, Message] | None]


def utc(text: str) -> str | None:
    """Return a time as text that sorts, or None. Old events have 9 digits of a second, and datetime takes 6."""
    try:
        time = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or one before the year 1
        return None
    return time.isoformat(timespec="microseconds")


def store_event(database: sqlite3.Connection, message: Message) -> None:
    """Store an event by its own id and time. A copy, even one that comes days later, changes nothing."""
    has = message.attributes
    if "eventId" not in has:  # somebody else's message: keep it apart, because it would come again for ever
        store_rejected(database, message)
        return
    named = (has["eventId"], has.get("deviceId"), has.get("eventType"), utc(has.get("timestamp", "")))
    remarks = (utc(message.publish_time.isoformat()), has.get("origin"), has.get("schemaViolation"))
    row = (*named, *remarks, message.data.decode("utf-8", "replace"))
    database.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def store_rejected(database: sqlite3.Connection, message: Message) -> None:
    """Store what cannot be used, with the reason and the exact bytes, where no query of events finds it."""
    has = message.attributes
    found = (has.get("bodySha256", message.message_id), has.get("reason", "no event"))
    row = (*found, utc(message.publish_time.isoformat()), message.data)
    database.execute("INSERT OR IGNORE INTO rejected VALUES (?, ?, ?, ?)", row)


def waiting(inbox: Inbox) -> list[tuple[Store, Message] | None]:
    """Wait for a message, and return it with those that wait already: one transaction for many is faster."""
    found = [inbox.get()]
    while len(found) < MOST_AT_ONCE and not inbox.empty():
        found.append(inbox.get())
    return found


def run(database: sqlite3.Connection, inbox: Inbox) -> None:
    """Store and acknowledge messages until the inbox says ``None``; give back what is not stored by then."""
    while None not in (found := waiting(inbox)):
        with database:  # commits, or rolls all of it back
            for store, message in filter(None, found):
                store(database, message)
        for _, message in filter(None, found):
            message.ack()
    for _, message in filter(None, found):
        message.nack()


def receive(path: str, events: str, rejected: str) -> None:
    """Read both subscriptions until a signal comes, or until one of them fails for good."""
    inbox: Inbox = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: inbox.put(None))
    with closing(sqlite3.connect(path)) as database, SubscriberClient() as subscriber:
        database.executescript(TABLES)
        grpc.channel_ready_future(subscriber.transport.grpc_channel).result(ANSWERS_S)
        streams = [
            subscriber.subscribe(events, lambda message: inbox.put((store_event, message))),
            subscriber.subscribe(rejected, lambda message: inbox.put((store_rejected, message))),
        ]
        for stream in streams:
            stream.add_done_callback(lambda _: inbox.put(None))
        print(f"stores {events} in {path}", flush=True)
        run(database, inbox)
        for stream in streams:
            stream.cancel()
            stream.result()  # raises what ended the stream, if it was not this program


def subscription(name: str) -> str:
    """Return the name of a subscription; an error of argparse if it is not whole."""
    if not re.fullmatch("projects/[^/]+/subscriptions/[^/]+", name):
        raise argparse.ArgumentTypeError(f"{name!r} is not written as projects/P/subscriptions/S")
    return name


def main() -> None:
    """Read the arguments, and store until the end. What the user or Google can mend is an error of one line."""
    parser = argparse.ArgumentParser(description="Store the events of a deployment in a SQLite file.")
    parser.add_argument("path", help="the SQLite file, such as events.db")
    parser.add_argument("events", type=subscription, help="such as projects/P/subscriptions/dt-events")
    parser.add_argument("rejected", type=subscription, help="such as projects/P/subscriptions/dt-rejected")
    flags = parser.parse_args()
    try:
        receive(flags.path, flags.events, flags.rejected)
    except (GoogleAPIError, GoogleAuthError, sqlite3.Error) as error:
        sys.exit(f"error: {error}")
    except grpc.FutureTimeoutError:
        sys.exit(f"error: no Pub/Sub has answered within {ANSWERS_S} seconds")


if __name__ == "__main__":
    main()
