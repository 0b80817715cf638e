"""credentials: the source of tokens, the requests to the metadata server, and the texts of its failures."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from function.credentials import METADATA_HOSTS, MetadataServer, _gcloud_file, token_source
from function.errors import PublishTransient
from function.google_tokens import GoogleCredentials
from tests.pace import in_time
from tests.prove.metadata_server import HANG_S, PATH, Stumble
from tests.prove.metadata_server import MetadataServer as StandIn

SCOPES = ("https://scope/a", "https://scope/b")
ENOUGH_S = 30.0


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


def source(environ: dict[str, str]) -> Any:
    return token_source(environ, SCOPES, now=time.time)


@pytest.mark.parametrize("environ", [{"K_SERVICE": "f"}, {"GCE_METADATA_HOST": "x:1"}], ids=["Cloud Run", "named"])
def test_the_metadata_server_is_asked_if_the_environment_names_one(environ: dict[str, str], tmp_path: Path) -> None:
    assert isinstance(source({**environ, "HOME": str(tmp_path)}), MetadataServer)


def test_otherwise_googles_library_looks_for_credentials(tmp_path: Path) -> None:
    assert isinstance(source({"HOME": str(tmp_path)}), GoogleCredentials)


def test_a_file_of_credentials_comes_first(tmp_path: Path) -> None:
    on_cloud_run = {"K_SERVICE": "f", "HOME": str(tmp_path)}
    assert isinstance(source({**on_cloud_run, "GOOGLE_APPLICATION_CREDENTIALS": "key.json"}), GoogleCredentials)
    folder = tmp_path / ".config" / "gcloud"
    folder.mkdir(parents=True)
    (folder / "application_default_credentials.json").touch()
    assert isinstance(source(on_cloud_run), GoogleCredentials)
    assert isinstance(source({"K_SERVICE": "f", "CLOUDSDK_CONFIG": str(folder)}), GoogleCredentials)


def test_one_request_fetches_a_token_with_the_scopes(server: StandIn) -> None:
    before = time.time()
    token = source({"GCE_METADATA_HOST": server.host})(ENOUGH_S)
    assert server.asked == [f"{PATH}?scopes={','.join(SCOPES)}"]
    assert token.metadata == (("authorization", "Bearer canary-of-token-1"),)
    assert before + 3599 <= token.expires_at <= time.time() + 3599


def test_the_address_is_asked_first_and_then_the_host_name() -> None:
    assert METADATA_HOSTS == ("169.254.169.254", "metadata.google.internal")
    with StandIn() as server:
        ask = MetadataServer([f"127.0.0.1:{closed_port()}", server.host], SCOPES, now=time.time)
        with pytest.raises(PublishTransient, match="metadata server: ConnectionRefusedError"):
            ask(ENOUGH_S)
        assert ask(ENOUGH_S).metadata
        assert ask(ENOUGH_S).metadata, "the one that answered is asked again"


class Unreachable:
    """Makes connections that always fail, and records their hosts."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    def __call__(self, host: str, timeout: float) -> "Unreachable":
        """Record the host of a new connection."""
        self.hosts.append(host)
        assert timeout == ENOUGH_S
        return self

    def connect(self) -> None:
        """Fail."""
        raise ConnectionRefusedError(111, "refused")

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Unreachable:
    made = Unreachable()
    monkeypatch.setattr("http.client.HTTPConnection", made)
    return made


def test_the_two_known_hosts_are_asked_in_turn_on_cloud_run(unreachable: Unreachable, tmp_path: Path) -> None:
    ask = source({"K_SERVICE": "f", "HOME": str(tmp_path)})
    for _ in range(3):
        with pytest.raises(PublishTransient) as caught:
            ask(ENOUGH_S)
    assert unreachable.hosts == [*METADATA_HOSTS, METADATA_HOSTS[0]]
    assert str(caught.value) == ("no access token: metadata server: ConnectionRefusedError: [Errno 111] refused")


def test_the_hosts_are_asked_in_turn_in_their_order(unreachable: Unreachable) -> None:
    ask = MetadataServer(["a", "b", "c"], SCOPES, now=time.time)
    for _ in range(4):
        with pytest.raises(PublishTransient):
            ask(ENOUGH_S)
    assert unreachable.hosts == ["a", "b", "c", "a"]


def test_gclouds_folder_without_a_file_of_credentials_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".config" / "gcloud").mkdir(parents=True)
    assert isinstance(source({"K_SERVICE": "f", "HOME": str(tmp_path)}), MetadataServer)


def test_without_a_home_gclouds_folder_is_looked_for_at_the_root() -> None:
    assert _gcloud_file({}) == Path("/.config/gcloud/application_default_credentials.json")


def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@pytest.mark.parametrize("status", [302, 400, 403, 404, 429, 500, 503])
def test_the_error_has_the_status_of_a_failed_answer_and_the_next_call_may_succeed(
    server: StandIn, status: int
) -> None:
    server.stumble(Stumble(status))
    ask = source({"GCE_METADATA_HOST": server.host})
    with pytest.raises(PublishTransient, match=f"no access token: the metadata server answered {status}"):
        ask(ENOUGH_S)
    assert ask(ENOUGH_S).metadata


def test_a_metadata_server_that_hangs_times_out(server: StandIn) -> None:
    server.stumble(Stumble(seconds=HANG_S))
    began_at = time.monotonic()
    with pytest.raises(PublishTransient, match="no access token: metadata server: TimeoutError"):
        source({"GCE_METADATA_HOST": server.host})(0.2)
    in_time(time.monotonic() - began_at, 1)


REPLIES = {
    "no JSON": b"<html>canary</html>",
    "no token": b'{"expires_in": 5}',
    "no text": b'{"access_token": 5, "expires_in": 5}',
    "no number": b'{"access_token": "canary", "expires_in": "soon"}',
    "cut": b'{"access_token": "canary"',
    "a line break": b'{"access_token": "canary\\nx: y", "expires_in": 5}',
    "not ASCII": '{"access_token": "canary\u00e9", "expires_in": 5}'.encode(),
    "not UTF-8": b'{"access_token": "canary\xff", "expires_in": 5}',
    "nothing": b"",
    "an empty token": b'{"access_token": "", "expires_in": 5}',
    "a token of two words": b'{"access_token": "canary canary", "expires_in": 5}',
    "a token behind 64 KiB": b'{"more": "%s", "access_token": "canary", "expires_in": 5}' % (b"x" * 65_536),
    "a token longer than a call may have": b'{"access_token": "%s", "expires_in": 5}' % (b"canary" * 2_000),
}


@pytest.mark.parametrize("reply", REPLIES)
def test_the_error_of_a_reply_without_a_token_does_not_quote_the_reply(reply: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                body = REPLIES[reply]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(PublishTransient) as caught:
            source({"GCE_METADATA_HOST": f"127.0.0.1:{listening.getsockname()[1]}"})(ENOUGH_S)
        thread.join()
    assert str(caught.value) == "no access token: the metadata server's reply is not one"


@pytest.mark.parametrize("life_s", [0, -5])
def test_an_expired_token_is_refused_and_the_next_call_may_succeed(server: StandIn, life_s: int) -> None:
    ask = source({"GCE_METADATA_HOST": server.host})
    server.life_s = life_s
    with pytest.raises(PublishTransient, match=r"^no access token: the metadata server's token has expired$"):
        ask(ENOUGH_S)
    server.life_s = 1
    assert ask(ENOUGH_S).metadata


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_a_reply_that_arrives_byte_by_byte_times_out(start: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(start)
                while True:
                    connection.sendall(b" ")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        began_at = time.monotonic()
        with pytest.raises(PublishTransient, match="no access token"):
            source({"GCE_METADATA_HOST": f"127.0.0.1:{listening.getsockname()[1]}"})(0.3)
        in_time(time.monotonic() - began_at, 2)
        thread.join()


def test_the_error_says_that_the_server_does_not_speak_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            listening.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(PublishTransient, match="no access token: metadata server: "):
            source({"GCE_METADATA_HOST": f"127.0.0.1:{listening.getsockname()[1]}"})(ENOUGH_S)
        thread.join()
