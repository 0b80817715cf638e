"""The requests that Google's front end has answered, as Cloud Run counts them for Cloud Monitoring."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

KEPT_S = 25 * 3600.0
"""Requests are kept as long as anybody asks for: a day."""


@dataclass(frozen=True, slots=True)
class Served:
    """One request. ``at``: when it was answered, in seconds since 1970."""

    at: float
    service: str
    region: str
    revision: str
    status: int


class ServedRequests:
    """The requests of a day, the oldest first. ``clock``: seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._served: deque[Served] = deque()
        self._lock = threading.Lock()

    def add(self, service: str, region: str, revision: str, status: int) -> None:
        """Add a request that was answered now."""
        now = self._clock()
        with self._lock:
            self._served.append(Served(now, service, region, revision, status))
            while self._served[0].at < now - KEPT_S:
                self._served.popleft()

    def until(self, at: float) -> list[Served]:
        """Return the requests that were answered up to this time."""
        with self._lock:
            return [request for request in self._served if request.at <= at]

    def forgive(self) -> None:
        """Forget all answers 5xx, as if they were older than any question."""
        with self._lock:
            self._served = deque(request for request in self._served if request.status < 500)
