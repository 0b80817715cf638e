"""An endpoint of push subscriptions: keeps the requests that it gets, and answers as a test says."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue


@dataclass
class Endpoint:
    """Answers with the next of ``statuses``, at last with 204. ``bodies``: headers and body of each request."""

    url: str = ""
    bodies: "Queue[tuple[dict[str, str], bytes]]" = field(default_factory=Queue)
    statuses: list[int] = field(default_factory=list)


@contextlib.contextmanager
def listening() -> Iterator[Endpoint]:
    """Serve an endpoint on a free port of the loopback address."""
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            endpoint.bodies.put((dict(self.headers.items()), body))
            self.send_response(endpoint.statuses.pop(0) if endpoint.statuses else 204)
            self.end_headers()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        endpoint.url = f"http://127.0.0.1:{server.server_port}/push?token=t"
        yield endpoint
        server.shutdown()
        serving.join()
