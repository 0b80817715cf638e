"""Features of the embedded Pub/Sub alone: faults, a record of acknowledged messages, a process of its own."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any, Self

import grpc
import pytest
from google.api_core import exceptions
from google.pubsub_v1 import PublisherAsyncClient, PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport, PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.blackbox.serving import eventually
from tests.emulators.errors import NotStarted, OfflineError, RecordDamaged, Refused
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.pubsub.control import Control
from tests.emulators.pubsub.faults import HEALTHY, Fault, Faults
from tests.emulators.pubsub.record import Recorded, read_record
from tests.pace import in_time

pytestmark = pytest.mark.tools

TOPIC = "projects/p/topics/events"
OTHER = "projects/p/topics/rejected"
SUBSCRIPTION = "projects/p/subscriptions/reader"


class Client:
    """Google's publisher and subscriber clients, without retries."""

    def __init__(self, host: str) -> None:
        self._channel = grpc.insecure_channel(host, [("grpc.use_local_subchannel_pool", 1)])
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=self._channel))

    def publish(self, data: bytes = b"x", topic: str = TOPIC, timeout: float = 5) -> list[str]:
        """Publish in one request; return the ids."""
        message = types.PubsubMessage(data=data)
        reply = self.publisher.publish(topic=topic, messages=[message], retry=None, timeout=timeout)
        return list(reply.message_ids)

    def publish_later(self, topic: str = TOPIC) -> Any:
        """Publish in the background; return the call."""
        request = types.PublishRequest(topic=topic, messages=[types.PubsubMessage(data=b"x")])
        method = "/google.pubsub.v1.Publisher/Publish"
        call = self._channel.unary_unary(method, types.PublishRequest.serialize, types.PublishResponse.deserialize)
        return call.future(request, timeout=60)

    def stream(self, requests: "Queue[types.StreamingPullRequest]") -> Any:
        """Return the answers of a StreamingPull, whose requests come from this queue."""
        return self.subscriber.streaming_pull(requests=iter(requests.get, None), timeout=30)

    def pull(self, timeout: float = 10) -> list[bytes]:
        """The data of what a Pull brings, at once if there is something, and within half of this time."""
        reply = self.subscriber.pull(subscription=SUBSCRIPTION, max_messages=100, timeout=timeout)
        return [received.message.data for received in reply.received_messages]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()


@pytest.fixture
def client(embedded: EmbeddedPubSub) -> Iterator[Client]:
    embedded.create_topic(TOPIC)
    embedded.create_topic(OTHER)
    embedded.create_subscription(SUBSCRIPTION, TOPIC)
    with Client(embedded.host) as client:
        yield client


ALL_CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


@pytest.mark.parametrize("code", ALL_CODES, ids=lambda code: code.name)
def test_a_fault_fails_with_its_status_and_message(
    embedded: EmbeddedPubSub, client: Client, code: grpc.StatusCode
) -> None:
    embedded.set_fault(Fault.fail(code.name, "because"))

    with pytest.raises(exceptions.GoogleAPICallError, match="because") as failure:
        client.publish()
    assert failure.value.grpc_status_code is code


def test_a_call_that_fails_by_a_fault_stores_nothing(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.fail("UNAVAILABLE"))
    with pytest.raises(exceptions.ServiceUnavailable):
        client.publish()

    assert client.pull(0.3) == []


def test_a_fault_can_be_limited_to_one_topic(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.fail("INTERNAL").on(OTHER))

    assert client.publish()
    with pytest.raises(exceptions.InternalServerError):
        client.publish(topic=OTHER)


def test_a_fault_lasts_its_number_of_calls(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.fail("UNAVAILABLE").times(2))

    for _ in range(2):
        with pytest.raises(exceptions.ServiceUnavailable):
            client.publish()
    assert client.publish()


def test_a_fault_lasts_until_it_is_cleared(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.fail("UNAVAILABLE"))
    for _ in range(5):
        with pytest.raises(exceptions.ServiceUnavailable):
            client.publish()

    embedded.clear_faults()
    assert client.publish()


def test_a_flaky_topic_fails_the_first_two_of_every_three_calls() -> None:
    faults = Faults()
    fault = Fault.fail("ABORTED").of_every(3, hits=2)
    faults.set(fault)

    assert [faults.take(TOPIC) for _ in range(6)] == [fault, fault, HEALTHY] * 2


def test_a_flaky_fault_can_end_after_a_number_of_calls() -> None:
    faults = Faults()
    faults.set(Fault.fail("ABORTED").of_every(2).times(2))

    assert [faults.take(TOPIC) != HEALTHY for _ in range(6)] == [True, False, True, False, False, False]


def test_a_fault_of_a_topic_overrides_the_fault_of_all_topics() -> None:
    faults = Faults()
    everywhere, here = Fault.fail("ABORTED"), Fault.slow(1).on(TOPIC)
    faults.set(everywhere)
    faults.set(here)

    assert [faults.take(TOPIC), faults.take(OTHER)] == [here, everywhere]


def test_a_code_that_grpc_does_not_know_is_refused_at_once() -> None:
    with pytest.raises(OfflineError, match="BROKEN"):
        Fault.fail("BROKEN")


def test_a_hanging_topic_does_not_answer_and_stores_nothing(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.hang())

    with pytest.raises(exceptions.DeadlineExceeded):
        client.publish(timeout=0.2)
    embedded.clear_faults()
    assert client.pull(0.3) == []


def test_a_call_is_unavailable_when_its_hang_ends(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.hang(0.1))

    with pytest.raises(exceptions.ServiceUnavailable):
        client.publish()
    assert client.pull(0.3) == []


def test_a_slow_topic_stores_and_answers_late(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.slow(0.2))

    started = time.monotonic()
    assert client.publish()
    assert time.monotonic() - started >= 0.2
    assert client.pull() == [b"x"]


def test_a_slow_call_that_the_client_cancelled_stores_nothing(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.slow(0.2))
    with pytest.raises(exceptions.DeadlineExceeded):
        client.publish(timeout=0.05)

    time.sleep(0.3)
    assert client.pull(0.3) == []


def test_a_hundred_hanging_calls_do_not_delay_others(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.hang().on(OTHER))

    async def publish() -> float:
        channel = grpc.aio.insecure_channel(embedded.host)
        async with PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel)) as publisher:
            messages = [types.PubsubMessage(data=b"x")]
            hanging = [
                asyncio.create_task(publisher.publish(topic=OTHER, messages=messages, retry=None, timeout=30))
                for _ in range(100)
            ]
            await asyncio.sleep(0.2)
            started = time.monotonic()
            for _ in range(50):
                await publisher.publish(topic=TOPIC, messages=messages, timeout=30)
            taken = time.monotonic() - started
            assert not any(task.done() for task in hanging)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            return taken

    in_time(asyncio.run(publish()), 1)
    assert embedded.publish_calls(OTHER) == 100


def test_an_answer_can_come_without_an_id(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.empty_ids())

    assert client.publish() == []
    assert client.pull(0.3) == []


def test_an_answer_can_come_with_two_ids_for_one_message(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.two_ids())

    assert len(client.publish()) == 2
    assert client.pull(0.3) == []


def test_a_message_can_be_stored_although_the_call_fails(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.commit_then_fail("DEADLINE_EXCEEDED"))

    with pytest.raises(exceptions.DeadlineExceeded, match="made to fail"):
        client.publish()
    assert client.pull() == [b"x"]


def test_a_message_can_be_stored_although_the_answer_never_comes(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.commit_then_fail("UNAVAILABLE", seconds=60))

    with pytest.raises(exceptions.DeadlineExceeded):
        client.publish(timeout=0.2)
    assert client.pull() == [b"x"]


def test_a_cut_connection_is_unavailable_and_a_new_one_works(embedded: EmbeddedPubSub, client: Client) -> None:
    client.publish(b"before")
    embedded.set_fault(Fault.cut().times(1))

    with pytest.raises(exceptions.ServiceUnavailable) as failure:
        client.publish(b"cut")
    assert "made to fail" not in str(failure.value)
    _publish_until_served(client, b"after")
    assert client.pull() == [b"before", b"after"]


def test_a_cut_ends_all_calls_on_its_connection_and_no_others(embedded: EmbeddedPubSub, client: Client) -> None:
    embedded.set_fault(Fault.hang().on(OTHER))
    with Client(embedded.host) as second, Client(embedded.host) as third:
        calls = [caller.publish_later(OTHER) for caller in (client, second, third)]
        while embedded.publish_calls(OTHER) < 3:
            time.sleep(0.01)
        embedded.set_fault(Fault.cut().on(TOPIC).times(1))
        with pytest.raises(exceptions.ServiceUnavailable):
            second.publish()

        assert calls[1].exception(5).code() is grpc.StatusCode.UNAVAILABLE
        assert [call.done() for call in calls] == [False, True, False]


def test_stopping_does_not_wait_for_hanging_calls(client: Client, embedded: EmbeddedPubSub) -> None:
    embedded.set_fault(Fault.hang())
    hanging = client.publish_later()
    while not embedded.publish_calls():
        time.sleep(0.01)

    started = time.monotonic()
    embedded.stop()
    in_time(time.monotonic() - started, 1)
    assert hanging.exception(5).code() is grpc.StatusCode.UNAVAILABLE


def test_every_publish_call_is_counted(embedded: EmbeddedPubSub, client: Client) -> None:
    client.publish()
    with pytest.raises(exceptions.InvalidArgument):
        client.publish(b"")
    client.publish(topic=OTHER)

    assert (embedded.publish_calls(TOPIC), embedded.publish_calls(OTHER), embedded.publish_calls()) == (2, 1, 3)


def test_a_streaming_pull_delivers_no_more_than_its_flow_control_allows(
    embedded: EmbeddedPubSub, client: Client
) -> None:
    for data in (b"1", b"2", b"3", b"4"):
        client.publish(data)
    requests: Queue[types.StreamingPullRequest] = Queue()
    requests.put(_first_request(max_outstanding_messages=2))
    replies = client.stream(requests)

    first = next(iter(replies)).received_messages
    requests.put(types.StreamingPullRequest(ack_ids=[first[0].ack_id]))
    second = next(iter(replies)).received_messages
    replies.cancel()
    assert [[delivery.message.data for delivery in batch] for batch in (first, second)] == [[b"1", b"2"], [b"3"]]


def test_a_streaming_pull_stops_at_its_limit_of_outstanding_bytes(client: Client) -> None:
    client.publish(bytes(1000))
    requests: Queue[types.StreamingPullRequest] = Queue()
    requests.put(_first_request(max_outstanding_bytes=1000))
    replies = client.stream(requests)
    (first,) = next(iter(replies)).received_messages
    client.publish(b"second")
    time.sleep(0.1)
    assert client.pull() == [b"second"]

    client.publish(b"third")
    requests.put(types.StreamingPullRequest(ack_ids=[first.ack_id]))
    assert next(iter(replies)).received_messages[0].message.data == b"third"
    replies.cancel()


def _first_request(**settings: Any) -> types.StreamingPullRequest:
    return types.StreamingPullRequest(subscription=SUBSCRIPTION, stream_ack_deadline_seconds=10, **settings)


def test_a_streaming_pull_ends_when_its_subscription_is_deleted(client: Client) -> None:
    client.publish()
    requests: Queue[types.StreamingPullRequest] = Queue()
    requests.put(_first_request())
    replies = client.stream(requests)
    next(iter(replies))
    client.subscriber.delete_subscription(subscription=SUBSCRIPTION)

    with pytest.raises(exceptions.NotFound, match=r"\(resource=reader\)"):
        next(iter(replies))


def test_resources_made_in_process_are_checked_as_those_made_over_grpc(embedded: EmbeddedPubSub) -> None:
    with pytest.raises(Refused) as refusal:
        embedded.create_topic("projects/p/topics/google")
    assert refusal.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_port_in_use_is_reported(embedded: EmbeddedPubSub) -> None:
    port = int(embedded.host.rpartition(":")[2])

    with pytest.raises(NotStarted, match=str(port)), EmbeddedPubSub(port=port):
        pass


def test_the_record_has_every_acknowledged_message_in_full(tmp_path: Path) -> None:
    path = tmp_path / "acked.jsonl"
    with EmbeddedPubSub(record=path) as embedded:
        embedded.create_topic(TOPIC)
        with Client(embedded.host) as client:
            sent = types.PubsubMessage(data=b"\0\xff\n", attributes={"ключ": "é\n"}, ordering_key="k")
            (first,) = client.publisher.publish(topic=TOPIC, messages=[sent]).message_ids
            (second,) = client.publish(b"y")
            one, two = read_record(path)

    assert (one.topic, one.message_id, one.data) == (TOPIC, first, b"\0\xff\n")
    assert (one.attributes, one.ordering_key) == ({"ключ": "é\n"}, "k")
    assert one.publish_time.endswith("Z")
    assert (two.message_id, two.data) == (second, b"y")


def test_the_record_has_exactly_the_stored_messages_even_if_their_call_failed(tmp_path: Path) -> None:
    path = tmp_path / "acked.jsonl"
    with EmbeddedPubSub(record=path) as embedded, Client(embedded.host) as client:
        embedded.create_topic(TOPIC)
        for fault in (Fault.commit_then_fail("UNAVAILABLE"), Fault.fail("UNAVAILABLE"), Fault.cut()):
            embedded.set_fault(fault)
            with pytest.raises(exceptions.ServiceUnavailable):
                client.publish(fault.answer.encode() + fault.stores.encode())
        embedded.set_fault(Fault.empty_ids())
        client.publish(b"no id")

    assert [message.data for message in read_record(path)] == [b"statusfirst"]


def test_an_incomplete_last_line_of_a_record_is_skipped_and_then_removed(tmp_path: Path) -> None:
    path = tmp_path / "acked.jsonl"
    _record_one(path, b"first")
    path.write_bytes(path.read_bytes() + path.read_bytes()[:-10])
    assert [message.data for message in read_record(path)] == [b"first"]

    _record_one(path, b"second")
    assert [message.data for message in read_record(path)] == [b"first", b"second"]


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"topic": "t"}'])
def test_a_record_that_is_damaged_in_the_middle_is_reported(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "acked.jsonl"
    _record_one(path, b"first")
    path.write_bytes(line + b"\n" + path.read_bytes())

    with pytest.raises(RecordDamaged, match=r"acked\.jsonl:1 "):
        read_record(path)


def test_a_record_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "acked.jsonl"

    with pytest.raises(NotStarted, match=r"acked\.jsonl cannot be written: No such file"), EmbeddedPubSub(record=path):
        pass


def _record_one(path: Path, data: bytes) -> None:
    with EmbeddedPubSub(record=path) as embedded, Client(embedded.host) as client:
        embedded.create_topic(TOPIC)
        client.publish(data)


class Process:
    """A started ``python -m tests.emulators.pubsub`` with these arguments."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.emulators.pubsub", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.host: str = json.loads(self.process.stdout.readline())["host"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_with_0_at_once_even_if_calls_hang(number: signal.Signals) -> None:
    with Process("--topic", TOPIC) as process, Control(process.host) as control, Client(process.host) as client:
        control.set_fault(Fault.hang())
        with pytest.raises(exceptions.DeadlineExceeded):
            client.publish(timeout=0.2)
        started = time.monotonic()
        process.process.send_signal(number)

        assert process.process.wait(60) == 0
        in_time(time.monotonic() - started, 0.7)


def test_another_process_can_set_faults_and_read_counts(embedded: EmbeddedPubSub, client: Client) -> None:
    with Control(embedded.host) as control:
        control.set_fault(Fault.fail("RESOURCE_EXHAUSTED", "quota").on(TOPIC).times(1))
        with pytest.raises(exceptions.ResourceExhausted, match="quota"):
            client.publish()
        control.set_fault(Fault.fail("INTERNAL"))
        control.clear_faults()
        client.publish(topic=OTHER)

        assert (control.publish_calls(), control.publish_calls(TOPIC), control.publish_calls("none")) == (2, 1, 0)


def test_a_control_reports_that_its_process_has_ended() -> None:
    with EmbeddedPubSub() as embedded:
        host = embedded.host
    with Control(host) as control, pytest.raises(OfflineError, match="ClearFaults"):
        control.clear_faults()


def test_a_process_that_restarts_on_its_port_serves_the_same_clients(tmp_path: Path) -> None:
    path = tmp_path / "acked.jsonl"
    arguments = ["--record", str(path), "--topic", TOPIC, "--subscription", f"{SUBSCRIPTION}={TOPIC}"]
    with Process(*arguments) as first, Client(first.host) as client:
        before = client.publish(b"before")
        first.process.kill()
        first.process.wait()
        with pytest.raises(exceptions.ServiceUnavailable):
            client.publish(b"during", timeout=1)
        with Process("--port", first.host.rpartition(":")[2], *arguments) as second:
            after = _publish_until_served(client, b"after")
            assert (second.host, client.pull()) == (first.host, [b"after"])

    acked: list[Recorded] = read_record(path)
    assert [([message.message_id], message.data) for message in acked] == [(before, b"before"), (after, b"after")]


def _publish_until_served(client: Client, data: bytes) -> list[str]:
    give_up_at = time.monotonic() + 60
    while True:
        try:
            return client.publish(data)
        except exceptions.ServiceUnavailable:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)


def test_a_process_killed_while_publishing_has_recorded_every_acknowledged_message(tmp_path: Path) -> None:
    path = tmp_path / "acked.jsonl"
    with Process("--record", str(path), "--topic", TOPIC) as process:
        acked = asyncio.run(_publish_while_killed(process))

    recorded = {message.message_id for message in read_record(path)}
    assert acked <= recorded


ENOUGH = 100
"""At least this many messages are acknowledged before the process is killed."""


async def _publish_while_killed(process: Process) -> set[str]:
    acked: set[str] = set()
    channel = grpc.aio.insecure_channel(process.host)
    async with PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel)) as publisher:

        async def publish() -> None:
            while True:
                message = types.PubsubMessage(data=bytes(300))
                reply = await publisher.publish(topic=TOPIC, messages=[message], retry=None, timeout=30)
                acked.update(reply.message_ids)

        publishing = [asyncio.create_task(publish()) for _ in range(32)]
        assert await asyncio.to_thread(eventually, lambda: len(acked) >= ENOUGH)
        process.process.kill()
        await asyncio.gather(*publishing, return_exceptions=True)
    return acked


def test_a_port_in_use_ends_the_process_with_1_and_a_message(embedded: EmbeddedPubSub) -> None:
    command = [sys.executable, "-m", "tests.emulators.pubsub", "--port", embedded.host.rpartition(":")[2]]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "is in use or not allowed" in ended.stderr.splitlines()[-1]
