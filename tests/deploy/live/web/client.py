"""A running page, and a client of it that is no browser, so that it can send what no browser sends."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from deploy.live.feed import Connection, Feed
from deploy.live.web.curl import signing
from deploy.live.web.server import LivePage
from deploy.live.web.shown import Shown, Source

PATIENCE_S = 20.0


@dataclass
class Site:
    """A running page with its feed. ``said``: what it wrote to the terminal."""

    feed: Feed
    connection: Connection
    page: LivePage
    said: list[str]
    cookie: str = ""

    def get(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> "Heard":
        """Send a request with the session's cookie, unless the headers have another one. None leaves one out."""
        sent = {"Host": f"127.0.0.1:{self.page.server_port}", "Cookie": self.cookie, **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.page.server_port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                for part in value.split("\n"):
                    connection.putheader(name, part)
            connection.endheaders()
            answer = connection.getresponse()
            return Heard(answer.status, answer.headers, answer.read())

    def enter(self) -> "Heard":
        """Open the address as a user does, and keep the cookie."""
        answer = self.get(self.page.address.partition(str(self.page.server_port))[2])
        self.cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
        return answer

    @contextlib.contextmanager
    def stream(self, last_id: str = "") -> Iterator["Frames"]:
        """Open a stream of events."""
        with socket.create_connection(("127.0.0.1", self.page.server_port), PATIENCE_S) as link:
            last = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
            head = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n{last}\r\n"
            link.sendall(head.encode())
            with link.makefile("rb") as file:
                yield Frames(file)


@dataclass(frozen=True)
class Heard:
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Frames:
    """The frames of a stream, as they come."""

    file: BinaryIO
    head: bytes = b""
    seen: list[dict[str, str]] = field(default_factory=list)

    def next(self) -> dict[str, str]:
        """Return the next frame as field -> value. Raises ``EOFError`` at the end of the stream."""
        if not self.head:
            self.head = self._block()
        lines = self._block().decode().splitlines()
        self.seen.append(dict(line.split(": ", 1) for line in lines if ": " in line))
        return self.seen[-1]

    def first(self, event: str) -> tuple[Any, str]:
        """Return the data and the id of the next frame with this event."""
        while True:
            frame = self.next()
            if frame.get("event") == event:
                return json.loads(frame["data"]), frame.get("id", "")

    def numbers(self, until: int) -> list[int]:
        """Return the numbers of the next messages, up to this one."""
        found: list[int] = []
        while not found or found[-1] < until:
            found += [message["number"] for message in self.first("events")[0]]
        return found

    def _block(self) -> bytes:
        """Return the lines up to the next empty one."""
        found = b""
        while (read := self.file.readline()).strip():
            found += read
        if not read:
            raise EOFError
        return found


@contextlib.contextmanager
def serving(
    feed: Feed | None = None,
    *,
    run: str = "run1",
    title: str = "subscription dt-events of my-project",
    port: int = 0,
    beat_s: float = 0.1,
    write_s: float = 20.0,
    host_names: tuple[str, ...] = (),
    now: Callable[[], float] = time.time,
) -> Iterator[Site]:
    """Start a page whose connection to Pub/Sub is live."""
    said: list[str] = []
    feed, connection = feed or Feed(), Connection(now)
    connection.set("live")
    shown = Shown(
        Source(run, title),
        feed,
        connection,
        lambda message, file: signing(message.data, file),
        said.append,
        host_names=host_names,
        beat_s=beat_s,
        write_s=write_s,
    )
    with LivePage(shown, port).open() as page:
        yield Site(feed, connection, page, said)


def first_texts(address: str) -> list[str]:
    """Open the address of a page as a browser does, and return what its first events say."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", f"{parts.path}?{parts.query}")
        cookie = connection.getresponse().headers["Set-Cookie"].partition(";")[0]
    with socket.create_connection((parts.hostname or "", parts.port or 0), PATIENCE_S) as link:
        link.sendall(f"GET /events HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\n\r\n".encode())
        with link.makefile("rb") as file:
            return [str(event["text"]) for event in Frames(file).first("events")[0]]


def eventually(is_so: Callable[[], bool]) -> bool:
    """Wait until something is so; return False if it never is."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.01)
    return True
