"""How long an event takes on one instance that is so busy. Pure.

An instance is one CPU with one queue in front of it, in which events wait their turn, and a delay that costs no CPU:
the wait for Pub/Sub. Events come by chance (Poisson), as those of many independent sensors do. An event that finds the
CPU idle has to wake it, which costs CPU as well: a busy instance does more with the same CPU.

The mean wait is Pollaczek's and Khinchine's; its distribution is taken for exponential beside the share that does not
wait at all, 1 - utilisation, which is exact for M/M/1 and near for M/D/1 when it is busy.

Kleinrock, Queueing Systems I, chapter 5.
"""

import math
from dataclasses import dataclass


class Overloaded(ValueError):
    """More comes in than can be done: the queue grows for as long as that lasts, and no wait is typical of it."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    ``cpu_s``: what an event costs when there is always another one; ``waking_s``: what more, when there is none.
    ``variability``: the squared coefficient of variation of the CPU time, 0 where all are alike.
    """

    cpu_s: float
    publish_s: float
    waking_s: float = 0.0
    concurrency: int = 1000
    variability: float = 1.0

    @property
    def most_per_s(self) -> float:
        """How many events a second it can do at all, be it the CPU or ``concurrency`` that says stop."""
        return min(1 / self.cpu_s, self.concurrency / (self.cpu_s + self.publish_s))

    def utilisation(self, per_s: float) -> float:
        """How much of its CPU so many events a second take, as a share of 1.

        Solves ``busy = per_s * (cpu_s + (1 - busy) * waking_s)``.
        """
        return per_s * (self.cpu_s + self.waking_s) / (1 + per_s * self.waking_s)

    def per_s_at(self, busy: float) -> float:
        """How many events a second take this share of its CPU."""
        return busy / self.work_s(busy)

    def work_s(self, busy: float) -> float:
        """What an event costs in CPU when the CPU is so busy."""
        return self.cpu_s + (1 - busy) * self.waking_s

    def mean_wait_s(self, per_s: float) -> float:
        """How long an event waits for the CPU on average. Raises Overloaded."""
        busy = self._busy(per_s)
        return busy * self.work_s(busy) * (1 + self.variability) / (2 * (1 - busy))

    def wait_s(self, per_s: float, share: float) -> float:
        """How long this share of all events waits for the CPU at most. Raises Overloaded."""
        busy = self._busy(per_s)
        if share <= 1 - busy:
            return 0.0
        return self.mean_wait_s(per_s) / busy * math.log(busy / (1 - share))

    def response_s(self, per_s: float, share: float) -> float:
        """How long this share of all events takes at most, from its arrival to its answer. Raises Overloaded."""
        return self.wait_s(per_s, share) + self._alone_s(per_s)

    def in_flight(self, per_s: float) -> float:
        """How many events are under way on average (Little's law). Raises Overloaded."""
        return per_s * (self.mean_wait_s(per_s) + self._alone_s(per_s))

    def _alone_s(self, per_s: float) -> float:
        return self.work_s(self._busy(per_s)) + self.publish_s

    def _busy(self, per_s: float) -> float:
        if per_s >= self.most_per_s:
            raise Overloaded(f"{per_s:.0f} events/s on an instance that can do {self.most_per_s:.0f}")
        return self.utilisation(per_s)
