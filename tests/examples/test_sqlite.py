"""docs/examples/sqlite: each event is stored once, and acknowledged only when it is stored."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from function.message import Message
from tests.blackbox.serving import eventually
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.control import Control
from tests.examples.loading import EXAMPLES, Received, example, publish, touch

PROGRAM = EXAMPLES / "sqlite" / "subscriber.py"
REFUSED = Message(b"\xff not JSON", {"contract": "1", "reason": "malformed", "bodySha256": "ab12"})
subscriber = example("sqlite/subscriber.py")


class Deployment:
    """Both topics with their subscriptions, in a project of one test."""

    def __init__(self, pubsub: EmbeddedPubSub, project: str) -> None:
        self.host = pubsub.host
        self.topics = [f"projects/{project}/topics/{name}" for name in ("events", "rejected")]
        self.names = [topic.replace("/topics/", "/subscriptions/") for topic in self.topics]
        for topic, name in zip(self.topics, self.names, strict=True):
            pubsub.create_topic(topic)
            pubsub.create_subscription(name, topic)

    @contextlib.contextmanager
    def running(self, file: Path) -> Iterator["subprocess.Popen[str]"]:
        """Run the example as it stands."""
        line = [sys.executable, str(PROGRAM), str(file), *self.names]
        environ = {**os.environ, "PUBSUB_EMULATOR_HOST": self.host}
        with subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                assert process.stdout.readline() == f"stores {self.names[0]} in {file}\n"
                yield process
            finally:
                process.kill()

    def waiting(self) -> int:
        """Return how many messages nobody has acknowledged."""
        with Control(self.host) as control:
            return sum((control.unacknowledged(name) or (0, 0))[0] for name in self.names)


def found(file: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        return database.execute(sql).fetchall()


def test_it_stores_each_event_once_by_its_own_time_and_keeps_what_was_rejected_apart(
    pubsub: EmbeddedPubSub, tmp_path: Path
) -> None:
    deployment, file = Deployment(pubsub, "sqlite-once"), tmp_path / "events.db"
    now, before = touch(1, "2026-11-02T08:00:00Z"), touch(2, "2018-11-02T08:00:00.123456789Z")
    with deployment.running(file) as process:
        publish(deployment.host, deployment.topics[0], [now, now, before, now])
        publish(deployment.host, deployment.topics[1], [REFUSED, REFUSED])
        assert eventually(lambda: deployment.waiting() == 0)
        process.terminate()
        assert process.wait(30) == 0

    assert found(file, "SELECT event_id, time FROM events ORDER BY time") == [
        ("touch-0002", "2018-11-02T08:00:00.123456+00:00"),
        ("touch-0001", "2026-11-02T08:00:00.000000+00:00"),
    ]
    assert found(file, "SELECT event_id FROM latest") == [("touch-0001",)]
    assert "touch-0002" in {name for (name,) in found(file, "SELECT event_id FROM late")}
    assert found(file, "SELECT body_sha256, reason, body FROM rejected") == [("ab12", "malformed", REFUSED.data)]


def test_a_stop_in_the_middle_loses_nothing(pubsub: EmbeddedPubSub, tmp_path: Path) -> None:
    deployment, file = Deployment(pubsub, "sqlite-stop"), tmp_path / "events.db"
    publish(deployment.host, deployment.topics[0], [touch(number) for number in range(900)])
    with deployment.running(file) as process:
        assert eventually(lambda: found(file, "SELECT COUNT(*) FROM events") > [(0,)])
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    ((stored,),) = found(file, "SELECT COUNT(*) FROM events")
    assert stored + deployment.waiting() >= 900, "every event is stored, or comes again"


def test_it_ends_with_an_error_if_a_subscription_is_not_there(pubsub: EmbeddedPubSub, tmp_path: Path) -> None:
    deployment = Deployment(pubsub, "sqlite-gone")
    deployment.names[1] += "-gone"
    with deployment.running(tmp_path / "events.db") as process:
        assert process.wait(60) == 1
        assert process.stderr
        assert re.fullmatch(r"error: 404 .+\n", process.stderr.read())


WHOLE = "projects/p/subscriptions/s"


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ((), 2, "the following arguments are required: path, events, rejected"),
        (("events.db", "dt-events", WHOLE), 2, "'dt-events' is not written as projects/P/subscriptions/S"),
        (("no/such/folder/events.db", WHOLE, WHOLE), 1, "error: unable to open database file"),
        (("events.db", WHOLE, WHOLE), 1, "error: no Pub/Sub has answered within 10 seconds"),
    ],
)
def test_a_mistake_is_an_error_of_one_line(arguments: tuple[str, ...], status: int, text: str, tmp_path: Path) -> None:
    environ = {**os.environ, "PUBSUB_EMULATOR_HOST": "127.0.0.1:1"}
    line = [sys.executable, str(PROGRAM), *arguments]
    done = subprocess.run(line, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.splitlines()[-1].endswith(text)) == (status, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(tmp_path / "events.db")) as opened:
        opened.executescript(subscriber.TABLES)
        yield opened


def inbox(*messages: Received) -> "SimpleQueue[Any]":
    """Return an inbox with these events and the end."""
    waiting: SimpleQueue[Any] = SimpleQueue()
    for message in messages:
        waiting.put((subscriber.store_event, message))
    return waiting


class Watching(Received):
    """A message that looks, when it is acknowledged, how many events another program finds, and ends the run."""

    def ack(self) -> None:
        """Note what is stored."""
        ((count,),) = found(self.file, "SELECT COUNT(*) FROM events")
        self.answers.append(f"{count} stored")
        self.inbox.put(None)

    file: Path
    inbox: "SimpleQueue[Any]"


def test_an_event_is_acknowledged_after_its_transaction(database: sqlite3.Connection, tmp_path: Path) -> None:
    messages = [Watching(touch(number)) for number in range(3)]
    waiting = inbox(*messages)
    for message in messages:
        message.file, message.inbox = tmp_path / "events.db", waiting
    subscriber.run(database, waiting)
    assert [message.answers for message in messages] == [["3 stored"]] * 3


def test_nothing_is_acknowledged_if_it_cannot_be_stored(database: sqlite3.Connection) -> None:
    messages = [Received(touch(number)) for number in range(3)]
    database.execute("DROP TABLE rejected")
    foreign = Received(Message(b"not ours", {}))
    with pytest.raises(sqlite3.OperationalError):
        subscriber.run(database, inbox(*messages, foreign))
    assert [message.answers for message in (*messages, foreign)] == [[], [], [], []]
    assert database.execute("SELECT COUNT(*) FROM events").fetchone() == (0,)


def test_what_waits_at_the_end_is_given_back(database: sqlite3.Connection) -> None:
    messages = [Received(touch(number)) for number in range(3)]
    waiting = inbox(*messages)
    waiting.put(None)
    subscriber.run(database, waiting)
    assert [message.answers for message in messages] == [["nack"]] * 3


def test_a_message_of_somebody_else_is_kept_apart_instead_of_coming_for_ever(database: sqlite3.Connection) -> None:
    subscriber.store_event(database, Received(Message(b"not ours", {}), message_id="7"))
    assert database.execute("SELECT body_sha256, reason FROM rejected").fetchall() == [("7", "no event")]


@pytest.mark.parametrize("time", ["", "yesterday", "0001-01-01T00:00:00+14:00", "2026-11-02T08:00:60Z"])
def test_an_event_whose_time_cannot_be_read_is_stored_without_one(time: str, database: sqlite3.Connection) -> None:
    message = touch(1)
    odd = Message(message.data, {**message.attributes, "timestamp": time})
    subscriber.store_event(database, Received(odd))
    assert database.execute("SELECT event_id, time FROM events").fetchall() == [("touch-0001", None)]
