"""What the clouds are told to do wrong, by host, method and path."""

import fnmatch
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from deploy.offline.clouds.exchange import Answer, Request


@dataclass
class Fault:
    """One thing that goes wrong, ``times`` times.

    ``answer``: this instead of the work. ``is_dropped``: the work is done, then the connection closed without an
    answer, as when an answer is lost. ``delay_s``: seconds before anything is done.
    """

    times: int
    answer: Answer | None = None
    is_dropped: bool = False
    delay_s: float = 0.0
    host: str = "*"
    method: str = "*"
    path: str = "*"

    def fits(self, request: Request) -> bool:
        """Whether the request is one that this fault is for."""
        return (
            self.times > 0
            and fnmatch.fnmatchcase(request.host, self.host)
            and fnmatch.fnmatchcase(request.method, self.method)
            and fnmatch.fnmatchcase(request.path, self.path)
        )


@dataclass
class Faults:
    """The faults in force; the oldest that fits a request is taken, once."""

    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """From the next request on."""
        with self._lock:
            self._faults.append(fault)

    def take(self, request: Request) -> Fault | None:
        """Give the fault for this request, which has then happened once."""
        with self._lock:
            fault = next((each for each in self._faults if each.fits(request)), None)
            if fault:
                fault.times -= 1
            return fault

    def clear(self) -> None:
        """Let nothing go wrong from now on."""
        with self._lock:
            self._faults.clear()

    def fail(  # noqa: PLR0913  # where, how often, and what
        self,
        status: int,
        body: Any = None,
        *,
        times: int = 1,
        host: str = "*",
        method: str = "*",
        path: str = "*",
        retry_after_s: int | None = None,
    ) -> None:
        """Answer with this status (and JSON) instead of doing the work."""
        text = body if body is not None else _refusal(status, host)
        headers = {"Content-Type": "application/json"}
        if retry_after_s is not None:
            headers["Retry-After"] = str(retry_after_s)
        answer = Answer(status, json.dumps(text).encode(), headers)
        self.add(Fault(times, answer, host=host, method=method, path=path))

    def drop(self, *, times: int = 1, host: str = "*", method: str = "*", path: str = "*") -> None:
        """Do the work and lose the answer."""
        self.add(Fault(times, is_dropped=True, host=host, method=method, path=path))

    def delay(self, delay_s: float, *, times: int = 1, host: str = "*", method: str = "*", path: str = "*") -> None:
        """Do the work late."""
        self.add(Fault(times, delay_s=delay_s, host=host, method=method, path=path))


def _refusal(status: int, host: str) -> Any:
    """A body in the manner of the cloud that the host is of."""
    sentence = f"told to fail with {status}"
    if "disruptive" in host or "d21s" in host:
        return {"error": sentence, "code": status, "help": f"https://docs.d21s.com/error/#{status}"}
    return {"error": {"code": status, "message": sentence, "status": _STATUSES.get(status, "UNKNOWN")}}


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
