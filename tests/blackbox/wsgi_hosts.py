"""``python -m tests.blackbox.wsgi_hosts SERVER PORT MAIN``: the WSGI adapter behind one of six servers.

Support for tests, not a test.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from wsgiref import simple_server

import cheroot.wsgi
import functions_framework
import waitress
import werkzeug.serving
from flask import Flask

from tests.blackbox.serving import Function

HOST = "127.0.0.1"


def _wsgiref(app: Flask, port: int) -> None:
    with simple_server.make_server(HOST, port, app) as server:
        server.serve_forever()


def _cheroot(app: Flask, port: int) -> None:
    cheroot.wsgi.Server((HOST, port), app).start()


def _waitress(app: Flask, port: int) -> None:
    waitress.serve(app, host=HOST, port=port)


def _werkzeug(app: Flask, port: int) -> None:
    werkzeug.serving.run_simple(HOST, port, app)


SERVERS: dict[str, Callable[[Flask, int], None]] = {
    "wsgiref": _wsgiref,
    "cheroot": _cheroot,
    "waitress": _waitress,
    "werkzeug": _werkzeug,
}
HOSTS = ("gunicorn", "functions-framework --debug", "flask run", *SERVERS)
"""functions-framework serves with gunicorn, unless it is started in debug mode."""


class Host(Function):
    """The WSGI entry point behind a server, whose name replaces the target; the server's own output is separate."""

    def _command(self, entry_point: str, source: Path) -> list[str]:
        if entry_point in SERVERS:
            return [sys.executable, "-m", "tests.blackbox.wsgi_hosts", entry_point, str(self.port), str(source)]
        if entry_point == "flask run":
            app = f"functions_framework:create_app('ingest_wsgi', '{source}')"
            return [sys.executable, "-m", "flask", "--app", app, "run", f"--host={HOST}", f"--port={self.port}"]
        command = super()._command("ingest_wsgi", source)
        return [*command, "--debug"] if entry_point.endswith("--debug") else command

    def lines(self) -> list[dict[str, Any]]:
        """Return the function's lines; Flask prints lines of its own to standard output, too."""
        return [json.loads(line) for line in self.output().split("\n")[:-1] if line.startswith("{")]

    @contextlib.contextmanager
    def _outputs(self, home: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        with super()._outputs(home) as (output, _), (home / f"{self.port}.errors").open("wb") as errors:
            yield output, errors


def main() -> None:
    """Run the command."""
    server, port, source = sys.argv[1:]
    app = functions_framework.create_app("ingest_wsgi", source)  # type: ignore[no-untyped-call]
    SERVERS[server](app, int(port))


if __name__ == "__main__":
    main()
