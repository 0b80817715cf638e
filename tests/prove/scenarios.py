"""Failures while events are relayed, as data: what happens when, and how many acknowledgements are lost by it.

A step is a pause in seconds and what happens after it. An event arrives twice only if an acknowledgement was lost:
Pub/Sub has the event, but the sender does not know that, and sends it again.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.emulators.pubsub.faults import Fault

SENDERS = 32
"""Number of senders. Each sends one event at a time, so this many are in flight at most."""


TOPIC, REJECTED_TOPIC = "projects/p/topics/events", "projects/p/topics/rejected"


@dataclass(frozen=True)
class Restart:
    """The function gets this signal and is started again: SIGTERM goes to its master, SIGKILL to all its processes."""

    by: signal.Signals


@dataclass(frozen=True)
class BrokerDown:
    """The broker is killed (SIGKILL), and started again after this many seconds."""

    seconds: float


Step: TypeAlias = tuple[float, Fault | Restart | BrokerDown]

WELL = Fault.slow(0.02)
"""Stored and acknowledged after 20 ms, as Pub/Sub usually does."""

ACKNOWLEDGED_LATE = Fault(stores="first", delay_s=0.05)
"""Stored at once and acknowledged 50 ms later: a function that is killed in between never gets the acknowledgement."""

TERMINATE = Restart(signal.SIGTERM)
KILL = Restart(signal.SIGKILL)


@dataclass(frozen=True)
class Scenario:
    """``settings``: additional settings of the function. ``acks_lost``: most requests without acknowledgement."""

    name: str
    steps: tuple[Step, ...]
    acks_lost: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    tail_s: float = 4.0


MATRIX = (
    Scenario("nothing goes wrong", (), tail_s=12.0),
    Scenario("SIGTERM x3", ((1.2, TERMINATE), (1.2, TERMINATE), (1.2, TERMINATE))),
    Scenario(
        "kill -9 of the function x3",
        ((1.2, KILL), (1.2, KILL), (1.2, ACKNOWLEDGED_LATE), (0.3, KILL), (0.0, WELL)),
        acks_lost=3 * SENDERS,
    ),
    Scenario(
        "SIGTERM with 1.5 s publishes in flight",
        ((1.5, Fault.slow(1.5)), (1.0, TERMINATE), (1.0, TERMINATE), (0.0, WELL)),
    ),
    Scenario(
        "broker killed x3",
        ((1.2, BrokerDown(1.0)), (1.2, BrokerDown(1.0)), (1.2, BrokerDown(1.0))),
        acks_lost=3 * SENDERS,
    ),
    Scenario("UNAVAILABLE for 6 s", ((1.5, Fault.fail("UNAVAILABLE")), (6.0, WELL))),
    Scenario("broker hangs for 6 s", ((1.5, Fault.hang()), (6.0, WELL))),
    Scenario(
        "commits, then says UNAVAILABLE x300",
        tuple((1.5, Fault.commit_then_fail("UNAVAILABLE", 0.02).on(TOPIC).times(100)) for _ in range(3)),
        acks_lost=300,
        tail_s=5.0,
    ),
    Scenario("no message ids for 3 s", ((1.5, Fault.empty_ids()), (3.0, WELL)), tail_s=5.0),
    Scenario(
        "connection cut mid-call x20",
        ((0.0, ACKNOWLEDGED_LATE), *((0.3, Fault.cut(0.02).on(TOPIC).times(1)) for _ in range(20))),
        acks_lost=20 * SENDERS,
    ),
    Scenario("permission revoked for 3 s", ((1.5, Fault.fail("PERMISSION_DENIED")), (3.0, WELL)), tail_s=5.0),
)
"""All scenarios at full length, 10 to 15 seconds each."""

BRIEF = (
    Scenario(
        "hang, lost acks, SIGTERM, kill -9",
        (
            (0.5, Fault.hang()),
            (1.5, WELL),
            (0.0, Fault.commit_then_fail("UNAVAILABLE").on(TOPIC).times(20)),
            (0.7, Fault.slow(0.4)),
            (0.3, TERMINATE),
            (0.3, WELL),
            (0.7, KILL),
        ),
        acks_lost=20 + SENDERS,
        settings={"PUBLISH_TIMEOUT_SECONDS": "0.8"},
        tail_s=0.7,
    ),
)
"""The shortest scenarios that still distinguish a correct function from one that loses events."""
