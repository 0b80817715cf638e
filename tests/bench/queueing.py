"""How long an event takes on an instance of a given utilisation. Pure.

An instance is one CPU with a queue of waiting events, and a delay that costs no CPU time: the wait for Pub/Sub. Events
come at random times (Poisson), as those of many independent sensors do. An event that finds the CPU idle wakes it,
which costs CPU time as well, so a busy instance does more with the same CPU.

The mean wait is that of Pollaczek and Khinchine. Its distribution is assumed to be exponential, except for the share
of events that do not wait, 1 - utilisation; this is exact for M/M/1 and near for M/D/1 if the CPU is busy.

Kleinrock, Queueing Systems I, chapter 5.
"""

import math
from dataclasses import dataclass


class Overloaded(ValueError):
    """More events come than the instance can answer: the queue grows as long as that lasts, so no wait is typical."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    ``cpu_s``: CPU time of an event if another event always waits; ``waking_s``: additional CPU time if none waits.
    ``variability``: the squared coefficient of variation of the CPU time, 0 if all events take the same time.
    """

    cpu_s: float
    publish_s: float
    waking_s: float = 0.0
    concurrency: int = 1000
    variability: float = 1.0

    @property
    def most_per_s(self) -> float:
        """Events per second at most: the CPU or ``concurrency`` limits them."""
        return min(1 / self.cpu_s, self.concurrency / (self.cpu_s + self.publish_s))

    def utilisation(self, per_s: float) -> float:
        """Return the share of the CPU that this many events per second take, 1 being all.

        Solves ``busy = per_s * (cpu_s + (1 - busy) * waking_s)``.
        """
        return per_s * (self.cpu_s + self.waking_s) / (1 + per_s * self.waking_s)

    def per_s_at(self, busy: float) -> float:
        """Return how many events per second take this share of the CPU."""
        return busy / self.work_s(busy)

    def work_s(self, busy: float) -> float:
        """Return the CPU time of an event if the CPU is busy for this share of the time."""
        return self.cpu_s + (1 - busy) * self.waking_s

    def mean_wait_s(self, per_s: float) -> float:
        """Return how long an event waits for the CPU on average. Raises Overloaded."""
        busy = self._busy(per_s)
        return busy * self.work_s(busy) * (1 + self.variability) / (2 * (1 - busy))

    def wait_s(self, per_s: float, share: float) -> float:
        """Return how long this share of all events waits for the CPU at most. Raises Overloaded."""
        busy = self._busy(per_s)
        if share <= 1 - busy:
            return 0.0
        return self.mean_wait_s(per_s) / busy * math.log(busy / (1 - share))

    def response_s(self, per_s: float, share: float) -> float:
        """Return how long this share of events takes at most, from arrival to answer. Raises Overloaded."""
        return self.wait_s(per_s, share) + self._alone_s(per_s)

    def in_flight(self, per_s: float) -> float:
        """Return how many events are being handled on average (Little's law). Raises Overloaded."""
        return per_s * (self.mean_wait_s(per_s) + self._alone_s(per_s))

    def _alone_s(self, per_s: float) -> float:
        return self.work_s(self._busy(per_s)) + self.publish_s

    def _busy(self, per_s: float) -> float:
        if per_s >= self.most_per_s:
            raise Overloaded(f"{per_s:.0f} events/s on an instance that can answer {self.most_per_s:.0f}")
        return self.utilisation(per_s)
