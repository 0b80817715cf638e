"""Faults of the clouds on demand, by host, method and path."""

import fnmatch
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.clouds.exchange import Answer, Request


@dataclass
class Fault:
    """One fault, for ``times`` requests. Host, method and path are shell patterns.

    ``answer``: sent instead of handling the request. ``is_dropped``: the request is handled, then the connection is
    closed without an answer. ``delay_s``: seconds to wait before the request is handled.
    """

    times: int
    answer: Answer | None = None
    is_dropped: bool = False
    delay_s: float = 0.0
    host: str = "*"
    method: str = "*"
    path: str = "*"

    def fits(self, request: Request) -> bool:
        """Whether the fault applies to a request."""
        return (
            self.times > 0
            and fnmatch.fnmatchcase(request.host, self.host)
            and fnmatch.fnmatchcase(request.method, self.method)
            and fnmatch.fnmatchcase(request.path, self.path)
        )


@dataclass
class Faults:
    """The current faults. Of those that apply to a request, the oldest is used."""

    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Add a fault from the next request on."""
        with self._lock:
            self._faults.append(fault)

    def take(self, request: Request) -> Fault | None:
        """Return the fault for this request, or None, and count its use."""
        with self._lock:
            found = next((fault for fault in self._faults if fault.fits(request)), None)
            if found:
                found.times -= 1
            return found

    def remove(self, fault: Fault) -> None:
        """Remove one fault, if it is still there."""
        with self._lock:
            self._faults = [other for other in self._faults if other is not fault]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def fail(  # host, method and path, times, and the answer
        self,
        status: int,
        body: Any = None,
        *,
        times: int = 1,
        host: str = "*",
        method: str = "*",
        path: str = "*",
        retry_after_s: int | None = None,
    ) -> Fault:
        """Answer with this status and JSON body instead of handling the request. Return the fault."""
        content = body if body is not None else _refusal(status, host)
        headers = {"Content-Type": "application/json"}
        if retry_after_s is not None:
            headers["Retry-After"] = str(retry_after_s)
        fault = Fault(times, Answer(status, json.dumps(content).encode(), headers), host=host, method=method, path=path)
        self.add(fault)
        return fault

    def drop(self, *, times: int = 1, host: str = "*", method: str = "*", path: str = "*") -> None:
        """Handle the request, and close the connection without an answer."""
        self.add(Fault(times, is_dropped=True, host=host, method=method, path=path))

    def delay(self, delay_s: float, *, times: int = 1, host: str = "*", method: str = "*", path: str = "*") -> None:
        """Handle the request only after this time."""
        self.add(Fault(times, delay_s=delay_s, host=host, method=method, path=path))


def _refusal(status: int, host: str) -> Any:
    """Return an error body in the format of the host's cloud."""
    message = f"made to fail with {status}"
    if "disruptive" in host or "d21s" in host:
        return {"error": message, "code": status, "help": f"https://docs.d21s.com/error/#{status}"}
    return {"error": {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN")}}


_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
