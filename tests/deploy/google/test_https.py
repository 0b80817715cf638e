"""One HTTPS call: what is sent, what comes back, and what is said if nothing does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.google.calls import Answer, Call
from deploy.google.https import send
from tests.emulators.processes import free_port


class _Handler(BaseHTTPRequestHandler):
    """Answers with the request, or as the path says. Connections stay open."""

    protocol_version = "HTTP/1.1"
    connections: set[object]

    def do_POST(self) -> None:
        self.connections.add(self.client_address)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/silent":
            threading.Event().wait(2)
        answer = b"<html>" if self.path == "/html" else json.dumps({**json.loads(body), "path": self.path}).encode()
        self.send_response(429 if self.path == "/busy" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # the base class's name
        """Write no log."""


@contextmanager
def server() -> Iterator[str]:
    """Serve on a free port; give the URL."""
    _Handler.connections = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as served:
        serving = threading.Thread(target=served.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        serving.join()


def test_calls_of_a_thread_share_a_connection_and_have_their_parameters() -> None:
    with server() as url:
        first = send(Call("POST", f"{url}/one", {"a": 1}, params={"b": "c"}))
        second = send(Call("POST", f"{url}/busy", {}))
        assert (first, second.status) == (Answer(200, {"a": 1, "path": "/one?b=c"}), 429)
        assert len(_Handler.connections) == 1


def test_an_answer_that_is_no_json_has_its_status_alone() -> None:
    with server() as url:
        assert send(Call("POST", f"{url}/html", {})) == Answer(200)


@pytest.mark.parametrize(("date", "at"), [("Mon, 02 Nov 2026 08:13:16 GMT", 1_793_607_196.0), ("soon", None)])
def test_an_answer_has_the_time_that_the_server_says(
    monkeypatch: pytest.MonkeyPatch, date: str, at: float | None
) -> None:
    monkeypatch.setattr(_Handler, "date_time_string", lambda *_: date)
    with server() as url:
        assert send(Call("POST", f"{url}/one", {})).at == at


def test_a_server_that_does_not_answer_in_time_is_silent_and_the_next_call_has_a_new_connection() -> None:
    with server() as url:
        answer = send(Call("POST", f"{url}/silent", {}, read_s=0.1))
        assert (answer.status, answer.is_silent) == (0, True)
        assert answer.why == "no answer from 127.0.0.1 in time"
        assert send(Call("POST", f"{url}/one", {})).status == 200
        assert len(_Handler.connections) == 2


def test_a_server_that_is_not_there_is_named_with_what_may_help() -> None:
    answer = send(Call("POST", f"http://127.0.0.1:{free_port()}/", {}))
    assert (answer.status, answer.is_silent, answer.why) == (0, False, "no connection to 127.0.0.1")
    assert answer.fix
