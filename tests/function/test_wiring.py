"""wiring: every setting reaches the room that it is for, and every room tells its troubles in the log."""

import asyncio
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from deploy.offline.issuer import Issuer
from deploy.offline.pubsub import EmbeddedPubSub
from deploy.offline.signing import (
    ORGANIZATION_HEADER,
    SECRET_HEADER,
    organization_claims,
    secret_claims,
    sign_with_secret,
)
from function.access_token import AccessToken
from function.errors import SettingsError
from function.http import Reply, Request
from function.log import Log
from function.wiring import access_tokens, build_receiver
from tests.function.builders import OLD_SECRET, ORGANIZATION_ID, REJECTED_TOPIC, SECRET, TOPIC, body, environ

CONTENT = body()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NOBODY = "127.0.0.1:9"
"""A Pub/Sub that is not there: for requests that never get so far."""


class Told:
    """The lines that the function has written to standard output so far."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capture
        self._page = b""

    def lines(self, count: int) -> list[dict[str, Any]]:
        """Give all lines, once there are that many, which may take a moment."""
        give_up_at = time.monotonic() + 60
        while True:
            self._page += self._capture.readouterr().out
            if self._page.count(b"\n") >= count or time.monotonic() > give_up_at:
                break
            time.sleep(0.01)
        lines = [json.loads(line) for line in self._page.splitlines()]
        assert len(lines) == count, lines
        return lines


@pytest.fixture
def told(capfdbinary: pytest.CaptureFixture[bytes]) -> Told:
    return Told(capfdbinary)


@pytest.fixture
def topics(embedded: EmbeddedPubSub) -> EmbeddedPubSub:
    for topic in (TOPIC, REJECTED_TOPIC):
        embedded.create_topic(topic)
    return embedded


def signed(content: bytes = CONTENT, *, secret: str = SECRET, ahead_s: float = 0, **headers: str) -> Request:
    """A request as DT makes it with a secret, by a clock that is ahead of ours."""
    token = sign_with_secret(secret_claims(content, now=time.time() + ahead_s), secret)
    return request(content, {SECRET_HEADER: token, **headers})


def request(content: bytes, headers: dict[str, str]) -> Request:
    async def read(_: int) -> bytes:
        return content

    return Request("POST", {name.lower(): [value] for name, value in headers.items()}, read)


def answers(*requests: Request, **changes: Any) -> list[tuple[int, dict[str, str]]]:
    """What a function of these settings answers to each request, one after the other."""
    receiver = build_receiver(environ(**{"PUBSUB_EMULATOR_HOST": NOBODY, **changes}))

    async def receive_all() -> list[Reply]:
        return [await receiver.receive(asked) for asked in requests]

    return [(reply.status, json.loads(reply.body)) for reply in asyncio.run(receive_all())]


def test_a_secret_file_that_cannot_be_read_is_told_in_the_log(tmp_path: Path, told: Told) -> None:
    missing = str(tmp_path / "missing")

    assert answers(signed(), DT_SIGNATURE_SECRET="", DT_SIGNATURE_SECRET_FILE=missing) == [(503, {"error": "keys"})]

    warning, refusal = told.lines(2)
    assert (warning["severity"], warning["message"]) == (
        "CRITICAL",
        "the secret file cannot be read: No such file or directory",
    )
    assert (refusal["severity"], refusal["reason"]) == ("CRITICAL", "keys")


def test_a_line_of_the_secret_file_that_cannot_be_used_is_a_warning_in_the_log(tmp_path: Path, told: Told) -> None:
    file = tmp_path / "secret"
    file.write_text(f"hunter2\n{SECRET}\n")

    assert answers(signed(secret=OLD_SECRET), DT_SIGNATURE_SECRET="", DT_SIGNATURE_SECRET_FILE=str(file)) == [
        (401, {"error": "signature"})
    ]

    remark, _ = told.lines(2)
    assert remark == {
        "severity": "WARNING",
        "message": "the secret file is used without some of its lines: line 1 has 7 bytes: at least 32 are needed",
    }


def test_keys_that_cannot_be_fetched_are_told_in_the_log(told: Told) -> None:
    issuer = f"http://{NOBODY}"
    claims = organization_claims(CONTENT, now=time.time(), issuer=issuer, organization_id=ORGANIZATION_ID)
    with Issuer() as another:
        headers = {ORGANIZATION_HEADER: another.sign(claims)}

    assert answers(
        request(CONTENT, headers), DT_SIGNATURE_SECRET="", DT_ORGANIZATION_ID=ORGANIZATION_ID, DT_ISSUER=issuer
    ) == [(503, {"error": "keys"})]

    warning, refusal = told.lines(2)
    assert (warning["severity"], warning["message"]) == ("CRITICAL", "DT's key set cannot be fetched: URLError")
    assert (refusal["severity"], refusal["reason"]) == ("CRITICAL", "keys")


def test_the_secrets_of_the_environment_come_before_those_of_the_file(
    tmp_path: Path, topics: EmbeddedPubSub, told: Told
) -> None:
    file = tmp_path / "secret"
    file.write_text(OLD_SECRET)
    requests = [signed(secret=secret) for secret in (SECRET, OLD_SECRET)]

    found = answers(*requests, PUBSUB_EMULATOR_HOST=topics.host, DT_SIGNATURE_SECRET_FILE=str(file))

    assert [status for status, _ in found] == [200, 200]
    assert [line["secretIndex"] for line in told.lines(2)] == [0, 1]


def by_key(issuer: Issuer, organization: str = ORGANIZATION_ID, url: str | None = None) -> Request:
    claims = organization_claims(CONTENT, now=time.time(), issuer=url or issuer.url, organization_id=organization)
    return request(CONTENT, {ORGANIZATION_HEADER: issuer.sign(claims)})


def test_the_organization_and_the_issuer_are_the_ones_that_are_set(topics: EmbeddedPubSub) -> None:
    with Issuer() as issuer:
        requests = by_key(issuer), by_key(issuer, "another"), by_key(issuer, url=f"{issuer.url}/another")
        found = answers(
            *requests,
            PUBSUB_EMULATOR_HOST=topics.host,
            DT_SIGNATURE_SECRET="",
            DT_ORGANIZATION_ID=ORGANIZATION_ID,
            DT_ISSUER=issuer.url,
        )

    assert [status for status, _ in found] == [200, 401, 401]


def test_a_scheme_that_is_not_set_counts_as_absent() -> None:
    with Issuer() as issuer:
        assert answers(by_key(issuer)) == [(401, {"error": "unsigned"})]
        assert answers(signed(), DT_SIGNATURE_SECRET="", DT_ORGANIZATION_ID="x") == [(401, {"error": "unsigned"})]


@pytest.mark.parametrize(
    ("leeway", "ahead_s", "status"),
    [("", 50, 200), ("", 90, 503), ("0", 10, 503), ("30", 20, 200), ("30", 50, 503), ("3600", 900, 200)],
)
def test_clocks_may_differ_by_the_leeway_that_is_set_and_by_a_minute_if_none_is(
    topics: EmbeddedPubSub, leeway: str, ahead_s: float, status: int
) -> None:
    ((found, reply),) = answers(signed(ahead_s=ahead_s), PUBSUB_EMULATOR_HOST=topics.host, CLOCK_LEEWAY_SECONDS=leeway)

    assert found == status
    assert reply.get("error") == ("clock" if status == 503 else None)


@pytest.mark.parametrize(("leeway", "topic"), [("", "rejected"), ("60", "rejected"), ("300", "events")])
def test_a_token_expires_by_the_leeway_that_is_set_after_its_time(
    topics: EmbeddedPubSub, leeway: str, topic: str
) -> None:
    ((status, reply),) = answers(signed(ahead_s=-3720), PUBSUB_EMULATOR_HOST=topics.host, CLOCK_LEEWAY_SECONDS=leeway)

    assert (status, reply["topic"]) == (200, topic)


def test_every_malformed_event_has_a_line_of_its_own(topics: EmbeddedPubSub, told: Told) -> None:
    contents = [b"junk", b"junk", b"[]", b"\xff"]

    found = answers(*map(signed, contents), PUBSUB_EMULATOR_HOST=topics.host)

    assert [reply["topic"] for _, reply in found] == ["rejected"] * len(contents)
    lines = told.lines(len(contents))
    assert [line["reason"] for line in lines] == ["malformed"] * len(contents)
    assert [line["messageId"] for line in lines] == [reply["messageId"] for _, reply in found]


@pytest.mark.parametrize(
    ("level", "severities"),
    [("DEBUG", ["DEBUG", "INFO"]), ("INFO", ["INFO"]), ("WARNING", [])],
)
def test_lines_below_the_level_that_is_set_are_left_out(told: Told, level: str, severities: list[str]) -> None:
    get = Request("GET", {}, request(b"", {}).read)

    assert answers(get, request(b"", {}), LOG_LEVEL=level) == [(405, {"error": "method"}), (401, {"error": "unsigned"})]

    assert [line["severity"] for line in told.lines(len(severities))] == severities


@pytest.mark.parametrize(("project", "shown"), [("another", "another"), ("", "demo")])
def test_traces_are_of_the_project_that_is_set_or_else_of_the_topics(told: Told, project: str, shown: str) -> None:
    answers(request(b"", {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}), GOOGLE_CLOUD_PROJECT=project)

    assert told.lines(1)[0]["logging.googleapis.com/trace"] == f"projects/{shown}/traces/{TRACE}"


def faults(**changes: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        build_receiver(environ(**changes))
    return caught.value.faults


@pytest.mark.parametrize("margins", [str, lambda path: f"\ufeff{path}\r\n"], ids=["plain", "with margins"])
def test_the_faults_of_the_secret_file_are_named_with_the_others(tmp_path: Path, margins: Callable[[str], str]) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2\nchangeme")
    told = "DT_SIGNATURE_SECRET_FILE: line 1 has 7 bytes: at least 32 are needed"
    path = margins(str(file))

    assert faults(DT_SIGNATURE_SECRET_FILE=path)[0] == told
    assert faults(DT_SIGNATURE_SECRET_FILE=path, LOG_LEVEL="loud")[1] == told
    assert len(faults(DT_SIGNATURE_SECRET_FILE=path, LOG_LEVEL="loud")) == 3


def test_faults_of_the_settings_alone_are_named_alone() -> None:
    assert [fault.partition(":")[0] for fault in faults(LOG_LEVEL="loud")] == ["LOG_LEVEL"]


class Metadata(BaseHTTPRequestHandler):
    """A metadata server that gives as many tokens as a test lets it, each good for a little less than two minutes."""

    asked: ClassVar[list[str]] = []
    tokens: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Give a token, or fail."""
        self.asked.append(self.path)
        if not self.tokens:
            return self.send_error(500)
        content = json.dumps({"access_token": self.tokens.pop(), "expires_in": 110}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)
        return None

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def metadata_host() -> Iterator[str]:
    Metadata.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        server.daemon_threads = False  # each is waited for
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_without_an_emulator_a_token_for_pubsub_is_asked_of_the_metadata_server(told: Told, metadata_host: str) -> None:
    found = answers(signed(), PUBSUB_EMULATOR_HOST="", GCE_METADATA_HOST=metadata_host, PUBLISH_TIMEOUT_SECONDS="0.5")

    assert found == [(503, {"error": "publish"})]
    assert "https://www.googleapis.com/auth/pubsub" in Metadata.asked[0]
    assert "the metadata server answered 500" in told.lines(1)[0]["detail"]


def test_a_token_that_cannot_be_replaced_serves_on_and_is_a_warning_in_the_log(metadata_host: str) -> None:
    page = io.BytesIO()
    log = Log(page, level="INFO", google_project="demo", monotonic=time.monotonic)
    tokens = access_tokens({"GCE_METADATA_HOST": metadata_host}, log)
    Metadata.tokens.append("first")

    async def ask_until_told() -> set[AccessToken]:
        found = {await tokens.get(5)}
        give_up_at = time.monotonic() + 60
        while not page.getvalue() and time.monotonic() < give_up_at:
            found.add(await tokens.get(5))
            await asyncio.sleep(0.05)
        return found

    (token,) = asyncio.run(ask_until_told())
    assert token.metadata == (("authorization", "Bearer first"),)
    assert 60 < token.expires_at - time.time() <= 110
    line = json.loads(page.getvalue())
    assert line["severity"] == "WARNING"
    assert line["message"].startswith("the access token cannot be replaced: ")
