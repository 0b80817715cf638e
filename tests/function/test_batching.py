"""batching: which messages share a request, and that every message gets its own result."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from function.batching import MOST_BYTES, MOST_MESSAGES, Batcher
from function.errors import PublishError, PublishRefused, PublishTransient, PublishUnacknowledged
from function.message import Message
from function.pubsub import PubSub, _request
from tests.emulators.pubsub import EmbeddedPubSub
from tests.function.builders import TOPIC

T = TypeVar("T")
ATTEMPT_S = 2.0


class FakePubSub:
    """Acknowledges each message with its topic and data as id, or fails as the test has set it."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.timeouts: list[float] = []
        self.cancelled: list[list[str]] = []
        self.failure: PublishError | None = None
        self.poison = ""
        self.odd = ""
        self.takes_s = 0.0
        self.ids: Sequence[str] | None = None

    async def send(self, topic: str, messages: Sequence[Message], *, timeout_s: float) -> Sequence[str]:
        """Record a request, and return its ids or fail."""
        names = [name(message) for message in messages]
        self.requests.append(names)
        self.timeouts.append(timeout_s)
        try:
            await asyncio.sleep(self.takes_s)
        except asyncio.CancelledError:
            self.cancelled.append(names)
            raise
        if self.failure:
            raise self.failure
        if self.poison in names:
            raise PublishRefused("INVALID_ARGUMENT")
        if names == [self.odd]:
            raise ZeroDivisionError
        return self.ids if self.ids is not None else [f"{topic}/{text}" for text in names]


def name(message: Message) -> str:
    return message.data[:12].decode().rstrip(".")


def message(text: str, key: str = "", *, size: int = 0) -> Message:
    return Message(text.encode().ljust(size, b"."), {}, key)


def run(use: Callable[[Batcher], Awaitable[T]], pubsub: FakePubSub) -> T:
    async def main() -> T:
        return await use(Batcher(pubsub))

    return asyncio.run(main())


def publish_all(pubsub: FakePubSub, *messages: Message, topic: str = "t") -> list[str | BaseException]:
    """Publish all messages in one turn, and return their results in the same order."""

    async def use(requests: Batcher) -> list[str | BaseException]:
        waiting = (requests.publish(topic, message, timeout_s=ATTEMPT_S) for message in messages)
        return await asyncio.gather(*waiting, return_exceptions=True)

    return run(use, pubsub)


def test_messages_of_one_turn_share_one_request_and_each_gets_its_own_id() -> None:
    pubsub = FakePubSub()
    assert publish_all(pubsub, message("a"), message("b"), message("c")) == ["t/a", "t/b", "t/c"]
    assert pubsub.requests == [["a", "b", "c"]]
    assert pubsub.timeouts == [ATTEMPT_S]


def test_a_message_that_is_alone_in_its_turn_is_sent_before_the_next_turn_is_over() -> None:
    pubsub = FakePubSub()

    async def use(requests: Batcher) -> None:
        waiting = asyncio.ensure_future(requests.publish("t", message("a"), timeout_s=ATTEMPT_S))
        for _ in range(2):  # the turn of the message and that of the request
            await asyncio.sleep(0)
        assert pubsub.requests == [["a"]]
        await waiting

    run(use, pubsub)


def test_a_pending_request_does_not_delay_later_messages() -> None:
    pubsub = FakePubSub()
    pubsub.takes_s = 0.05

    async def use(requests: Batcher) -> None:
        first = asyncio.ensure_future(requests.publish("t", message("a"), timeout_s=ATTEMPT_S))
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(requests.publish("t", message("b"), timeout_s=ATTEMPT_S))
        await asyncio.sleep(0.01)
        assert pubsub.requests == [["a"], ["b"]]
        await asyncio.gather(first, second)

    run(use, pubsub)


def test_a_batch_never_mixes_ordering_keys_topics_or_timeouts() -> None:
    pubsub = FakePubSub()

    async def use(requests: Batcher) -> None:
        await asyncio.gather(
            requests.publish("t", message("a", "k1"), timeout_s=2.0),
            requests.publish("t", message("b", "k2"), timeout_s=2.0),
            requests.publish("t", message("c", "k1"), timeout_s=2.0),
            requests.publish("u", message("d", "k1"), timeout_s=2.0),
            requests.publish("t", message("e", "k1"), timeout_s=0.5),
        )

    run(use, pubsub)
    assert sorted(pubsub.requests) == [["a", "c"], ["b"], ["d"], ["e"]]


def test_messages_of_one_ordering_key_keep_their_order() -> None:
    pubsub = FakePubSub()
    many = [message(str(number), "device") for number in range(2 * MOST_MESSAGES + 1)]
    publish_all(pubsub, *many)
    assert [text for request in pubsub.requests for text in request] == [name(message) for message in many]


def test_a_batch_has_at_most_64_messages() -> None:
    pubsub = FakePubSub()
    results = publish_all(pubsub, *(message(str(number)) for number in range(MOST_MESSAGES + 1)))
    assert [len(request) for request in pubsub.requests] == [MOST_MESSAGES, 1]
    assert len(set(results)) == MOST_MESSAGES + 1


def test_a_batch_has_at_most_a_megabyte_and_a_larger_message_is_sent_alone() -> None:
    pubsub = FakePubSub()
    half, huge = MOST_BYTES // 2, 9 * MOST_BYTES
    publish_all(pubsub, message("a", size=half), message("b", size=half), message("c", size=1), message("d", size=huge))
    assert pubsub.requests == [["a", "b"], ["c"], ["d"]]


def test_a_failed_request_fails_all_its_messages() -> None:
    pubsub = FakePubSub()
    pubsub.failure = PublishTransient("UNAVAILABLE: away")
    results = publish_all(pubsub, message("a"), message("b"))
    assert [(type(result), str(result)) for result in results] == [(PublishTransient, "UNAVAILABLE: away")] * 2
    assert len(pubsub.requests) == 1


def test_an_unexpected_error_fails_all_messages_of_the_request() -> None:
    class Broken(FakePubSub):
        async def send(self, topic: str, messages: Sequence[Message], *, timeout_s: float) -> Sequence[str]:
            raise LookupError(topic, len(messages), timeout_s)

    assert [type(result) for result in publish_all(Broken(), message("a"), message("b"))] == [LookupError] * 2


def test_one_invalid_message_does_not_fail_the_other_messages() -> None:
    pubsub = FakePubSub()
    pubsub.poison = "b"
    a, b, c = publish_all(pubsub, message("a"), message("b"), message("c"))
    assert (a, type(b), c) == ("t/a", PublishRefused, "t/c")
    assert pubsub.requests == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    assert all(timeout_s <= ATTEMPT_S for timeout_s in pubsub.timeouts)


def test_an_invalid_message_alone_is_sent_once() -> None:
    pubsub = FakePubSub()
    pubsub.poison = "a"
    (result,) = publish_all(pubsub, message("a"))
    assert isinstance(result, PublishRefused)
    assert pubsub.requests == [["a"]]


def test_sending_the_messages_one_by_one_has_only_the_remaining_time() -> None:
    pubsub = FakePubSub()
    pubsub.poison, pubsub.takes_s = "a", 0.1
    publish_all(pubsub, message("a"), message("b"))
    assert [timeout_s <= ATTEMPT_S - 0.1 for timeout_s in pubsub.timeouts] == [False, True, True]


def test_an_empty_id_fails_only_its_own_message() -> None:
    pubsub = FakePubSub()
    pubsub.ids = ["1", "", "3"]
    first, second, third = publish_all(pubsub, message("a"), message("b"), message("c"))
    assert (first, type(second), third) == ("1", PublishUnacknowledged, "3")
    assert str(second) == "an empty message id"


def test_a_cancelled_publish_does_not_cancel_the_other_messages_of_its_batch() -> None:
    pubsub = FakePubSub()
    pubsub.takes_s = 0.05

    async def use(requests: Batcher) -> str:
        leaves = asyncio.ensure_future(requests.publish("t", message("a"), timeout_s=ATTEMPT_S))
        stays = asyncio.ensure_future(requests.publish("t", message("b"), timeout_s=ATTEMPT_S))
        await asyncio.sleep(0.01)
        leaves.cancel()
        return await stays

    assert run(use, pubsub) == "t/b"
    assert pubsub.cancelled == []


@pytest.mark.parametrize("after_s", [0.0, 0.01], ids=["as it leaves", "under way"])
def test_a_request_is_cancelled_when_all_its_publishers_are_cancelled(after_s: float) -> None:
    pubsub = FakePubSub()
    pubsub.takes_s = 5

    async def use(requests: Batcher) -> None:
        both = [asyncio.ensure_future(requests.publish("t", message(text), timeout_s=ATTEMPT_S)) for text in "ab"]
        await asyncio.sleep(after_s)
        for publishing in both:
            publishing.cancel()
        await asyncio.wait(both)
        await asyncio.sleep(0.01)
        # checked here, because asyncio.run cancels pending tasks
        assert pubsub.cancelled == pubsub.requests == [["a", "b"]]

    run(use, pubsub)


def test_the_batcher_does_not_remember_batches_that_were_sent() -> None:
    pubsub = FakePubSub()

    async def use(requests: Batcher) -> None:
        await asyncio.gather(
            *(requests.publish("t", message("a", f"device-{number}"), timeout_s=ATTEMPT_S) for number in range(50))
        )
        assert requests._open == {}  # noqa: SLF001  # one entry for each device would grow for ever

    run(use, pubsub)


def test_an_unexpected_error_of_one_message_sent_alone_does_not_fail_the_others() -> None:
    pubsub = FakePubSub()
    pubsub.poison, pubsub.odd = "bad", "odd"
    first, bad, odd, last = publish_all(pubsub, message("a"), message("bad"), message("odd"), message("b"))
    assert (first, last) == ("t/a", "t/b")
    assert isinstance(bad, PublishRefused)
    assert isinstance(odd, ZeroDivisionError)


def test_a_batch_cancelled_before_it_is_sent_does_not_take_later_messages_with_it() -> None:
    pubsub = FakePubSub()

    async def use(requests: Batcher) -> str:
        batch, waiting = requests._add(("t", "", ATTEMPT_S), message("a"))  # noqa: SLF001  # no caller can be so quick
        waiting.cancel()
        batch.cancel_if_abandoned()
        return await asyncio.wait_for(requests.publish("t", message("b"), timeout_s=ATTEMPT_S), 1)

    assert run(use, pubsub) == "t/b"


def test_the_largest_batch_fits_into_a_publish_request() -> None:
    attributes = {f"{number:03}".ljust(256, "k"): "v" * 1024 for number in range(100)}
    largest = Message(b"x" * (MOST_BYTES // MOST_MESSAGES), attributes, "o" * 1024)
    assert _request("projects/p/topics/t", [largest] * MOST_MESSAGES).ByteSize() < 10_000_000


def test_a_failed_batch_is_freed_without_the_garbage_collector() -> None:
    pubsub = FakePubSub()
    pubsub.failure = PublishTransient("UNAVAILABLE")
    failure = weakref.ref(pubsub.failure)

    async def use(requests: Batcher) -> None:
        with pytest.raises(PublishTransient):
            await requests.publish("t", message("a"), timeout_s=ATTEMPT_S)

    gc.disable()
    try:
        run(use, pubsub)
        pubsub.failure = None
        assert failure() is None
    finally:
        gc.enable()


def test_pubsub_refuses_only_the_invalid_message_among_many_valid_ones(embedded: EmbeddedPubSub) -> None:
    embedded.create_topic(TOPIC)
    good = [Message(b"good", {"number": str(number)}) for number in range(20)]
    invalid = Message(b"invalid", {"x" * 300: "a key that is too long"})

    async def main() -> list[str | BaseException]:
        broker = PubSub(embedded.host)
        requests = Batcher(broker)
        waiting = (
            requests.publish(TOPIC, message, timeout_s=ATTEMPT_S) for message in [*good[:10], invalid, *good[10:]]
        )
        try:
            return await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            await broker.close()

    results = asyncio.run(main())
    assert isinstance(results.pop(10), PublishRefused)
    assert len(set(results)) == len(good)
    assert all(isinstance(result, str) for result in results)
