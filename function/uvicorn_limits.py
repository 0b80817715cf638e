"""uvicorn's HTTP protocol with limits for request heads and chunks.

``httptools`` collects a head of any length, which takes memory, and time that grows with the square of the length.
uvicorn lets a client take any time for a head. This class limits both. It differs from uvicorn in further ways:

* If invalid bytes follow a complete request, the request is answered, and then the connection ends. uvicorn would
  answer 400, although the event is published.
* ``Upgrade`` is ignored, as RFC 9110 §7.8 allows. ``httptools`` assumes that a request with ``Upgrade`` has no body,
  but Java's HttpClient and ``curl --http2`` send ``Upgrade: h2c`` with every first request.
* A connection on which nothing arrives is closed after the keep-alive time.
* A client that has closed its half of the connection gets its answer.
* Trailers do not become headers.
"""

import asyncio

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["STATUS_LINE", "ASGI3Application", "BoundedHttp", "RequestResponseCycle"]

HEAD_BYTES = 16_384
"""Maximum bytes, plus those of one read, before the head ends or body data arrive. DT's heads have about 800."""

HEAD_S = 10.0
"""Timeout of a head in seconds, from its first byte on."""

SMALL_CHUNKS = 1024
"""Number of chunks that a body of any size may have. More are allowed if they have ``CHUNK_BYTES`` on average."""

CHUNK_BYTES = 64

KEEP_ALIVE_S = 620
"""Seconds for which an idle connection is kept. Google's load balancers close theirs after 600 s, and must be first.

https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries
"""


class BoundedHttp(HttpToolsProtocol):
    """The protocol of one connection. ``main.py`` registers it with uvicorn."""

    _non_body_bytes = 0
    _body_bytes: int
    chunks: int
    """Chunks of the body so far."""
    _is_in_head: bool
    _is_upgrade: bool
    _is_over = False
    _running: RequestResponseCycle | None = None
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Apply the keep-alive timeout to the first request, too."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_head_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the bytes, or answer 400 and end the connection."""
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        self._non_body_bytes += len(data)
        try:
            self._feed(memoryview(data))
        except httptools.HttpParserError:
            self._end("Invalid HTTP request received.")
        if self._non_body_bytes > HEAD_BYTES:
            self._end("Request head too long.")
        self._watch_head()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Return whether the connection stays open: a client with a complete request waits for its answer."""
        is_waited_for = self._is_answering()
        if is_waited_for:
            self._end()
        return is_waited_for

    def on_message_begin(self) -> None:
        """Reset the counters, because a head begins."""
        self._is_in_head = True
        self.chunks = self._body_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Check the size of the head, and start to count again after it."""
        if self._non_body_bytes > HEAD_BYTES and self._head_bytes() > HEAD_BYTES:
            raise httptools.HttpParserError  # answered with 400, as other invalid requests
        self._non_body_bytes = 0
        self._is_upgrade = self.parser.should_upgrade()
        if self._is_upgrade:  # the head is parsed again without the header
            return
        self._is_in_head = False
        self._stop_head_timer()
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Accept a header, but ignore a trailer, which is not a header (RFC 9110 §6.5.1)."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_chunk_header(self) -> None:
        """Refuse a body of very many small chunks, because each chunk takes as much time as one of 64 KiB."""
        self.chunks += 1
        if (self.chunks - SMALL_CHUNKS) * CHUNK_BYTES > self._body_bytes:
            raise httptools.HttpParserError

    def on_body(self, body: bytes) -> None:
        """Start to count again after a part of the body."""
        self._non_body_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request, unless its head is about to be parsed again."""
        if not self._is_upgrade:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _feed(self, data: memoryview) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._feed_without_upgrade()
            else:
                return

    def _feed_without_upgrade(self) -> None:
        """Parse the last head again without its ``Upgrade`` header."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            raise httptools.HttpParserError
        headers = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(b"\r\n".join([method + b" " + self.url + b" HTTP/" + version, *headers, b"", b""]))

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _watch_head(self) -> None:
        """Start the head's timer if a head is incomplete, or if bytes have arrived that do not begin a head."""
        is_idle = self._running is None or self._running.response_complete
        if (is_idle or self._is_in_head) and self._head_timer is None and not self._is_over:
            self._head_timer = self.loop.call_later(HEAD_S, self._end, "Request head took too long.")

    def _is_answering(self) -> bool:
        """Return whether a request is complete and its answer is not."""
        return self._running is not None and not (self._running.response_complete or self._running.more_body)

    def _stop_head_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _end(self, message: str = "") -> None:
        """Stop reading. Answer the complete request if there is one, or else 400 with this message."""
        if self._is_over:
            return
        self._is_over = True
        self._stop_head_timer()
        if self._running and self._is_answering():
            self._running.keep_alive = False
            self.cycle = self._running
            self.pipeline.clear()
        elif not self.transport.is_closing():
            self.send_400_response(message)
