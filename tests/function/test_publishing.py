"""retrying, batching and pubsub together, with an embedded Pub/Sub that speaks Google's protocol and can fail."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import grpc
import pytest
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PubsubMessage
from pytest_mock import MockerFixture

from function.access_token import AccessToken, AccessTokens, Fetch
from function.batching import Batcher
from function.errors import (
    PublishError,
    PublishMisconfigured,
    PublishRefused,
    PublishTransient,
    PublishUnacknowledged,
)
from function.google_tokens import GoogleCredentials, default_credentials
from function.message import Message
from function.pubsub import SCOPES, PubSub
from function.retrying import RetryingPublisher
from tests.blackbox.serving import eventually
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.faults import Fault
from tests.function.builders import TOPIC, body
from tests.pace import in_time
from tests.prove.proxy import Proxy

T = TypeVar("T")

MESSAGE = Message(body(), {"eventId": "e", "topic": "t", "self": "s", "timeout": "9", "retry": "r", "data": "d"})
SUBSCRIPTION = "projects/demo/subscriptions/all"


@pytest.fixture
def pubsub(embedded: EmbeddedPubSub) -> EmbeddedPubSub:
    embedded.create_topic(TOPIC)
    embedded.create_subscription(SUBSCRIPTION, TOPIC)
    return embedded


@pytest.fixture
def subscriber(pubsub: EmbeddedPubSub) -> Iterator[SubscriberClient]:
    with grpc.insecure_channel(pubsub.host, [("grpc.max_receive_message_length", -1)]) as channel:
        yield SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def pulled(subscriber: SubscriberClient, *, wait_s: float = 10) -> list[PubsubMessage]:
    reply = subscriber.pull(subscription=SUBSCRIPTION, max_messages=100, timeout=wait_s)
    return [received.message for received in reply.received_messages]


def no_token(_: float) -> AccessToken:
    raise PublishMisconfigured("none is needed here")


def pubsub_at(host: str | None, fetch: Fetch = no_token) -> PubSub:
    tokens = AccessTokens(fetch, now=time.time, monotonic=time.monotonic, warn=print)
    return PubSub(host, tokens)


def publisher_to(broker: PubSub) -> RetryingPublisher:
    return RetryingPublisher(Batcher(broker))


def run(host: str, use: Callable[[RetryingPublisher], Awaitable[T]]) -> T:
    """Use a publisher on its own event loop, and close its channel."""

    async def main() -> T:
        broker = pubsub_at(host)
        try:
            return await use(publisher_to(broker))
        finally:
            await broker.close()

    return asyncio.run(main())


def publish(pubsub: EmbeddedPubSub, message: Message = MESSAGE, *, timeout_s: float = 4.0) -> str:
    return run(pubsub.host, lambda publisher: publisher.publish(TOPIC, message, timeout_s=timeout_s))


def fails(pubsub: EmbeddedPubSub, error: type[PublishError], *, timeout_s: float) -> tuple[str, float]:
    """Publish, and return the error's text and the seconds until it was raised."""

    async def use(publisher: RetryingPublisher) -> tuple[str, float]:
        began = time.monotonic()
        with pytest.raises(error) as caught:
            await publisher.publish(TOPIC, MESSAGE, timeout_s=timeout_s)
        return str(caught.value), time.monotonic() - began

    return run(pubsub.host, use)


def test_a_message_arrives_unchanged_and_its_id_is_returned(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient
) -> None:
    message_id = publish(pubsub, Message(MESSAGE.data, MESSAGE.attributes, "device-7"))
    (received,) = pulled(subscriber)
    assert (received.message_id, received.data, received.ordering_key) == (message_id, MESSAGE.data, "device-7")
    assert dict(received.attributes) == MESSAGE.attributes


@pytest.mark.parametrize("content", [b"\x00\xff" * 100, b"x" * 9_000_000], ids=["not UTF-8", "9 MB"])
def test_any_bytes_arrive_unchanged(pubsub: EmbeddedPubSub, subscriber: SubscriberClient, content: bytes) -> None:
    publish(pubsub, Message(content, {}))
    assert [message.data for message in pulled(subscriber)] == [content]


def test_one_message_is_one_call(pubsub: EmbeddedPubSub) -> None:
    publish(pubsub)
    assert pubsub.publish_calls() == 1


TRANSIENT = [
    *("ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNKNOWN"),
]
LASTING = {
    "INVALID_ARGUMENT": PublishRefused,
    "NOT_FOUND": PublishMisconfigured,
    "PERMISSION_DENIED": PublishMisconfigured,
    "UNAUTHENTICATED": PublishMisconfigured,
    "FAILED_PRECONDITION": PublishMisconfigured,
    "ALREADY_EXISTS": PublishMisconfigured,
    "OUT_OF_RANGE": PublishMisconfigured,
    "UNIMPLEMENTED": PublishMisconfigured,
    "DATA_LOSS": PublishMisconfigured,
}


def test_every_grpc_code_except_ok_is_transient_or_lasting() -> None:
    assert {code.name for code in grpc.StatusCode} == {"OK", *TRANSIENT, *LASTING}


@pytest.mark.parametrize("code", TRANSIENT)
def test_a_transient_code_is_retried_until_it_is_over(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, code: str
) -> None:
    pubsub.set_fault(Fault.fail(code).times(2))
    message_id = publish(pubsub)
    assert [message.message_id for message in pulled(subscriber)] == [message_id]
    assert pubsub.publish_calls() == 3


@pytest.mark.parametrize("code", TRANSIENT)
def test_a_transient_code_that_lasts_is_a_transient_error_within_the_time_given(
    pubsub: EmbeddedPubSub, code: str
) -> None:
    pubsub.set_fault(Fault.fail(code))
    text, took_s = fails(pubsub, PublishTransient, timeout_s=0.6)
    assert text.startswith(code)
    in_time(took_s, 0.7)
    assert 2 <= pubsub.publish_calls() <= 6


def test_a_transient_error_names_every_cause_that_it_met_once(pubsub: EmbeddedPubSub) -> None:
    pubsub.set_fault(Fault.fail("INTERNAL", "broken").times(2))

    async def use(publisher: RetryingPublisher) -> str:
        task = asyncio.create_task(publisher.publish(TOPIC, MESSAGE, timeout_s=1.0))
        assert await asyncio.to_thread(eventually, pubsub.publish_calls)
        pubsub.set_fault(Fault.fail("ABORTED", "busy"))
        with pytest.raises(PublishTransient) as caught:
            await task
        return str(caught.value)

    assert run(pubsub.host, use) == "INTERNAL: broken; then ABORTED: busy"


@pytest.mark.parametrize(("code", "error"), LASTING.items())
def test_a_lasting_code_is_raised_at_once(pubsub: EmbeddedPubSub, code: str, error: type[PublishError]) -> None:
    pubsub.set_fault(Fault.fail(code, "why"))
    text, took_s = fails(pubsub, error, timeout_s=4.0)
    assert text == (code if error is PublishRefused else f"{code}: why")
    in_time(took_s, 1)
    assert pubsub.publish_calls() == 1


def test_a_missing_topic_is_a_misconfiguration(embedded: EmbeddedPubSub) -> None:
    text, _ = fails(embedded, PublishMisconfigured, timeout_s=4.0)
    assert text.startswith("NOT_FOUND")


def test_a_message_that_pubsub_calls_invalid_is_refused(pubsub: EmbeddedPubSub) -> None:
    with pytest.raises(PublishRefused):
        publish(pubsub, Message(b"", {}))


def test_a_long_answer_of_pubsub_is_cut(pubsub: EmbeddedPubSub) -> None:
    pubsub.set_fault(Fault.fail("NOT_FOUND", "x" * 2000))
    text, _ = fails(pubsub, PublishMisconfigured, timeout_s=4.0)
    assert len(text) == 300


@pytest.mark.parametrize("fault", [Fault.empty_ids(), Fault.two_ids()], ids=["none", "two"])
def test_an_answer_without_exactly_one_id_is_no_acknowledgement(pubsub: EmbeddedPubSub, fault: Fault) -> None:
    pubsub.set_fault(fault)
    text, _ = fails(pubsub, PublishUnacknowledged, timeout_s=4.0)
    assert text.endswith("message ids for 1 messages")
    assert pubsub.publish_calls() == 1


@pytest.mark.parametrize("timeout_s", [0.1, 0.5])
def test_a_broker_that_hangs_times_out(pubsub: EmbeddedPubSub, timeout_s: float) -> None:
    pubsub.set_fault(Fault.hang(5))
    _, took_s = fails(pubsub, PublishTransient, timeout_s=timeout_s)
    assert timeout_s * 0.9 < took_s
    in_time(took_s, timeout_s + 0.2)


def test_an_attempt_that_hangs_for_two_seconds_is_followed_by_another(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient
) -> None:
    pubsub.set_fault(Fault.hang(10).times(1))
    message_id = publish(pubsub)
    assert [message.message_id for message in pulled(subscriber)] == [message_id]
    assert pubsub.publish_calls() == 2


def test_nothing_is_published_after_the_timeout(pubsub: EmbeddedPubSub, subscriber: SubscriberClient) -> None:
    pubsub.set_fault(Fault.fail("UNAVAILABLE"))

    async def use(publisher: RetryingPublisher) -> None:
        with pytest.raises(PublishTransient):
            await publisher.publish(TOPIC, MESSAGE, timeout_s=0.3)
        pubsub.clear_faults()
        calls = pubsub.publish_calls()
        await asyncio.sleep(0.7)
        assert pubsub.publish_calls() == calls

    run(pubsub.host, use)
    assert pulled(subscriber, wait_s=0.3) == []


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_without_any_time_left_nothing_is_published(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient, timeout_s: float
) -> None:
    _, took_s = fails(pubsub, PublishTransient, timeout_s=timeout_s)
    in_time(took_s, 0.3)
    assert pubsub.publish_calls() == 0
    assert pulled(subscriber, wait_s=0.3) == []


def test_a_cancelled_publish_does_not_continue_in_the_background(pubsub: EmbeddedPubSub) -> None:
    pubsub.set_fault(Fault.fail("UNAVAILABLE"))

    async def use(publisher: RetryingPublisher) -> None:
        task = asyncio.create_task(publisher.publish(TOPIC, MESSAGE, timeout_s=4.0))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.2)  # until a message on its way has arrived
        calls = pubsub.publish_calls()
        await asyncio.sleep(1.0)
        assert pubsub.publish_calls() == calls

    run(pubsub.host, use)


def test_a_connection_that_is_cut_is_made_again(pubsub: EmbeddedPubSub) -> None:
    async def use(publisher: RetryingPublisher) -> None:
        await publisher.publish(TOPIC, MESSAGE, timeout_s=4.0)
        pubsub.set_fault(Fault.cut().times(1))
        assert await publisher.publish(TOPIC, MESSAGE, timeout_s=4.0)

    run(pubsub.host, use)


def test_the_first_message_after_an_outage_of_six_seconds_arrives_within_a_second_and_a_half(
    pubsub: EmbeddedPubSub,
) -> None:
    async def tried(publisher: RetryingPublisher) -> bool:
        try:
            await publisher.publish(TOPIC, MESSAGE, timeout_s=0.3)
        except PublishTransient:
            return False
        return True

    async def use(publisher: RetryingPublisher) -> float:
        assert await tried(publisher)
        proxy.show("refuse")
        ends_at = time.monotonic() + 6
        while time.monotonic() < ends_at:
            assert not await tried(publisher)
        proxy.show("none")
        back_at = time.monotonic()
        while not await tried(publisher):
            """Once more."""
        return time.monotonic() - back_at

    with Proxy(pubsub.host) as proxy:
        in_time(run(proxy.host, use), 1.5)


def test_a_connection_that_died_silently_is_replaced(pubsub: EmbeddedPubSub) -> None:
    async def use(publisher: RetryingPublisher) -> float:
        await publisher.publish(TOPIC, MESSAGE, timeout_s=4.0)
        proxy.strand()
        began = time.monotonic()
        await asyncio.gather(*(publisher.publish(TOPIC, MESSAGE, timeout_s=4.0) for _ in range(20)))
        took_s = time.monotonic() - began
        assert proxy.connections <= 2
        return took_s

    with Proxy(pubsub.host) as proxy:
        in_time(run(proxy.host, use), 3.5)


def test_a_connection_may_take_longer_than_a_second_to_be_made(pubsub: EmbeddedPubSub) -> None:
    async def use(publisher: RetryingPublisher) -> None:
        await publisher.publish(TOPIC, MESSAGE, timeout_s=4.0)

    with Proxy(pubsub.host) as proxy:
        proxy.greeting_s = 1.2
        run(proxy.host, use)


def test_a_message_that_was_stored_but_not_acknowledged_is_sent_again(
    pubsub: EmbeddedPubSub, subscriber: SubscriberClient
) -> None:
    pubsub.set_fault(Fault.commit_then_fail("UNAVAILABLE").times(1))
    message_id = publish(pubsub)
    assert [message.message_id for message in pulled(subscriber)][-1] == message_id
    assert pubsub.publish_calls() == 2


def test_many_concurrent_messages_share_one_client_and_each_gets_its_own_id(pubsub: EmbeddedPubSub) -> None:
    async def use(publisher: RetryingPublisher) -> list[str]:
        return await asyncio.gather(*(publisher.publish(TOPIC, MESSAGE, timeout_s=4.0) for _ in range(100)))

    assert len(set(run(pubsub.host, use))) == 100


def test_an_address_without_a_server_is_a_transient_error_within_the_timeout() -> None:
    async def use(publisher: RetryingPublisher) -> float:
        began = time.monotonic()
        with pytest.raises(PublishTransient, match="UNAVAILABLE"):
            await publisher.publish(TOPIC, MESSAGE, timeout_s=0.5)
        return time.monotonic() - began

    in_time(run("127.0.0.1:1", use), 0.7)


def test_no_channel_is_made_before_the_first_message(mocker: MockerFixture) -> None:
    made = mocker.spy(grpc.aio, "secure_channel")
    pubsub_at(None)
    assert made.call_count == 0, "what a fork must not inherit"


def test_credentials_that_never_arrive_time_out_and_do_not_block_the_event_loop() -> None:
    looks: list[float] = []

    def look_for_ever(_: float) -> AccessToken:
        looks.append(time.monotonic())
        time.sleep(1.5)
        return AccessToken((), time.time() + 3599)

    publisher = publisher_to(pubsub_at(None, look_for_ever))

    async def use() -> list[BaseException | str]:
        began = time.monotonic()
        results = await asyncio.gather(
            *(publisher.publish(TOPIC, MESSAGE, timeout_s=0.5) for _ in range(5)), return_exceptions=True
        )
        in_time(time.monotonic() - began, 1.0)
        return results

    assert {type(result) for result in asyncio.run(use())} == {PublishTransient}
    assert len(looks) == 1


def test_missing_credentials_are_looked_for_again() -> None:
    looks: list[str] = []

    def look(_: float) -> AccessToken:
        looks.append("looked")
        raise PublishMisconfigured("none")

    publisher = publisher_to(pubsub_at(None, look))

    async def use() -> None:
        for _ in range(2):
            with pytest.raises(PublishMisconfigured):
                await publisher.publish(TOPIC, MESSAGE, timeout_s=1.0)

    asyncio.run(use())
    assert len(looks) == 2


def test_a_connection_to_google_has_keepalive_and_a_long_connect_timeout(mocker: MockerFixture) -> None:
    made = mocker.spy(grpc.aio, "secure_channel")
    publisher = publisher_to(pubsub_at(None, no_token))
    with pytest.raises(PublishMisconfigured):
        asyncio.run(publisher.publish(TOPIC, MESSAGE, timeout_s=1.0))
    (call,) = made.call_args_list
    options = dict(call.kwargs["options"])
    assert call.args[0] == "pubsub.googleapis.com:443"
    assert options["grpc.keepalive_time_ms"] == 30_000
    assert options["grpc.max_reconnect_backoff_ms"] <= 1000
    assert options["grpc.min_reconnect_backoff_ms"] >= 10_000


def test_pubsubs_text_about_an_invalid_message_is_not_repeated(pubsub: EmbeddedPubSub) -> None:
    pubsub.set_fault(Fault.fail("INVALID_ARGUMENT", "your message was canary"))
    assert fails(pubsub, PublishRefused, timeout_s=4.0)[0] == "INVALID_ARGUMENT"


def test_a_publish_without_credentials_is_a_misconfiguration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file.json")
    publisher = publisher_to(pubsub_at(None, GoogleCredentials(lambda: default_credentials(SCOPES))))
    with pytest.raises(PublishMisconfigured, match="no credentials: DefaultCredentialsError"):
        asyncio.run(publisher.publish(TOPIC, MESSAGE, timeout_s=1.0))
