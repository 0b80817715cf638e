"""main: both entry points as functions-framework makes them, in this process, with an embedded Pub/Sub."""

import asyncio
import io
import json
import logging
import os
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from wsgiref.util import is_hop_by_hop

import functions_framework
import pytest
from gunicorn.config import Config
from pytest_mock import MockerFixture

from function import receiver
from tests.emulators.issuer import Issuer
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.signing import SECRET_HEADER, organization_claims, secret_claims, sign_with_secret
from tests.function.builders import ORGANIZATION_ID, REJECTED_TOPIC, SECRET, TOPIC, body

MAIN = str(Path(__file__).resolve().parents[2] / "main.py")
CONTENT = body()

Answer = tuple[int, dict[str, Any], dict[str, str]]
Post = Callable[..., Answer]


@pytest.fixture
def environ(embedded: EmbeddedPubSub, mocker: MockerFixture) -> dict[str, str]:
    for topic in (TOPIC, REJECTED_TOPIC):
        embedded.create_topic(topic)
    settings = {
        "PUBSUB_EMULATOR_HOST": embedded.host,
        "PUBSUB_TOPIC": TOPIC,
        "PUBSUB_REJECTED_TOPIC": REJECTED_TOPIC,
        "DT_SIGNATURE_SECRET": SECRET,
    }
    return mocker.patch.dict(os.environ, settings, clear=True) and settings


def create_app(target: str, source: str) -> Any:
    """Return the web application of an entry point, as the command functions-framework makes it."""
    return functions_framework.create_app(target, source)  # type: ignore[no-untyped-call]


def signature(content: bytes = CONTENT) -> dict[str, str]:
    """Return the header that signs the content now."""
    return {SECRET_HEADER: sign_with_secret(secret_claims(content, now=time.time()), SECRET)}


def post_asgi(chunks: Sequence[bytes], headers: dict[str, str], *, method: str = "POST", ends: bool = True) -> Answer:
    """Send a request to the ASGI entry point. If it does not end, its client leaves."""
    app = create_app("ingest", MAIN)
    sent: list[dict[str, Any]] = []

    async def arriving() -> AsyncGenerator[dict[str, Any], None]:
        for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b""} if ends else {"type": "http.disconnect"}

    async def talk() -> None:
        messages = arriving()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        receive: Callable[[], Awaitable[dict[str, Any]]] = messages.__anext__
        fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": fields}
        await app(scope, receive, send)
        await messages.aclose()

    asyncio.run(talk())
    start, *rest = sent
    content = b"".join(message.get("body", b"") for message in rest)
    return start["status"], json.loads(content or b"{}"), {k.decode().title(): v.decode() for k, v in start["headers"]}


def post_wsgi(chunks: Sequence[bytes], headers: dict[str, str], *, method: str = "POST", ends: bool = True) -> Answer:
    """Send a request to the WSGI entry point. If it does not end, it announces more bytes than it sends."""
    app = create_app("ingest_wsgi", MAIN)
    content = b"".join(chunks)
    environ: dict[str, Any] = {"wsgi.input": io.BytesIO(content)}
    if "Transfer-Encoding" in headers:
        environ |= {"wsgi.input_terminated": True}
    else:
        environ |= {"CONTENT_LENGTH": headers.get("Content-Length", str(len(content) + (0 if ends else 1)))}
    response = app.test_client().open("/", method=method, headers=headers, environ_overrides=environ)
    return response.status_code, json.loads(response.data or b"{}"), dict(response.headers)


DOORS = pytest.mark.parametrize("post", [post_asgi, post_wsgi], ids=["ingest", "ingest_wsgi"])


@DOORS
def test_an_event_is_answered_200_when_the_topic_has_it(
    environ: dict[str, str], embedded: EmbeddedPubSub, post: Post
) -> None:
    status, reply, headers = post([CONTENT[:10], CONTENT[10:]], signature())

    assert (status, reply["topic"]) == (200, "events")
    assert embedded.publish_calls(TOPIC) == 1
    assert headers["Content-Type"] == "application/json"


def test_trailing_blanks_are_not_part_of_a_header(environ: dict[str, str]) -> None:
    assert post_asgi([CONTENT], {name: f"{value} \t" for name, value in signature().items()})[0] == 200


@DOORS
def test_an_unsigned_request_is_refused_and_its_connection_is_closed(environ: dict[str, str], post: Post) -> None:
    status, reply, headers = post([CONTENT], {})

    assert (status, reply) == (401, {"error": "unsigned"})
    assert headers.get("Connection") == ("close" if post is post_asgi else None), "a WSGI server decides itself"


REFUSALS: dict[str, tuple[dict[str, str], str]] = {
    "unsigned": ({}, "POST"),
    "forged": ({SECRET_HEADER: "a.b.c"}, "POST"),
    "no POST": ({}, "PUT"),
    "too large": ({"Content-Length": "999999999"}, "POST"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_over_wsgi_has_no_header_that_pep_3333_forbids(environ: dict[str, str], what: str) -> None:
    headers, method = REFUSALS[what]
    signed = signature() if what == "too large" else {}

    status, _, answered = post_wsgi([CONTENT], headers | signed, method=method)

    assert status >= 400
    assert [name for name in answered if is_hop_by_hop(name)] == []


def test_the_connection_is_kept_if_the_whole_body_of_a_forged_token_has_arrived(environ: dict[str, str]) -> None:
    status, reply, headers = post_asgi([], {SECRET_HEADER: "a.b.c"})

    assert (status, reply) == (401, {"error": "signature"})
    assert "Connection" not in headers


def test_the_connection_is_closed_if_a_part_of_the_body_of_a_forged_token_has_not_arrived(
    environ: dict[str, str],
) -> None:
    assert post_asgi([CONTENT[:10]], {SECRET_HEADER: "a.b.c"}, ends=False)[2]["Connection"] == "close"
    assert post_asgi([], {SECRET_HEADER: "a.b.c", "Expect": "100-continue"})[2]["Connection"] == "close"


def test_the_wsgi_adapter_reads_no_byte_after_the_body(environ: dict[str, str]) -> None:
    """On many servers the stream is the connection itself, so that a read after the body would block."""
    stream = io.BytesIO(CONTENT + b"POST / HTTP/1.1")
    app = create_app("ingest_wsgi", MAIN)
    overrides = {"wsgi.input": stream, "CONTENT_LENGTH": str(len(CONTENT))}

    assert app.test_client().post("/", headers=signature(), environ_overrides=overrides).status_code == 200
    assert stream.tell() == len(CONTENT)


def test_a_chunked_body_is_answered_408_if_the_wsgi_server_does_not_read_chunks(
    environ: dict[str, str],
) -> None:
    app = create_app("ingest_wsgi", MAIN)
    headers = signature() | {"Transfer-Encoding": "chunked"}
    response = app.test_client().post("/", headers=headers, environ_overrides={"wsgi.input": io.BytesIO(b"5\r\n")})

    assert (response.status_code, response.json) == (408, {"error": "incomplete"})


def test_idle_connections_are_kept_longer_than_a_load_balancer_keeps_them(environ: dict[str, str]) -> None:
    create_app("ingest", MAIN)

    assert Config().keepalive > 600


@DOORS
def test_a_method_other_than_post_is_answered_405(environ: dict[str, str], post: Post) -> None:
    status, reply, headers = post([], {}, method="PUT")

    assert (status, reply, headers["Allow"]) == (405, {"error": "method"}, "POST")


@DOORS
@pytest.mark.parametrize("announced", ["262145", "9" * 5000])
def test_a_body_announced_over_the_limit_is_refused(environ: dict[str, str], post: Post, announced: str) -> None:
    assert post([CONTENT], signature() | {"Content-Length": announced})[:2] == (413, {"error": "too_large"})


@DOORS
def test_a_body_that_grows_over_the_limit_is_refused(
    environ: dict[str, str], mocker: MockerFixture, post: Post
) -> None:
    mocker.patch.dict(os.environ, {"MAX_BODY_BYTES": "20"})

    chunked = signature() | {"Transfer-Encoding": "chunked"}
    assert post([b"x" * 15] * 2, chunked)[:2] == (413, {"error": "too_large"})


@DOORS
def test_the_event_of_a_client_that_leaves_early_is_not_published(
    environ: dict[str, str], embedded: EmbeddedPubSub, post: Post
) -> None:
    assert post([CONTENT[:10]], signature(), ends=False)[:2] == (408, {"error": "incomplete"})
    assert embedded.publish_calls() == 0


def test_a_body_that_the_wsgi_server_cannot_read_is_answered_408(environ: dict[str, str]) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise ValueError("no chunk")

    app = create_app("ingest_wsgi", MAIN)
    response = app.test_client().post(
        "/", headers=signature(), environ_overrides={"wsgi.input": Broken(), "CONTENT_LENGTH": "5"}
    )

    assert (response.status_code, response.json) == (408, {"error": "incomplete"})


def test_the_wsgi_adapter_shuts_down_the_connection_of_a_stalled_client(
    environ: dict[str, str], mocker: MockerFixture
) -> None:
    mocker.patch.object(receiver, "BODY_S", 0.1)

    class Connection(io.BytesIO):
        shut_with = -1
        is_left = False

        def read(self, *_: Any) -> bytes:
            while self.shut_with < 0:
                time.sleep(0.01)
            time.sleep(0.05)
            self.is_left = True
            return b""

        def shutdown(self, how: int) -> None:
            self.shut_with = how

    stalled = Connection()
    app = create_app("ingest_wsgi", MAIN)
    overrides = {"wsgi.input": stalled, "gunicorn.socket": stalled, "CONTENT_LENGTH": "5"}
    response = app.test_client().post("/", headers=signature(), environ_overrides=overrides)

    assert stalled.shut_with < 0, "the answer leaves first"
    assert (response.status_code, response.json) == (408, {"error": "incomplete"})
    response.close()
    assert stalled.shut_with == socket.SHUT_RDWR
    assert stalled.is_left, "two may not read from one connection"


@DOORS
def test_an_organization_may_replace_the_secret(environ: dict[str, str], mocker: MockerFixture, post: Post) -> None:
    with Issuer() as issuer:
        mocker.patch.dict(
            os.environ, {"DT_SIGNATURE_SECRET": "", "DT_ORGANIZATION_ID": ORGANIZATION_ID, "DT_ISSUER": issuer.url}
        )
        claims = organization_claims(CONTENT, now=time.time(), issuer=issuer.url, organization_id=ORGANIZATION_ID)
        header = {"DT-Asymmetric-Signature": issuer.sign(claims)}

        assert post([CONTENT], header)[0] == 200


def test_a_log_record_of_a_library_becomes_a_log_line(
    environ: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    create_app("ingest", MAIN)
    logging.getLogger("google.auth").warning("no answer: %s", "canary")

    out, err = capfd.readouterr()
    assert json.loads(out) == {"severity": "WARNING", "message": "google.auth: no answer: %s"}
    assert err == ""


def test_gunicorns_timeout_of_silent_workers_is_not_that_of_a_request(
    environ: dict[str, str], mocker: MockerFixture
) -> None:
    mocker.patch.dict(os.environ, {"CLOUD_RUN_TIMEOUT_SECONDS": "15"})
    create_app("ingest", MAIN)

    assert "CLOUD_RUN_TIMEOUT_SECONDS" not in os.environ


def test_invalid_settings_end_the_process_with_all_their_faults(environ: dict[str, str], mocker: MockerFixture) -> None:
    mocker.patch.dict(os.environ, {"PUBSUB_TOPIC": "x", "LOG_LEVEL": "loud"})

    with pytest.raises(SystemExit, match=r"(?s)PUBSUB_TOPIC.*LOG_LEVEL"):
        create_app("ingest", MAIN)
