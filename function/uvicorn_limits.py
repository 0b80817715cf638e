"""uvicorn's reader of HTTP, with limits for what is not body, and no answer that contradicts another.

``httptools`` collects a head of any length, which takes memory, and time that grows with the square of that length;
and uvicorn lets a client take any time for a head. Both are limited here. Some things are done otherwise:

* Bytes that are no HTTP after a whole request do not answer that request with 400: it is answered, and then the
  connection ends. uvicorn would send 400 and publish the event all the same.
* ``Upgrade`` is passed over, as RFC 9110 §7.8 allows. ``httptools`` takes a request that asks for another protocol
  for one without a body. Java's HttpClient and ``curl --http2`` send ``Upgrade: h2c`` with every first request.
* A connection that sends nothing is closed after a while.
* A client that has closed its half of the connection gets its answer.
* Trailers do not become headers.
"""

import asyncio

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 16_384
"""Bytes that may come before the head ends or a part of the body is there. DT's heads have some 800."""

HEAD_S = 10.0
"""Seconds that a client may take for a head, from its first byte on."""

SMALL_CHUNKS = 1024
"""Chunks of a body of any size. More are allowed if they hold ``CHUNK_BYTES`` on average."""

CHUNK_BYTES = 64

KEEP_ALIVE_S = 620
"""Seconds that an idle connection is kept. Google's load balancers keep theirs for 600, and have to be the first.

https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries
"""


class BoundedHttp(HttpToolsProtocol):
    """One connection. ``main.py`` names it to uvicorn."""

    _non_body_bytes = 0
    _body_bytes: int
    chunks: int
    """Chunks of the body so far."""
    _is_in_head = False
    _is_upgrade = False
    _is_over = False
    _running: RequestResponseCycle | None = None
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request only as long as for a next one."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_head_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, or refuse and end the connection."""
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
        """Answer a whole request also if its sender says that nothing more comes; it is not gone."""
        is_waited_for = self._is_answering()
        if is_waited_for:
            self._end()
        return is_waited_for

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_in_head = True
        self.chunks = self._body_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head ends: begin to count anew."""
        if self._non_body_bytes > HEAD_BYTES and self._head_bytes() > HEAD_BYTES:
            raise httptools.HttpParserError  # answered with the same 400 as any other
        self._non_body_bytes = 0
        self._is_upgrade = self.parser.should_upgrade()
        if self._is_upgrade:  # it comes again, without
            return
        self._is_in_head = False
        self._stop_head_timer()
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, and pass over a trailer: it is no header (RFC 9110 §6.5.1)."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_chunk_header(self) -> None:
        """Refuse a body of very many small chunks: each takes as much time as one of 64 KiB."""
        self.chunks += 1
        if (self.chunks - SMALL_CHUNKS) * CHUNK_BYTES > self._body_bytes:
            raise httptools.HttpParserError

    def on_body(self, body: bytes) -> None:
        """Begin to count anew."""
        self._non_body_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
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
        """Read the head that has just been read once more, without the header that asks for another protocol."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            raise httptools.HttpParserError
        headers = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(b"\r\n".join([method + b" " + self.url + b" HTTP/" + version, *headers, b"", b""]))

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _watch_head(self) -> None:
        """Start the clock when a head has begun and has not ended, or bytes have come that begin none."""
        is_idle = self._running is None or self._running.response_complete
        if (self._is_in_head or is_idle) and self._head_timer is None and not self._is_over:
            self._head_timer = self.loop.call_later(HEAD_S, self._end, "Request head took too long.")

    def _is_answering(self) -> bool:
        """Whether a request is whole and its answer is not."""
        return self._running is not None and not (self._running.response_complete or self._running.more_body)

    def _stop_head_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _end(self, message: str = "") -> None:
        """Read nothing more. Answer the request that is whole, if there is one, or else 400."""
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
