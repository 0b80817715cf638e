"""Google's front end: forwards requests to the URL of a service or function, if the caller may invoke it."""

import contextlib
import secrets
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

from tests.emulators.clouds.exchange import Answer, Request
from tests.emulators.clouds.google.run import Run
from tests.emulators.clouds.google.served_requests import ServedRequests
from tests.emulators.clouds.google.service import Service

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "host"})
_NOT_PASSED_ON = _HOP_BY_HOP | {"content-length", "transfer-encoding", "date", "server"}
TIMEOUT_S = 60.0


class FrontDoor:
    """The front end for all hosts of ``run.app`` and ``cloudfunctions.net``.

    ``before_each`` is called before each request to a function: its mounted secrets may have changed meanwhile.
    """

    def __init__(self, run: Run, project: str, requests: ServedRequests, before_each: Callable[[], None]) -> None:
        self._run = run
        self._requests = requests
        self._project = project
        self._before_each = before_each

    def serve(self, request: Request) -> Answer:
        """Answer a request to the URL of a service or of its function, and count it."""
        service, target = self._addressed(request)
        revision = service.chosen() if service else None
        if service is None or revision is None:
            return _page(404, "Error: Page not found")
        if self._run.is_open(service):
            self._before_each()
            answer = _forwarded(request, revision.port, target)
        else:
            sentence = "Your client does not have permission to get URL from this server."
            answer = _page(403, f"Error: Forbidden<h2>{sentence}")
        self._requests.add(service.name, service.region, revision.name, answer.status)
        return answer

    def _addressed(self, request: Request) -> tuple[Service | None, str]:
        target = request.target
        for service in list(self._run.services.values()):
            if request.host == service.host(self._project):
                return service, target
            if request.host == service.function_host and request.path.split("/")[1] == service.name:
                rest = target.removeprefix(f"/{service.name}")
                return service, rest if rest.startswith("/") else f"/{rest}"
        return None, target


def _page(status: int, text: str) -> Answer:
    return Answer(status, f"<html><body><h1>{text}</h1></body></html>".encode(), {"Content-Type": "text/html"})


def _forwarded(request: Request, port: int, target: str) -> Answer:
    """Forward a request to the function, with the headers that Google's front end adds, and return the answer."""
    trace = request.headers.get("traceparent", f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01")
    headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
    headers.update({"Host": request.host, "X-Forwarded-Proto": "https", "traceparent": trace})
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)) as connection:
        try:
            connection.request(request.method, target, request.body, headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException):
            return _page(503, "Service Unavailable")
    kept = {name: value for name, value in response.getheaders() if name.lower() not in _NOT_PASSED_ON}
    return Answer(response.status, body, kept)
