"""The wrapper of the ``disruptive`` package: one attempt for each call, whatever the answer; no state between calls."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import disruptive
import pytest
from disruptive.authentication import ServiceAccountAuth

from deploy.dt.calls import Credentials, DtRequest
from deploy.dt.transport import DisruptiveTransport
from deploy.function_https import post as post_to_function
from deploy.google import rest as google_api
from deploy.network import DIRECT, GcloudNetwork
from deploy.secret import Secret

CREDENTIALS = Credentials("key", Secret("do-not-tell"), "sa@p.serviceaccount.d21s.com")
SERVER_S = 1_800_000_000.0
Answer = tuple[int, dict[str, str], str]
TOKEN: Answer = (200, {}, json.dumps({"access_token": "t", "expires_in": 3600}))


class Server(ThreadingHTTPServer):
    """A stand-in for DT with prepared answers."""

    answers: list[Answer]
    asked: list[str]
    authorized: list[str | None]


class Handler(BaseHTTPRequestHandler):
    """Sends the next of its server's answers, and closes the connection if there is none."""

    def answer(self) -> None:
        """Answer any request."""
        server = cast("Server", self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        server.asked.append(f"{self.command} {self.path} {body}")
        server.authorized.append(self.headers.get("Authorization"))
        if not server.answers:
            return
        status, headers, text = server.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return a fixed time."""
        return super().date_time_string(SERVER_S if timestamp is None else timestamp)

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  # the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.asked, server.authorized = [TOKEN], [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    here = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(disruptive, "base_url", f"{here}/v2")
    monkeypatch.setattr(disruptive, "emulator_base_url", f"{here}/emulator")
    monkeypatch.setattr(ServiceAccountAuth, "token_endpoint", f"{here}/token")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


POST = DtRequest("POST", "/projects/p/dataconnectors", {"status": "ACTIVE"})


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 409, 429, 500, 503, 504])
def test_a_call_is_made_once_with_any_answer(server: Server, status: int) -> None:
    server.answers.append((status, {"Retry-After": "7"}, '{"error": "so"}'))
    answer = DisruptiveTransport(CREDENTIALS)(POST)
    assert (answer.status, answer.retry_after, dict(answer.body)) == (status, "7", {"error": "so"})
    assert server.asked[1:] == ['POST /v2/projects/p/dataconnectors {"status": "ACTIVE"}']


def test_the_text_of_a_success_is_kept_as_dt_wrote_it(server: Server) -> None:
    server.answers += [(200, {}, '\ufeff{"a": 27.0, "b": "\u00e6"}'), (403, {}, '{"error": "Bearer t"}')]
    transport = DisruptiveTransport(CREDENTIALS)
    assert [transport(POST).text, transport(POST).text] == ['{"a": 27.0, "b": "\u00e6"}', ""]


def test_one_parameter_can_have_several_values(server: Server) -> None:
    server.answers.append((200, {}, "{}"))
    DisruptiveTransport(CREDENTIALS)(DtRequest("GET", "/x", params={"eventTypes": ["touch", "co2"]}))
    assert server.asked[1:] == ["GET /v2/x?eventTypes=touch&eventTypes=co2 "]


def test_gclouds_configuration_is_read_only_if_dt_does_not_answer(server: Server) -> None:
    asked: list[str] = []

    def network() -> GcloudNetwork:
        asked.append("gcloud config list")
        return DIRECT

    transport = DisruptiveTransport(CREDENTIALS, network)
    server.answers.append((200, {}, "{}"))
    assert (transport(POST).status, asked) == (200, [])
    assert (transport(POST).status, asked) == (0, ["gcloud config list"])


@pytest.mark.parametrize("answer", [(502, {}, "<html>"), (204, {}, ""), (200, {}, "")])
def test_an_answer_that_is_not_json_counts_as_no_answer(server: Server, answer: Answer) -> None:
    server.answers.append(answer)
    assert DisruptiveTransport(CREDENTIALS)(POST).status == 0


@pytest.mark.parametrize("text", ["[]", "null", '"x"', "7"])
def test_a_success_of_unexpected_form_counts_as_no_answer_and_a_refusal_as_refusal(server: Server, text: str) -> None:
    transport = DisruptiveTransport(CREDENTIALS)
    server.answers += [(200, {}, text), (403, {}, text)]
    answers = [transport(POST), transport(POST)]
    assert [(answer.status, isinstance(answer.body, dict)) for answer in answers] == [(0, True), (403, True)]


def test_a_connection_that_closes_without_an_answer_is_not_retried(server: Server) -> None:
    assert DisruptiveTransport(CREDENTIALS)(POST).status == 0
    assert len(server.asked) == 2


def test_parameters_of_one_call_are_not_in_the_next(server: Server) -> None:
    transport = DisruptiveTransport(CREDENTIALS)
    for params in ({"pageToken": "x"}, {}):
        server.answers.append((200, {}, "{}"))
        transport(DtRequest("GET", "/projects", params=params))
    assert server.asked[1:] == ["GET /v2/projects?pageToken=x ", "GET /v2/projects "]


def test_calls_of_the_emulator_go_to_its_address(server: Server) -> None:
    server.answers.append((200, {}, "{}"))
    DisruptiveTransport(CREDENTIALS)(DtRequest("DELETE", "/projects/p/devices/d", emulator=True))
    assert server.asked[1:] == ["DELETE /emulator/projects/p/devices/d "]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((400, {}, '{"error": "invalid_grant"}'), 401),
        ((200, {}, "{}"), 0),
        ((200, {}, "<html>"), 0),
        ((200, {}, "[]"), 0),
    ],
)
def test_a_failed_login_is_returned_as_an_answer(server: Server, answer: Answer, status: int) -> None:
    server.answers[:] = [answer]
    assert DisruptiveTransport(CREDENTIALS)(POST).status == status


def test_credentials_are_hidden_in_every_representation(server: Server) -> None:
    server.answers.append((401, {}, "{}"))
    transport: Any = DisruptiveTransport(CREDENTIALS)
    assert "do-not-tell" not in f"{CREDENTIALS} {transport!r} {transport(POST)} {server.asked}"


@pytest.mark.parametrize(
    ("ahead_s", "message"),
    [
        (300.0, "the clock of this machine is 300 s ahead of DT's"),
        (-4000.0, "the clock of this machine is 4000 s behind DT's"),
        (1.0, "the service account's key was refused"),
    ],
)
def test_a_login_that_fails_because_of_a_wrong_clock_is_reported_as_that(
    server: Server, ahead_s: float, message: str
) -> None:
    server.answers = [(400, {}, '{"error": "invalid_grant: The token is not yet valid (iat)"}'), (405, {}, "")]
    answer = DisruptiveTransport(CREDENTIALS, now=lambda: SERVER_S + ahead_s)(DtRequest("GET", "/projects/p"))
    assert answer.status == 401
    assert message in answer.body["error"]


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``.netrc`` with a login for every host is in the home folder."""
    file = tmp_path / ".netrc"
    file.write_text("default login anonymous password guest@example.com\n")
    file.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))


@pytest.mark.usefixtures("netrc")
def test_a_login_in_netrc_is_sent_neither_to_dt_nor_in_place_of_its_token(server: Server) -> None:
    server.answers.append((200, {}, "{}"))
    DisruptiveTransport(CREDENTIALS)(POST)
    assert server.authorized == [None, "Bearer t"]


@pytest.mark.usefixtures("netrc")
def test_a_login_in_netrc_is_not_sent_to_google(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers[:] = [(200, {}, '{"permissions": ["a"]}')]
    monkeypatch.setattr(google_api, "_PERMISSIONS_URL", f"http://127.0.0.1:{server.server_port}/{{api}}/{{resource}}")
    assert google_api.test_permissions("projects/p", ["a"], Secret("google-token")) == {"a"}
    assert server.authorized == ["Bearer google-token"]


@pytest.mark.usefixtures("netrc")
def test_a_login_in_netrc_is_not_sent_to_the_function(server: Server) -> None:
    server.answers[:] = [(401, {}, "unsigned")]
    assert post_to_function(f"http://127.0.0.1:{server.server_port}/", b"{}", {})[:2] == (401, "unsigned")
    assert server.authorized == [None]


@pytest.mark.usefixtures("netrc")
def test_a_proxy_in_the_environment_is_still_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    server.answers[:] = [(401, {}, "unsigned")]
    assert post_to_function("http://function.example/", b"{}", {})[:2] == (401, "unsigned")
    assert server.asked == ["POST http://function.example/ {}"]


def test_neither_the_token_nor_the_signed_claim_of_a_login_is_shown_where_dt_quotes_it(server: Server) -> None:
    token = "a-token-that-is-good-for-an-hour"
    quoted = {"error": f"Bearer {token} is refused"}
    server.answers = [(200, {}, json.dumps({"access_token": token, "expires_in": 3600})), (403, {}, json.dumps(quoted))]
    assert DisruptiveTransport(CREDENTIALS)(DtRequest("GET", "/projects/p")).body["error"] == "Bearer *** is refused"


def test_the_signed_claim_of_a_login_is_not_shown_where_dt_quotes_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.dt.transport.create_jwt", lambda *_: "a-claim-that-logs-in-for-an-hour")
    server.answers = [(500, {}, '{"error": "bad assertion=a-claim-that-logs-in-for-an-hour&grant"}')]
    assert (
        DisruptiveTransport(CREDENTIALS)(DtRequest("GET", "/projects/p")).body["error"]
        == "could not log in: bad assertion=***&grant"
    )


def test_several_threads_log_in_once(server: Server) -> None:
    transport = DisruptiveTransport(CREDENTIALS)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: transport.log_in(), range(4))) == [None] * 4
    assert [line.partition(" ")[0] for line in server.asked] == ["POST"]


def test_a_login_that_fails_is_answered_with_why(server: Server) -> None:
    server.answers[:] = [(401, {}, "{}")]
    failed = DisruptiveTransport(CREDENTIALS).log_in()
    assert failed is not None
    assert (failed.status, failed.was_sent) == (401, False)
