"""The faults that Publish calls of an embedded Pub/Sub can show.

A ``Fault`` says whether the messages of a call are stored (never, before or after a delay), how long the delay is, and
which answer the caller gets. ``fail``, ``hang``, ``slow`` and the other class methods are the usual combinations.
``on`` limits a fault to one topic, ``times`` to a number of calls, ``of_every`` to a part of the calls:

    Fault.fail("UNAVAILABLE").on("projects/p/topics/events").times(3)
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import grpc

from tests.emulators.errors import OfflineError

Answer = Literal["ids", "no ids", "two ids", "status", "cut"]
Stores = Literal["never", "first", "last"]


@dataclass(frozen=True)
class Fault:
    """How Publish calls are treated. Without arguments, as Pub/Sub should do it."""

    answer: Answer = "ids"
    stores: Stores = "last"
    delay_s: float | None = 0.0
    code: str = "UNAVAILABLE"
    message: str = ""
    topic: str = ""
    calls: int | None = None
    hits: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        """Refuse a code that gRPC does not know."""
        if self.code not in grpc.StatusCode.__members__:
            raise OfflineError(f"no gRPC status code is called {self.code!r}")

    @classmethod
    def fail(cls, code: str, message: str = "") -> Self:
        """Answer with this gRPC status (``UNAVAILABLE``, …); store nothing."""
        return cls("status", "never", code=code, message=message)

    @classmethod
    def hang(cls, seconds: float | None = None) -> Self:
        """Answer UNAVAILABLE after this time (None: never answer); store nothing."""
        return cls("status", "never", delay_s=seconds)

    @classmethod
    def slow(cls, seconds: float) -> Self:
        """Store and answer correctly, but only after this time."""
        return cls(delay_s=seconds)

    @classmethod
    def empty_ids(cls) -> Self:
        """Answer OK without message ids; store nothing."""
        return cls("no ids", "never")

    @classmethod
    def two_ids(cls) -> Self:
        """Answer OK with two message ids; store nothing."""
        return cls("two ids", "never")

    @classmethod
    def commit_then_fail(cls, code: str, seconds: float = 0.0) -> Self:
        """Store and record, and answer with this gRPC status after this time."""
        return cls("status", "first", delay_s=seconds, code=code)

    @classmethod
    def cut(cls, seconds: float = 0.0) -> Self:
        """Close the caller's connection after this time, without an answer; store nothing."""
        return cls("cut", "never", delay_s=seconds)

    def on(self, topic: str) -> Self:
        """Return this fault for one topic (full name) instead of all."""
        return replace(self, topic=topic)

    def times(self, calls: int) -> Self:
        """Return this fault for this number of calls instead of all."""
        return replace(self, calls=calls)

    def of_every(self, of: int, hits: int = 1) -> Self:
        """Return this fault for the first ``hits`` of every ``of`` calls instead of all."""
        return replace(self, of=of, hits=hits)

    def to_json(self) -> dict[str, Any]:
        """Return the fault as JSON values, for another process."""
        return asdict(self)


HEALTHY = Fault()


class Faults:
    """The current faults: at most one for each topic, and one for all other topics."""

    def __init__(self) -> None:
        self._by_topic: dict[str, Fault] = {}
        self._seen: dict[str, int] = {}

    def set(self, fault: Fault) -> None:
        """Set a fault from the next call on. It replaces the one with the same topic, or the one for all."""
        self._by_topic[fault.topic] = fault
        self._seen[fault.topic] = 0

    def clear(self) -> None:
        """Remove all faults, for calls that come from now on."""
        self._by_topic.clear()

    def take(self, topic: str) -> Fault:
        """Return the fault for the next Publish call on a topic, and count the call."""
        scope = topic if topic in self._by_topic else ""
        fault = self._by_topic.get(scope, HEALTHY)
        seen = self._seen.get(scope, 0)
        self._seen[scope] = seen + 1
        if seen % fault.of >= fault.hits:
            return HEALTHY
        if fault.calls is not None:
            self._use_up(scope, fault, fault.calls - 1)
        return fault

    def _use_up(self, scope: str, fault: Fault, left: int) -> None:
        if left > 0:
            self._by_topic[scope] = fault.times(left)
        else:
            del self._by_topic[scope]
