"""pubsub: the content and the connection of each call to Google, and the error of each failure."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
import pytest
from google.pubsub_v1.types import PublishRequest, PublishResponse
from grpc import ChannelConnectivity, StatusCode, aio

from function import pubsub
from function.access_token import AccessToken, AccessTokens
from function.connections import LONGEST_S
from function.errors import PublishError, PublishMisconfigured, PublishTransient, PublishUnacknowledged
from function.message import Message
from function.pubsub import RETIRED_S, SCOPES, STALE_AFTER_S, PubSub
from tests.function.builders import TOPIC
from tests.function.fakes import FakeClock, run_skipping, slept_s

T = TypeVar("T")

MESSAGES = [Message(b"one", {"a": "b"}, "device"), Message(b"two", {}, "device")]


@dataclass(frozen=True)
class Call:
    """The arguments of one call."""

    sent: bytes
    timeout: float
    metadata: tuple[tuple[str, str], ...]


class Refusal(aio.AioRpcError):
    """An unsuccessful answer of Pub/Sub."""

    def __init__(self, code: StatusCode, details: str = "why") -> None:
        super().__init__(code, aio.Metadata(), aio.Metadata(), details)


@dataclass(eq=False)
class Channel:
    """A channel that records its calls, and answers each with ids or an error, some seconds later."""

    target: str
    credentials: object
    options: dict[str, object]
    clock: FakeClock
    answer: list[str] | Refusal
    on_call: Callable[[], object]
    takes_s: float = 0.0
    state: ChannelConnectivity = ChannelConnectivity.READY
    calls: list[Call] = field(default_factory=list)
    woken: list[bool] = field(default_factory=list)
    method: str = ""
    closed: int = 0

    def get_state(self, try_to_connect: bool = False) -> ChannelConnectivity:  # noqa: FBT001, FBT002  # as gRPC's
        """Return the state. ``try_to_connect`` makes an idle channel connect."""
        self.woken.append(try_to_connect)
        return self.state

    def unary_unary(
        self, method: str, request_serializer: Callable[[Any], bytes], response_deserializer: Callable[[bytes], Any]
    ) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Return the method."""
        self.method = method

        async def call(request: Any, *, timeout: float, metadata: tuple[tuple[str, str], ...]) -> Any:  # noqa: ASYNC109
            self.calls.append(Call(request_serializer(request), timeout, metadata))
            self.clock.advance(self.takes_s)
            if isinstance(self.answer, Refusal):
                raise self.answer
            return response_deserializer(PublishResponse.serialize(PublishResponse(message_ids=self.answer)))

        def begin(*request: Any, **options: Any) -> Coroutine[Any, Any, Any]:
            self.on_call()
            return call(*request, **options)

        return begin

    async def close(self) -> None:
        """Record the close."""
        self.closed += 1


@dataclass
class Google:
    """Makes the channels. ``answer``, ``takes_s`` and ``state`` are those of the next channel."""

    clock: FakeClock = field(default_factory=FakeClock)
    secure: list[Channel] = field(default_factory=list)
    plain: list[Channel] = field(default_factory=list)
    answer: list[str] | Refusal = field(default_factory=lambda: ["1", "2"])
    state: ChannelConnectivity = ChannelConnectivity.READY
    tokens: int = 0
    lifetime_s: float = 3600.0
    on_call: Callable[[], object] = lambda: None

    def secure_channel(self, target: str, credentials: object, options: Any = ()) -> Channel:
        """Make a channel over TLS."""
        self.secure.append(self._channel(target, credentials, options))
        return self.secure[-1]

    def insecure_channel(self, target: str, options: Any = ()) -> Channel:
        """Make a channel in clear text."""
        self.plain.append(self._channel(target, None, options))
        return self.plain[-1]

    def _channel(self, target: str, credentials: object, options: Any) -> Channel:
        return Channel(target, credentials, dict(options), self.clock, self.answer, self.on_call, state=self.state)

    def fetch(self, _: float) -> AccessToken:
        """Issue a token."""
        self.tokens += 1
        return AccessToken((("authorization", f"Bearer {self.tokens}"),), self.clock() + self.lifetime_s)

    def pubsub(self, emulator_host: str | None = None) -> PubSub:
        """Return a PubSub with the tokens of this fake."""
        tokens = AccessTokens(self.fetch, now=self.clock, monotonic=self.clock, warn=print)
        return PubSub(emulator_host, tokens, monotonic=self.clock)


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Google:
    made = Google()
    monkeypatch.setattr(aio, "secure_channel", made.secure_channel)
    monkeypatch.setattr(aio, "insecure_channel", made.insecure_channel)
    return made


def send(pubsub: PubSub, timeout_s: float = 2.0) -> list[str]:
    return list(asyncio.run(pubsub.send(TOPIC, MESSAGES, timeout_s=timeout_s)))


def failure(pubsub: PubSub, error: type[PublishError] = PublishError) -> str:
    with pytest.raises(error) as caught:
        send(pubsub)
    return str(caught.value)


def test_the_connection_to_google_uses_tls_and_its_host_name(google: Google) -> None:
    assert send(google.pubsub()) == ["1", "2"]
    (channel,) = google.secure
    assert channel.target == "pubsub.googleapis.com:443"
    assert isinstance(channel.credentials, grpc.ChannelCredentials)
    assert google.plain == []


def test_the_connection_to_the_emulator_uses_clear_text_and_no_token(google: Google) -> None:
    assert send(google.pubsub("localhost:8085")) == ["1", "2"]
    (channel,) = google.plain
    assert channel.target == "localhost:8085"
    assert channel.calls[0].metadata == (("x-goog-request-params", f"topic={TOPIC}"),)
    assert (google.secure, google.tokens) == ([], 0)


OPTIONS = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.min_reconnect_backoff_ms": 20_000,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.enable_retries": 0,
}


@pytest.mark.parametrize("emulator_host", [None, "localhost:8085"], ids=["Google", "emulator"])
def test_each_connection_reconnects_soon_has_keepalive_and_is_not_shared(
    google: Google, emulator_host: str | None
) -> None:
    send(google.pubsub(emulator_host))
    (channel,) = google.secure + google.plain
    assert channel.options == OPTIONS


def test_a_connection_may_take_twenty_seconds_to_be_made() -> None:
    assert LONGEST_S == 20.0


def test_a_token_is_good_for_publishing() -> None:
    assert "https://www.googleapis.com/auth/pubsub" in SCOPES


def test_a_call_has_the_messages_the_topic_the_token_and_the_remaining_time(google: Google) -> None:
    send(google.pubsub(), timeout_s=1.5)
    (channel,) = google.secure
    (call,) = channel.calls
    assert channel.method == "/google.pubsub.v1.Publisher/Publish"
    assert call.timeout == 1.5
    assert call.metadata == (
        ("x-goog-request-params", f"topic={TOPIC}"),
        ("authorization", "Bearer 1"),
    )
    request = PublishRequest.deserialize(call.sent)
    assert request.topic == TOPIC
    assert [(message.data, dict(message.attributes), message.ordering_key) for message in request.messages] == [
        (b"one", {"a": "b"}, "device"),
        (b"two", {}, "device"),
    ]


def test_the_time_for_the_token_is_taken_from_that_of_the_call(google: Google) -> None:
    def slow(timeout_s: float) -> AccessToken:
        google.clock.advance(0.5)
        return google.fetch(timeout_s)

    tokens = AccessTokens(slow, now=google.clock, monotonic=google.clock, warn=print)
    send(PubSub(None, tokens, monotonic=google.clock), timeout_s=2.0)
    assert google.secure[0].calls[0].timeout == 1.5


class Late:
    """Tokens that never arrive, and the timeout of each wait."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    async def get(self, timeout_s: float) -> AccessToken:
        """Record the timeout, and fail."""
        self.waits_s.append(timeout_s)
        raise PublishTransient("no access token in time")


def test_the_wait_for_a_token_has_the_calls_timeout_and_nothing_is_sent_without_one(google: Google) -> None:
    tokens: Any = Late()
    assert failure(PubSub(None, tokens, monotonic=google.clock)) == "no access token in time"
    assert tokens.waits_s == [2.0]
    assert google.secure[0].calls == []


@pytest.mark.parametrize("ids", [[], ["1"], ["1", "2", "3"]])
def test_only_an_answer_with_as_many_ids_as_messages_is_an_acknowledgement(google: Google, ids: list[str]) -> None:
    google.answer = ids
    assert failure(google.pubsub(), PublishUnacknowledged) == f"{len(ids)} message ids for 2 messages"


def test_a_token_that_google_calls_invalid_is_replaced_before_the_next_call(google: Google) -> None:
    google.answer = Refusal(StatusCode.UNAUTHENTICATED)
    pubsub = google.pubsub()
    assert failure(pubsub, PublishMisconfigured) == "UNAUTHENTICATED: why"
    google.secure[0].answer = ["1", "2"]
    send(pubsub)
    assert [dict(call.metadata)["authorization"] for call in google.secure[0].calls] == ["Bearer 1", "Bearer 2"]


def test_a_token_is_kept_after_any_other_failure(google: Google) -> None:
    google.answer = Refusal(StatusCode.PERMISSION_DENIED)
    pubsub = google.pubsub()
    for _ in range(2):
        assert failure(pubsub, PublishMisconfigured) == "PERMISSION_DENIED: why"
    assert google.tokens == 1


def test_a_silent_connection_is_replaced(google: Google) -> None:
    google.answer = Refusal(StatusCode.DEADLINE_EXCEEDED)
    pubsub = google.pubsub()

    async def use() -> None:
        for takes_s, connections in ((STALE_AFTER_S - 0.01, 1), (STALE_AFTER_S, 1), (0.0, 2)):
            for channel in google.secure:
                channel.takes_s = takes_s
            with pytest.raises(PublishTransient, match="DEADLINE_EXCEEDED: why"):
                await pubsub.send(TOPIC, MESSAGES, timeout_s=2.0)
            assert len(google.secure) == connections
        first, second = google.secure
        await asyncio.sleep(RETIRED_S - 0.1)
        assert (first.closed, second.closed) == (0, 0), "requests may still be on it"
        await asyncio.sleep(0.2)
        assert (first.closed, second.closed) == (1, 0)

    run_skipping(use())


def test_a_connection_that_was_not_ready_does_not_count_as_silent(google: Google) -> None:
    google.answer, google.state = Refusal(StatusCode.DEADLINE_EXCEEDED), ChannelConnectivity.CONNECTING
    pubsub = google.pubsub()
    failure(pubsub)
    google.secure[0].takes_s = STALE_AFTER_S + 0.4
    failure(pubsub)
    assert [len(channel.calls) for channel in google.secure] == [2]
    assert google.secure[0].closed == 0


def test_a_request_starts_an_idle_connection_but_has_failed_does_not(google: Google) -> None:
    google.state = ChannelConnectivity.IDLE
    pubsub = google.pubsub()
    send(pubsub)
    assert all(google.secure[0].woken)


def test_a_second_connection_is_begun_beside_the_first_and_a_failed_one_fails_at_once(google: Google) -> None:
    google.state = ChannelConnectivity.CONNECTING
    pubsub = google.pubsub()
    send(pubsub)
    google.clock.advance(1.0)
    google.state, google.answer = ChannelConnectivity.TRANSIENT_FAILURE, Refusal(StatusCode.UNAVAILABLE, "refused")

    assert failure(pubsub, PublishTransient) == "UNAVAILABLE: refused"
    assert [len(channel.calls) for channel in google.secure] == [1, 1]


def test_the_request_uses_the_first_of_two_connections_that_is_ready(google: Google) -> None:
    async def use() -> None:
        google.state = ChannelConnectivity.CONNECTING
        pubsub = PubSub(None, AccessTokens(google.fetch, now=slept_s, monotonic=slept_s, warn=print), monotonic=slept_s)
        first = pubsub._connections._newest()  # noqa: SLF001  # a request that has given up
        await asyncio.sleep(1.0)
        waiting = asyncio.create_task(pubsub._connections.best(2.0))  # noqa: SLF001  # without a thread for the token
        await asyncio.sleep(0.5)
        assert (len(google.secure), waiting.done()) == (2, False)
        google.secure[0].state = ChannelConnectivity.READY
        assert await waiting is first
        await asyncio.sleep(RETIRED_S + 0.1)
        assert [channel.closed for channel in google.secure] == [0, 1]

    run_skipping(use())


def test_close_closes_each_connection_and_the_next_request_makes_another(google: Google) -> None:
    pubsub = google.pubsub()
    send(pubsub)
    asyncio.run(pubsub.close())
    assert [channel.closed for channel in google.secure] == [1]
    send(pubsub)
    assert [channel.closed for channel in google.secure] == [1, 0]


def test_the_text_of_an_error_is_cut_and_has_the_code(google: Google) -> None:
    google.answer = Refusal(StatusCode.NOT_FOUND, "x" * 500)
    assert failure(google.pubsub(), PublishMisconfigured) == ("NOT_FOUND: " + "x" * 500)[:300]


def test_a_task_of_grpcs_call_starts_with_the_call_from_python_3_12_on_and_no_other_task_does(google: Google) -> None:
    steps: list[str] = []
    tasks: list[asyncio.Task[None]] = []

    async def start(step: str) -> None:
        steps.append(step)

    def make_task() -> None:
        tasks.append(asyncio.get_running_loop().create_task(start("gRPC's task")))
        steps.append("call made")

    async def main() -> None:
        await google.pubsub().send(TOPIC, MESSAGES, timeout_s=2.0)
        other = asyncio.get_running_loop().create_task(start("other task"))
        steps.append("other made")
        await asyncio.gather(other, *tasks)

    google.on_call = make_task
    asyncio.run(main())
    at_once = ["gRPC's task", "call made"] if sys.version_info >= (3, 12) else ["call made", "gRPC's task"]
    assert [step for step in steps if step in at_once] == at_once
    assert steps.index("other made") < steps.index("other task")


def test_only_the_call_itself_has_another_task_factory_also_if_it_fails(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories: list[object] = []

    def usual(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(work, loop=loop, **options)

    def fail() -> None:
        factories.append(asyncio.get_running_loop().get_task_factory())
        raise Refusal(StatusCode.UNAVAILABLE)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(usual)
        with pytest.raises(PublishTransient):
            await google.pubsub().send(TOPIC, MESSAGES, timeout_s=2.0)
        factories.append(asyncio.get_running_loop().get_task_factory())

    monkeypatch.setattr("function.pubsub.EAGER_TASKS", lambda *_, **__: pytest.fail("no task is made"))
    eager = pubsub.EAGER_TASKS
    google.on_call = fail
    asyncio.run(main())
    assert factories == [eager, usual]


NOISY = """
import function
import asyncio, grpc, os, warnings
async def main():
    channel = grpc.aio.secure_channel("localhost:1", grpc.ssl_channel_credentials(b"no certificate"))
    try:
        await channel.unary_unary("/a/b")(b"", timeout=1)
    except grpc.aio.AioRpcError:
        pass
    await channel.close()
asyncio.run(main())
"""


def stderr_of_grpc(**environ: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", NOISY], capture_output=True, text=True, check=True, env={**os.environ, **environ}
    )
    return ran.stderr


def test_grpc_writes_no_log_unless_an_operator_enables_it() -> None:
    assert stderr_of_grpc() == ""
    assert "certificate" in stderr_of_grpc(GRPC_VERBOSITY="ERROR").lower()


WARNING = """
import function
import logging
import warnings
warnings.simplefilter("always")
logging.getLogger("py.warnings").addHandler(logging.NullHandler())
logging.getLogger("py.warnings").propagate = False
warnings.warn("a library's warning")
"""


def test_a_warning_goes_to_the_log_and_not_to_standard_error() -> None:
    ran = subprocess.run([sys.executable, "-c", WARNING], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
