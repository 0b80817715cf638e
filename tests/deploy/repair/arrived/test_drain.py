"""A subscription is read to its end: neither too early while Pub/Sub fails, nor for ever on a busy topic."""

import time
from collections.abc import Iterator, Sequence

import pytest

from deploy.google.access_token import AccessTokens
from deploy.google.calls import Answer, Call
from deploy.google.pubsub_api import PubSubApi, PubSubFailed, Pulled
from deploy.repair.arrived.drain import FIRST_S, PATIENCE_S, QUIET_S, Source, SubscriptionReader
from deploy.repair.arrived.held import Held
from tests.deploy.fakes.gcloud import PROJECT, FakeGcloud, gcloud_alone
from tests.deploy.fakes.pubsub import FakePubSub, refusal
from tests.function.fakes import FakeClock


class World:
    """Pub/Sub in memory with the subscription ``one``, whose messages are read into ``taken``."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pubsub = FakePubSub(self.clock, on_idle=lambda: self.clock.advance(2))
        self.pubsub.subscribe("one")
        tokens = AccessTokens(gcloud_alone(FakeGcloud()).read_text, self.clock)
        self.api = PubSubApi(PROJECT, tokens, self.pubsub, self.clock.advance)
        self.taken: set[str] = set()

    def take(self, pulled: Sequence[Pulled]) -> int:
        """Take messages, and return how many are new."""
        new = {message.message_id for message in pulled} - self.taken
        self.taken |= new
        return len(new)

    def read(self, **settings: object) -> None:
        """Read the subscription to its end."""
        reader = SubscriptionReader(self.api, self.clock, self.clock, sleep=self.clock.advance)
        reader.read([Source("one", self.take, **settings)])  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return World()


def test_all_messages_are_read_and_acknowledged(world: World) -> None:
    ids = {world.pubsub.publish(b"{}") for _ in range(1_200)}
    world.clock.advance(1)
    world.read()
    assert world.taken == ids
    assert len(world.pubsub.acknowledged) == 1_200


def test_messages_that_come_meanwhile_do_not_prolong_it(world: World) -> None:
    def on_idle() -> None:
        world.clock.advance(2)
        world.pubsub.publish(b"{}")

    world.pubsub.publish(b"{}")
    world.clock.advance(1)
    world.pubsub.on_idle = on_idle
    began_at = world.clock()
    world.read()
    assert world.clock() - began_at < 120


def test_a_clock_that_is_behind_ends_no_reading_while_messages_come(world: World) -> None:
    world.pubsub.now = lambda: world.clock() + 1_800
    batches = iter([True] * 30)

    def on_idle() -> None:
        world.clock.advance(2)
        if next(batches, False):
            world.pubsub.publish(b"{}")
            world.pubsub.kept[-1][1]["publishTime"] = published

    world.pubsub.publish(b"{}")
    published = world.pubsub.kept[-1][1]["publishTime"]
    world.api.get("one")
    world.pubsub.on_idle = on_idle
    world.read()
    assert len(world.taken) == 31


def test_silence_while_pubsub_fails_is_not_the_end(world: World) -> None:
    world.pubsub.publish(b"{}")
    world.clock.advance(1)
    looks: list[int] = []

    def answer(call: Call) -> Answer | None:
        if call.url.endswith(":pull") and len(looks) < 4:
            if len(looks) == 1:
                world.clock.advance(PATIENCE_S / 2)
                looks.append(0)
            return refusal(503)
        return None

    world.pubsub.answers = answer
    reader = SubscriptionReader(world.api, world.clock, world.clock, looks.append, lambda _: time.sleep(0.01))
    reader.read([Source("one", world.take)])
    assert len(world.taken) == 1


@pytest.mark.parametrize("deadline_s", [10.0, 600.0])
def test_what_a_lost_pull_has_taken_is_waited_for_until_it_comes_again(deadline_s: float) -> None:
    source = Source("one", lambda _: 0, deadline_s, busy_at=1_000.0)
    assert not source.is_quiet(1_000.0 + deadline_s + QUIET_S)
    assert source.is_quiet(1_000.0 + deadline_s + QUIET_S + 1)
    sought_back = Source("one", lambda _: 0, 10.0, may_be_late=True, busy_at=1_000.0)
    assert not sought_back.is_quiet(1_000.0 + FIRST_S)
    assert sought_back.is_quiet(1_000.0 + FIRST_S + 1)
    sought_back.has_begun = True
    assert sought_back.is_quiet(1_000.0 + FIRST_S)


@pytest.mark.parametrize("status", [403, 503])
def test_a_subscription_that_cannot_be_read_is_an_error(world: World, status: int) -> None:
    def answer(call: Call) -> Answer | None:
        if not call.url.endswith(":pull"):
            return None
        world.clock.advance(20)
        return refusal(status)

    world.pubsub.answers = answer
    with pytest.raises(PubSubFailed, match=str(status)):
        world.read()


def test_the_first_message_of_a_subscription_that_was_sought_back_may_be_late(world: World) -> None:
    began_at = world.clock()
    late: Iterator[bytes] = iter([b"{}"])

    def on_idle() -> None:
        world.clock.advance(2)
        if world.clock() - began_at > 40 and (data := next(late, None)):
            now, world.clock.seconds = world.clock.seconds, began_at - 10
            world.pubsub.publish(data)
            world.clock.seconds = now

    world.pubsub.on_idle = on_idle
    world.read(may_be_late=True)
    assert len(world.taken) == 1


def test_of_a_message_that_comes_twice_only_the_newest_id_is_acknowledged(world: World) -> None:
    held = Held(world.api, "one")
    world.pubsub.publish(b"{}")
    (first,) = world.api.pull("one")
    world.clock.advance(11)
    (again,) = world.api.pull("one")
    held.add([(first, True)])
    held.add([(again, True)])
    assert held.release(acknowledges=True) == 1
    assert world.pubsub.acknowledged == [again.ack_id]
    held.close()
