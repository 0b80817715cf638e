"""The reader of follow: what it does when Pub/Sub, the network or the machine fails."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from deploy.google.access_token import AccessTokens
from deploy.google.calls import Answer, Call
from deploy.google.pubsub_api import PubSubApi, PubSubFailed
from deploy.live.clock import Clock
from deploy.live.names import Names
from deploy.live.session import Session, session
from deploy.live.subscriptions import ABANDONED_AFTER_S, RETENTION_S, Subscriptions
from deploy.spec import DELETED_TOPIC
from tests.deploy.fakes.gcloud import FakeGcloud, gcloud_alone
from tests.deploy.fakes.pubsub import FakePubSub, refusal
from tests.deploy.stage import spec
from tests.function.fakes import FakeClock

PATIENCE_S = 30.0


class World:
    """A run of follow without a terminal. Its clocks stand still unless a test moves them."""

    def __init__(self) -> None:
        self.day, self.steady = FakeClock(1_793_620_800.0), FakeClock(50.0)
        self.pubsub = FakePubSub(self.day)
        self.gcloud = FakeGcloud()
        self.said: list[str] = []
        tokens = AccessTokens(gcloud_alone(self.gcloud).read_text, self.day)
        self.api = PubSubApi("cold-chain-prod", tokens, self.pubsub, sleep=lambda _: None)
        self.clock = Clock(self.day, self.steady)

    @contextmanager
    def run(self) -> Iterator[Session]:
        """Read until the context ends."""
        names = Names(None, self.steady)
        with session(spec(), self.api, "", names, self.clock, self.said.append) as reading:
            yield reading
        assert self.pubsub.left() == []

    def subscriptions(self) -> Subscriptions:
        """Return the subscriptions of another run."""
        return Subscriptions(spec(), self.api, "", self.day, self.said.append)

    def waits(self, reading: Session, until: Callable[[], bool]) -> None:
        """Let the reader go on until something is so."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < give_up_at, self.said
            reading.reader.tick()
            reading.reader.take(0.01)


@pytest.fixture
def world() -> World:
    return World()


def is_said(world: World, text: str) -> Callable[[], bool]:
    return lambda: any(text in said for said in world.said)


def test_messages_are_acknowledged_and_have_the_time_of_their_receipt(world: World) -> None:
    with world.run() as reading:
        world.pubsub.publish(b"{}", {"eventId": "e"})
        world.pubsub.publish(b"oops", {"reason": "malformed"}, topic="dt-rejected")
        got = [found for found in (reading.next(lambda: None) for _ in range(20)) if found]

    assert sorted((found.data, found.rejected, found.received_at) for found in got) == [
        (b"oops", True, world.day()),
        (b"{}", False, world.day()),
    ]
    assert sorted(world.pubsub.acknowledged) == ["ack-1", "ack-2"]


def test_after_a_sleep_pulls_are_begun_again_and_a_short_one_has_no_gap(world: World) -> None:
    with world.run() as reading:
        reading.reader.tick()
        world.day.advance(300)
        world.waits(reading, is_said(world, "live again after 5 min"))

    assert "the clock jumped by 5 min: this machine slept" in world.said[0]
    assert reading.reader.gaps == []


def test_after_a_sleep_longer_than_the_retention_the_gap_is_named(world: World) -> None:
    with world.run() as reading:
        reading.reader.tick()
        asleep_at = world.day()
        world.day.advance(5280)
        world.waits(reading, lambda: len(reading.reader.gaps) == 2)

    (gap, _) = reading.reader.gaps
    assert (gap.begins, gap.ends) == (asleep_at, asleep_at + 5280 - RETENTION_S)
    assert "nothing was read for 88 min, and Pub/Sub keeps events for 10 min" in gap.why


def test_pulls_that_hang_in_a_dead_connection_are_begun_again_by_new_ones(world: World) -> None:
    is_dead, is_over = threading.Event(), threading.Event()
    hanging: list[str] = []

    def hang() -> None:
        if len(hanging) < 2:
            hanging.append(threading.current_thread().name)
            is_over.wait(3 * PATIENCE_S)

    no_answer = Answer(0, why="no connection to pubsub.googleapis.com")
    world.pubsub.answers = lambda call: None if call.url.endswith(":pull") or not is_dead.is_set() else no_answer
    world.pubsub.on_idle = hang
    with world.run() as reading:
        world.waits(reading, lambda: len(hanging) == 2)
        is_dead.set()
        world.day.advance(20)
        world.steady.advance(20)
        world.waits(reading, is_said(world, "lost: no connection to pubsub.googleapis.com"))
        is_dead.clear()
        world.waits(reading, is_said(world, "live again"))
        world.pubsub.publish(b"{}", {})
        try:
            world.waits(reading, lambda: bool(world.pubsub.acknowledged))
        finally:
            is_over.set()


def test_an_idle_pull_that_a_proxy_ends_is_no_loss(world: World) -> None:
    ended: list[str] = []

    def answer(call: Call) -> Answer | None:
        if not call.url.endswith(":pull") or len(ended) > 4:
            return None
        ended.append(call.url)
        world.day.advance(60)
        world.steady.advance(60)
        return Answer(0, why="no usable answer (ConnectionError)")

    world.pubsub.answers = answer
    with world.run() as reading:
        world.waits(reading, lambda: len(ended) > 4)
    assert world.said == []


def test_the_end_of_the_topic_is_an_error(world: World) -> None:
    with world.run() as reading:
        with world.pubsub.lock:
            for settings in world.pubsub.subscriptions.values():
                settings["topic"] = DELETED_TOPIC
        world.pubsub.on_idle = lambda: time.sleep(0.2)
        world.day.advance(20)
        world.steady.advance(20)
        with pytest.raises(PubSubFailed, match="topic dt-events was deleted"):
            world.waits(reading, lambda: False)


def test_subscriptions_of_killed_runs_are_removed_and_those_of_others_stay(world: World) -> None:
    killed, other = world.subscriptions(), world.subscriptions()
    killed.create()
    world.day.advance(ABANDONED_AFTER_S + 1)
    other.create()
    with world.pubsub.lock:
        world.pubsub.subscriptions["dt-events-follow-mine"] = {"name": "p/dt-events-follow-mine", "topic": "t"}
        world.pubsub.subscriptions["mine"] = {
            "name": "p/mine",
            "topic": "t",
            "labels": {"dt-pubsub-follow": "dt-pubsub", "dt-pubsub-seen": "1"},
        }

    other.remove_abandoned()

    kept = ["dt-events-follow-mine", "mine", *(source.subscription for source in other.sources)]
    assert world.pubsub.left() == sorted(kept)
    assert sorted(world.said) == [
        f"removed {source.subscription}, which an earlier run left behind" for source in killed.sources
    ]


def test_a_run_that_reads_for_long_is_not_abandoned(world: World) -> None:
    def is_renewed() -> bool:
        now = str(int(world.day()))
        return all(found["labels"]["dt-pubsub-seen"] == now for found in list(world.pubsub.subscriptions.values()))

    with world.run() as reading:
        for _ in range(5):
            for clock in (world.day, world.steady):
                clock.advance(ABANDONED_AFTER_S / 3)
            world.waits(reading, is_renewed)
        world.subscriptions().remove_abandoned()
        assert len(world.pubsub.left()) == 2


def test_a_subscription_whose_creation_was_not_confirmed_is_removed_all_the_same(world: World) -> None:
    def lost(call: Call) -> Answer | None:
        if call.method != "PUT":
            return None
        world.pubsub.answers = lambda _: None
        world.pubsub(call)
        world.pubsub.answers = lost
        return Answer(0, why="no answer from pubsub.googleapis.com in time", is_silent=True)

    world.pubsub.answers = lost
    with pytest.raises(PubSubFailed, match="no answer from"), world.run():
        pass
    assert world.pubsub.left() == []


def test_a_subscription_that_cannot_be_removed_is_named_with_who_removes_it(world: World) -> None:
    subscriptions = world.subscriptions()
    subscriptions.create()
    world.pubsub.answers = lambda call: refusal(503, "try later") if call.method == "DELETE" else None

    subscriptions.remove()

    assert len(world.said) == 2
    assert "could not be removed: 503 try later" in world.said[0]
    assert "the next python -m deploy follow removes it, or Pub/Sub does within a day" in world.said[0]


def test_a_failure_of_gclouds_login_is_a_lost_connection_and_no_end(world: World) -> None:
    with world.run() as reading:
        world.gcloud.is_logged_in = False
        world.pubsub.tokens = {"a-new-token"}
        world.waits(reading, is_said(world, "lost: "))
        world.gcloud.is_logged_in, world.gcloud.tokens = True, ["a-new-token"]
        world.waits(reading, is_said(world, "live again"))
    assert "gcloud auth login" in world.said[0]
