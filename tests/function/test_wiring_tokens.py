"""wiring: the token that the function publishes with, and the log lines of tokens and of libraries."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from grpc import aio

from function.pubsub import SCOPES
from function.wiring import build_receiver
from tests.emulators.pubsub import EmbeddedPubSub
from tests.function.builders import REJECTED_TOPIC, TOPIC, body, environ, secret_claims, secret_token
from tests.function.test_wiring import request
from tests.prove.metadata_server import PATH, MetadataServer, Stumble

CONTENT = body()


@pytest.fixture
def server() -> Iterator[MetadataServer]:
    with MetadataServer() as running:
        yield running


@pytest.fixture
def google(embedded: EmbeddedPubSub, monkeypatch: pytest.MonkeyPatch) -> EmbeddedPubSub:
    """The server that replaces Google."""
    for topic in (TOPIC, REJECTED_TOPIC):
        embedded.create_topic(topic)

    def lead(target: str, _credentials: object, options: Any) -> aio.Channel:
        assert target == "pubsub.googleapis.com:443"
        return aio.insecure_channel(embedded.host, options)

    monkeypatch.setattr(aio, "secure_channel", lead)
    return embedded


def publish(server: MetadataServer, count: int, is_over: Callable[[], bool] = lambda: True) -> list[int]:
    """Publish an event each second, with a metadata server that fails from the second on. Return the statuses.

    After ``count`` events this goes on until ``is_over``, for a minute at most: the function replaces a token beside
    the requests, and not with each of them.
    """
    receiver = build_receiver(environ(GCE_METADATA_HOST=server.host))

    async def main() -> list[int]:
        statuses: list[int] = []
        ends_at = time.monotonic() + 60
        while len(statuses) < count or not (is_over() or time.monotonic() > ends_at):
            await asyncio.sleep(1.1 * bool(statuses))  # a token is fetched at most once a second
            claims = secret_claims(CONTENT, iat=int(time.time()), exp=int(time.time()) + 3600)
            signed = request(CONTENT, {"X-Dt-Signature": secret_token(CONTENT, **claims)})
            statuses.append((await receiver.receive(signed)).status)
            server.fail(Stumble(500))
        return statuses

    return asyncio.run(main())


def test_an_event_is_published_with_a_token_of_the_metadata_server_for_pubsub(
    server: MetadataServer, google: EmbeddedPubSub
) -> None:
    assert publish(server, 1) == [200]
    assert google.publish_calls(TOPIC) == 1
    assert server.asked == [f"{PATH}?scopes={','.join(SCOPES)}"]
    assert "https://www.googleapis.com/auth/pubsub" in SCOPES


def test_a_token_that_cannot_be_replaced_is_a_warning_in_the_log(
    server: MetadataServer, google: EmbeddedPubSub, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    server.life_s = 100
    output = b""

    def has_warned() -> bool:
        nonlocal output
        output += capfdbinary.readouterr().out
        return b"WARNING" in output

    assert {*publish(server, 2, has_warned)} == {200}
    (line,) = (line for line in map(json.loads, output.splitlines()) if line["severity"] == "WARNING")
    assert line["message"].startswith(
        "the access token cannot be replaced: no access token: the metadata server answered 500; "
    )


def test_a_log_record_of_a_library_becomes_a_log_line_when_the_function_is_built(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    build_receiver(environ())
    logging.getLogger("google.auth").warning("no answer: %s", "canary")

    out, err = capfdbinary.readouterr()
    assert json.loads(out) == {"severity": "WARNING", "message": "google.auth: no answer: %s"}
    assert err == b""
