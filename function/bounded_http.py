"""uvicorn's reader of HTTP, with a limit for what is not body: the head of a request, and trailers.

``httptools`` collects a head of any length, which takes memory, and time that grows with the square of that length.
``h11``, which uvicorn takes without it, stops at 64 KiB, too.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 65_536
"""So many bytes at most, and what has come with them at once, before the head ends or a part of the body is there."""


class BoundedHttp(HttpToolsProtocol):
    """One connection. ``main.py`` names it to uvicorn."""

    _bytes_of_no_body = 0

    def data_received(self, data: bytes) -> None:
        """Read on, or answer 400 and end the connection."""
        self._bytes_of_no_body += len(data)
        super().data_received(data)
        if self._bytes_of_no_body > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("Request head too long.")

    def on_headers_complete(self) -> None:
        """Begin to count anew."""
        self._bytes_of_no_body = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Begin to count anew."""
        self._bytes_of_no_body = 0
        super().on_body(body)
