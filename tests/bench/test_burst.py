"""A burst to one instance: what is not answered in time is sent again, and every loss is counted."""

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.bench.burst import Burst, burst

pytestmark = [pytest.mark.tools, pytest.mark.timeout(60)]


class Function(ThreadingHTTPServer):
    """Answers each request after ``takes_s``; ``kept``: the messages that its broker has.

    ``forgets``: it acknowledges every second event without a message. ``hangs``: it answers only when it ends.
    """

    def __init__(self, takes_s: float = 0.0, *, forgets: bool = False, hangs: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept: list[str] = []
        self.most_at_once = self.at_once = self.number = 0
        self.takes_s, self.forgets, self.hangs = takes_s, forgets, hangs
        self.has_ended = threading.Event()

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """Serve in a thread, on a port of this machine."""
        with self:
            threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
            try:
                yield self.server_port
            finally:
                self.has_ended.set()
                self.shutdown()

    def relay(self, body: bytes) -> bytes:
        """Publish an event, and return the answer."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.takes_s)
        if self.hangs:
            self.has_ended.wait(30)
        self.at_once -= 1
        self.number += 1
        if not (self.forgets and self.number % 2):
            self.kept.append(f"{self.number} {hashlib.sha256(body).hexdigest()}")
        return b'{"messageId":"%d"}' % self.number


class Handler(BaseHTTPRequestHandler):
    """One connection to the function."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one write; the second would wait for the acknowledgement of the first
    server: Function

    def do_POST(self) -> None:
        """Answer."""
        answer = self.server.relay(self.rfile.read(int(self.headers["Content-Length"])))
        with contextlib.suppress(ConnectionError):  # the sender no longer waits
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def seen(function: Function, wanted: Burst) -> dict[str, Any]:
    with function.serving() as port:
        return burst(port, wanted, lambda: function.kept)


def test_every_event_of_a_burst_arrives_and_one_request_comes_at_a_time() -> None:
    function = Function(0.001)
    found = seen(function, Burst(200.0, 0.5))
    assert (found["events"], found["unanswered"], found["lost"], found["twice"]) == (100, 0, 0, 0)
    assert function.most_at_once == 1
    assert 0.0 < found["longest_s"] < found["lasted_s"]


def test_what_waits_for_too_long_is_sent_again_and_no_event_is_lost() -> None:
    found = seen(Function(0.02), Burst(100.0, 0.4, attempt_s=0.3))
    assert found["refused"] > 0
    assert (found["events"], found["unanswered"], found["lost"]) == (40, 0, 0)
    assert found["longest_s"] > 1.0  # the pause after the first attempt


def test_a_function_that_acknowledges_events_and_drops_them_is_caught() -> None:
    found = seen(Function(forgets=True), Burst(200.0, 0.2))
    assert (found["events"], found["unanswered"]) == (40, 0)
    assert found["lost"] >= 20


def test_events_that_are_never_answered_are_counted() -> None:
    function = Function(hangs=True)
    found = seen(function, Burst(50.0, 0.1, attempt_s=0.05, patience_s=0.5))
    assert (found["events"], found["unanswered"], found["lost"]) == (5, 5, 5)
    assert found["refused"] >= 5
