"""wiring: every setting reaches its module, and every module logs its failures."""

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

from function.access_token import AccessToken
from function.errors import SettingsError
from function.http import Reply, Request
from function.log import Log
from function.wiring import access_tokens, build_receiver
from tests.emulators.issuer import Issuer
from tests.emulators.pubsub import EmbeddedPubSub
from tests.emulators.signing import (
    ORGANIZATION_HEADER,
    SECRET_HEADER,
    organization_claims,
    secret_claims,
    sign_with_secret,
)
from tests.function.builders import OLD_SECRET, ORGANIZATION_ID, REJECTED_TOPIC, SECRET, TOPIC, body, environ

CONTENT = body()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NOBODY = "127.0.0.1:9"
"""Address without a Pub/Sub, for requests that are not published."""


class LogLines:
    """The lines that the function has written to standard output."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capture
        self._page = b""

    def lines(self, count: int) -> list[dict[str, Any]]:
        """Return all lines when there are this many, which may take a moment."""
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
def log(capfdbinary: pytest.CaptureFixture[bytes]) -> LogLines:
    return LogLines(capfdbinary)


@pytest.fixture
def topics(embedded: EmbeddedPubSub) -> EmbeddedPubSub:
    for topic in (TOPIC, REJECTED_TOPIC):
        embedded.create_topic(topic)
    return embedded


def signed(content: bytes = CONTENT, *, secret: str = SECRET, ahead_s: float = 0, **headers: str) -> Request:
    """Return a request that DT signs with a secret, by a clock that is ahead of this machine's."""
    token = sign_with_secret(secret_claims(content, now=time.time() + ahead_s), secret)
    return request(content, {SECRET_HEADER: token, **headers})


def request(content: bytes, headers: dict[str, str]) -> Request:
    async def read(_: int) -> bytes:
        return content

    return Request("POST", {name.lower(): [value] for name, value in headers.items()}, read)


def answers(*requests: Request, **changes: Any) -> list[tuple[int, dict[str, str]]]:
    """Return the replies of a function with these settings to requests in turn."""
    receiver = build_receiver(environ(**{"PUBSUB_EMULATOR_HOST": NOBODY, **changes}))

    async def receive_all() -> list[Reply]:
        return [await receiver.receive(asked) for asked in requests]

    return [(reply.status, json.loads(reply.body)) for reply in asyncio.run(receive_all())]


def test_a_secret_file_that_cannot_be_read_is_logged(tmp_path: Path, log: LogLines) -> None:
    missing = str(tmp_path / "missing")

    assert answers(signed(), DT_SIGNATURE_SECRET="", DT_SIGNATURE_SECRET_FILE=missing) == [(503, {"error": "keys"})]

    warning, refusal = log.lines(2)
    assert (warning["severity"], warning["message"]) == (
        "CRITICAL",
        "the secret file cannot be read: No such file or directory",
    )
    assert (refusal["severity"], refusal["reason"]) == ("CRITICAL", "keys")


def test_an_unusable_line_of_the_secret_file_is_a_warning_in_the_log(tmp_path: Path, log: LogLines) -> None:
    file = tmp_path / "secret"
    file.write_text(f"hunter2\n{SECRET}\n")

    assert answers(signed(secret=OLD_SECRET), DT_SIGNATURE_SECRET="", DT_SIGNATURE_SECRET_FILE=str(file)) == [
        (401, {"error": "signature"})
    ]

    remark, _ = log.lines(2)
    assert remark == {
        "severity": "WARNING",
        "message": "the secret file is used without some of its lines: line 1 has 7 bytes: at least 32 are needed",
    }


def test_keys_that_cannot_be_fetched_are_logged(log: LogLines) -> None:
    issuer = f"http://{NOBODY}"
    claims = organization_claims(CONTENT, now=time.time(), issuer=issuer, organization_id=ORGANIZATION_ID)
    with Issuer() as another:
        headers = {ORGANIZATION_HEADER: another.sign(claims)}

    assert answers(
        request(CONTENT, headers), DT_SIGNATURE_SECRET="", DT_ORGANIZATION_ID=ORGANIZATION_ID, DT_ISSUER=issuer
    ) == [(503, {"error": "keys"})]

    warning, refusal = log.lines(2)
    assert (warning["severity"], warning["message"]) == ("CRITICAL", "DT's key set cannot be fetched: URLError")
    assert (refusal["severity"], refusal["reason"]) == ("CRITICAL", "keys")


def test_the_secrets_of_the_environment_come_before_those_of_the_file(
    tmp_path: Path, topics: EmbeddedPubSub, log: LogLines
) -> None:
    file = tmp_path / "secret"
    file.write_text(OLD_SECRET)
    requests = [signed(secret=secret) for secret in (SECRET, OLD_SECRET)]

    found = answers(*requests, PUBSUB_EMULATOR_HOST=topics.host, DT_SIGNATURE_SECRET_FILE=str(file))

    assert [status for status, _ in found] == [200, 200]
    assert [line["secretIndex"] for line in log.lines(2)] == [0, 1]


def by_key(issuer: Issuer, organization: str = ORGANIZATION_ID, url: str | None = None) -> Request:
    claims = organization_claims(CONTENT, now=time.time(), issuer=url or issuer.url, organization_id=organization)
    return request(CONTENT, {ORGANIZATION_HEADER: issuer.sign(claims)})


def test_the_organization_and_the_issuer_are_the_configured_ones(topics: EmbeddedPubSub) -> None:
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


def test_a_scheme_that_is_not_configured_counts_as_absent() -> None:
    with Issuer() as issuer:
        assert answers(by_key(issuer)) == [(401, {"error": "unsigned"})]
        assert answers(signed(), DT_SIGNATURE_SECRET="", DT_ORGANIZATION_ID="x") == [(401, {"error": "unsigned"})]


@pytest.mark.parametrize(
    ("leeway", "ahead_s", "status"),
    [("", 50, 200), ("", 90, 503), ("0", 10, 503), ("30", 20, 200), ("30", 50, 503), ("3600", 900, 200)],
)
def test_clocks_may_differ_by_the_configured_leeway_or_by_a_minute(
    topics: EmbeddedPubSub, leeway: str, ahead_s: float, status: int
) -> None:
    ((found, reply),) = answers(signed(ahead_s=ahead_s), PUBSUB_EMULATOR_HOST=topics.host, CLOCK_LEEWAY_SECONDS=leeway)

    assert found == status
    assert reply.get("error") == ("clock" if status == 503 else None)


@pytest.mark.parametrize(("leeway", "topic"), [("", "rejected"), ("60", "rejected"), ("300", "events")])
def test_a_token_expires_after_its_time_and_the_configured_leeway(
    topics: EmbeddedPubSub, leeway: str, topic: str
) -> None:
    ((status, reply),) = answers(signed(ahead_s=-3720), PUBSUB_EMULATOR_HOST=topics.host, CLOCK_LEEWAY_SECONDS=leeway)

    assert (status, reply["topic"]) == (200, topic)


def test_every_malformed_event_has_its_own_line(topics: EmbeddedPubSub, log: LogLines) -> None:
    contents = [b"junk", b"junk", b"[]", b"\xff"]

    found = answers(*map(signed, contents), PUBSUB_EMULATOR_HOST=topics.host)

    assert [reply["topic"] for _, reply in found] == ["rejected"] * len(contents)
    lines = log.lines(len(contents))
    assert [line["reason"] for line in lines] == ["malformed"] * len(contents)
    assert [line["messageId"] for line in lines] == [reply["messageId"] for _, reply in found]


@pytest.mark.parametrize(
    ("level", "severities"),
    [("DEBUG", ["DEBUG", "INFO"]), ("INFO", ["INFO"]), ("WARNING", [])],
)
def test_lines_below_the_configured_level_are_left_out(log: LogLines, level: str, severities: list[str]) -> None:
    get = Request("GET", {}, request(b"", {}).read)

    assert answers(get, request(b"", {}), LOG_LEVEL=level) == [(405, {"error": "method"}), (401, {"error": "unsigned"})]

    assert [line["severity"] for line in log.lines(len(severities))] == severities


@pytest.mark.parametrize(("project", "shown"), [("another", "another"), ("", "demo")])
def test_traces_belong_to_the_configured_project_or_else_to_that_of_the_topic(
    log: LogLines, project: str, shown: str
) -> None:
    answers(request(b"", {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}), GOOGLE_CLOUD_PROJECT=project)

    assert log.lines(1)[0]["logging.googleapis.com/trace"] == f"projects/{shown}/traces/{TRACE}"


def faults(**changes: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        build_receiver(environ(**changes))
    return caught.value.faults


@pytest.mark.parametrize("margins", [str, lambda path: f"\ufeff{path}\r\n"], ids=["plain", "with margins"])
def test_the_faults_of_the_secret_file_are_reported_with_the_others(
    tmp_path: Path, margins: Callable[[str], str]
) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2\nchangeme")
    fault = "DT_SIGNATURE_SECRET_FILE: line 1 has 7 bytes: at least 32 are needed"
    path = margins(str(file))

    assert faults(DT_SIGNATURE_SECRET_FILE=path)[0] == fault
    assert faults(DT_SIGNATURE_SECRET_FILE=path, LOG_LEVEL="loud")[1] == fault
    assert len(faults(DT_SIGNATURE_SECRET_FILE=path, LOG_LEVEL="loud")) == 3


def test_faults_of_the_settings_are_reported_without_those_of_the_file_if_it_has_none() -> None:
    assert [fault.partition(":")[0] for fault in faults(LOG_LEVEL="loud")] == ["LOG_LEVEL"]


class Metadata(BaseHTTPRequestHandler):
    """A metadata server that issues a limited number of tokens, each valid for a little less than two minutes."""

    asked: ClassVar[list[str]] = []
    tokens: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Return a token, or fail."""
        self.asked.append(self.path)
        if not self.tokens:
            return self.send_error(500)
        content = json.dumps({"access_token": self.tokens.pop(), "expires_in": 110}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)
        return None

    def log_message(self, *_: Any) -> None:
        """Write no log."""


@pytest.fixture
def metadata_host() -> Iterator[str]:
    Metadata.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        server.daemon_threads = False  # the server waits for its threads
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_the_metadata_server_is_asked_for_a_token_for_pubsub_without_an_emulator(
    log: LogLines, metadata_host: str
) -> None:
    found = answers(signed(), PUBSUB_EMULATOR_HOST="", GCE_METADATA_HOST=metadata_host, PUBLISH_TIMEOUT_SECONDS="0.5")

    assert found == [(503, {"error": "publish"})]
    assert "https://www.googleapis.com/auth/pubsub" in Metadata.asked[0]
    assert "the metadata server answered 500" in log.lines(1)[0]["detail"]


def test_a_token_that_cannot_be_replaced_stays_in_use_and_is_a_warning_in_the_log(metadata_host: str) -> None:
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
