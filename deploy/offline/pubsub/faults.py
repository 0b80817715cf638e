"""What an embedded Pub/Sub can be told to do wrong when something is published.

A ``Fault`` says when a call is stored (never, before or after a delay), how long the delay is, and what the caller then
sees; the named ones (``fail``, ``hang``, ``slow``, …) are the combinations one usually wants. ``on`` narrows a fault
to one topic, ``times`` lets it end by itself, ``of_every`` makes it flaky:

    Fault.fail("UNAVAILABLE").on("projects/p/topics/events").times(3)
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import grpc

from deploy.offline.errors import OfflineError

Answer = Literal["ids", "no ids", "two ids", "status", "cut"]
Stores = Literal["never", "first", "last"]


@dataclass(frozen=True)
class Fault:
    """One way to treat Publish calls; as it stands without arguments, the right one."""

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
        """Answered with this gRPC status (``UNAVAILABLE``, …), nothing stored."""
        return cls("status", "never", code=code, message=message)

    @classmethod
    def hang(cls, seconds: float | None = None) -> Self:
        """No answer for so long (None: for ever), then UNAVAILABLE; nothing stored."""
        return cls("status", "never", delay_s=seconds)

    @classmethod
    def slow(cls, seconds: float) -> Self:
        """Stored and answered as it should be, but only after so long."""
        return cls(delay_s=seconds)

    @classmethod
    def empty_ids(cls) -> Self:
        """Answered OK without any message id, nothing stored."""
        return cls("no ids", "never")

    @classmethod
    def two_ids(cls) -> Self:
        """Answered OK with one message id too many, nothing stored."""
        return cls("two ids", "never")

    @classmethod
    def commit_then_fail(cls, code: str, seconds: float = 0.0) -> Self:
        """Stored and recorded, and after so long answered with this gRPC status."""
        return cls("status", "first", delay_s=seconds, code=code)

    @classmethod
    def cut(cls, seconds: float = 0.0) -> Self:
        """The caller's connection is closed under the call after so long; nothing stored."""
        return cls("cut", "never", delay_s=seconds)

    def on(self, topic: str) -> Self:
        """For one topic (full name) instead of all."""
        return replace(self, topic=topic)

    def times(self, calls: int) -> Self:
        """For so many calls instead of until told otherwise."""
        return replace(self, calls=calls)

    def of_every(self, of: int, hits: int = 1) -> Self:
        """For the first ``hits`` of every ``of`` calls instead of all."""
        return replace(self, of=of, hits=hits)

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for another process."""
        return asdict(self)


HEALTHY = Fault()


class Faults:
    """The faults in force: at most one for each topic, and one for all others."""

    def __init__(self) -> None:
        self._by_topic: dict[str, Fault] = {}
        self._seen: dict[str, int] = {}

    def set(self, fault: Fault) -> None:
        """In force from the next call on, in place of the one with the same topic (or the one for all)."""
        self._by_topic[fault.topic] = fault
        self._seen[fault.topic] = 0

    def clear(self) -> None:
        """All is well again, for calls that come from now on."""
        self._by_topic.clear()

    def take(self, topic: str) -> Fault:
        """The treatment of the next Publish call on a topic."""
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
