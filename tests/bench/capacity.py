"""From a number of sensors to instances, settings, dollars and the limit that is reached first. Pure.

``size(Load(sensors=100_000), measured)`` returns everything. Every step is a property that shows its arithmetic. The
prices are in ``deploy.costs``, the other figures that the model starts from in ``cloud``, and the measured ones in
docs/scaling.json.
"""

import math
from dataclasses import dataclass, replace

from deploy.costs.bill import AS_DEPLOYED, Choices, Cost, bill
from deploy.costs.month import MONTH_S, SECRET_READ_S, Event, mean_instances, usage_of
from deploy.costs.prices import ENTRIES, PRICES, Entries, Prices
from deploy.costs.sensors import SENSORS, Sensors
from deploy.spec import DEFAULT_SENSORS
from function.settings import LARGEST_BODY_BYTES
from tests.bench.cloud import QUOTAS, Quotas
from tests.bench.queueing import Instance

CONCURRENCIES = (80, 250, 1000)
"""The choice is small, so that a slightly different measurement does not lead to another value."""
SLOW_PUBLISH_S = 1.0
"""How long Pub/Sub may take while ``concurrency`` of all instances together is still enough for the mean load.

It need not be enough for a burst: the higher ``concurrency`` is, the longer a flood of unsigned requests can delay
signed ones; and DT sends events again that were refused.
"""
HEADROOM = 2
"""How many times the instances of a burst are allowed, so that a wrong estimate of the burst costs nothing."""
ROUND_TO = 5
TIMEOUT = 1.5
"""Cloud Run's timeout as a multiple of DT's: DT no longer waits for a request that takes longer."""
MEMORIES_MIB = (256, 512, 1024, 2048)
LARGEST_AT_ONCE = 10
"""How many of the largest bodies fit into an instance's memory beside twice its measured memory."""
COPIES = 3
"""Copies of a body in memory: one as it is read, one as it is verified, and one as it is published."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one event costs on one CPU: ``cpu_s`` if the CPU is busy, and ``waking_s`` more if it is idle.

    ``publish_s`` is how long Pub/Sub takes to acknowledge, ``memory_bytes`` the memory of an instance under load.
    """

    cpu_s: float
    waking_s: float
    publish_s: float
    start_s: float
    memory_bytes: float
    message_bytes: float
    log_bytes: float
    answer_bytes: float

    @property
    def instance(self) -> Instance:
        """One instance, whose ``concurrency`` is high enough never to limit it."""
        return Instance(self.cpu_s, self.publish_s, self.waking_s)


@dataclass(frozen=True, slots=True)
class Load:
    """A number of sensors, and what each of them sends."""

    sensors: int
    sensor: Sensors = SENSORS

    @property
    def mean_per_s(self) -> float:
        """Events per second on average."""
        return self.sensors * self.sensor.events_per_s

    @property
    def returning(self) -> float:
        """Sensors that come back together: those of one Cloud Connector, or one sensor in a thousand."""
        return min(self.sensors, max(self.sensor.gateway, self.sensors / 1000))

    @property
    def burst_per_s(self) -> float:
        """Events of a busy second (six standard deviations above the mean) while sensors backfill."""
        busy = self.mean_per_s + 6 * math.sqrt(self.mean_per_s)
        return busy + self.returning * self.sensor.backfill_per_s * self.sensor.events_of_a_report


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. ``used``: the share of it that a burst takes, 1 being all; ``remedy``: what to do at the limit."""

    name: str
    used: float
    remedy: str


@dataclass(frozen=True, slots=True)
class Sizing:
    """Everything that follows from a load."""

    load: Load
    measured: Measured
    choices: Choices
    prices: Prices
    quotas: Quotas
    entries: Entries

    @property
    def concurrency(self) -> int:
        """Enough for the mean load while Pub/Sub is slow, and for a CPU at its target while Pub/Sub is not."""
        slow = self.load.mean_per_s * SLOW_PUBLISH_S / self.max_instances
        usual = (self.work_s + self.measured.publish_s) / self.work_s
        return next((choice for choice in CONCURRENCIES if choice >= max(slow, usual)), CONCURRENCIES[-1])

    @property
    def instance_per_s(self) -> float:
        """Events per second for which Cloud Run keeps one instance."""
        return min(self.quotas.target / self.work_s, self.quotas.requests_per_s)

    @property
    def work_s(self) -> float:
        """CPU time of an event on an instance that is as busy as Cloud Run keeps it."""
        return self.measured.instance.work_s(self.quotas.target)

    @property
    def mean_instances(self) -> int:
        """Instances on average."""
        return mean_instances(self.load.mean_per_s, self.event)

    @property
    def burst_instances(self) -> int:
        """Instances that a burst needs."""
        return math.ceil(self.load.burst_per_s / self.instance_per_s)

    @property
    def max_instances(self) -> int:
        """Instances to allow: enough if the burst is twice the estimate, and few enough to limit what a flood costs."""
        return math.ceil(HEADROOM * self.burst_instances / ROUND_TO) * ROUND_TO

    @property
    def min_instances(self) -> int:
        """Instances to keep: as many as are busy anyway, because they cost nothing; none only to save a cold start."""
        return math.floor(self.load.mean_per_s / self.instance_per_s)

    @property
    def memory_mib(self) -> int:
        """Twice the measured memory of an instance under load, plus a few of the largest bodies."""
        needed = 2 * self.measured.memory_bytes + LARGEST_AT_ONCE * COPIES * LARGEST_BODY_BYTES
        return next(choice for choice in MEMORIES_MIB if choice * 2**20 >= needed)

    @property
    def timeout_s(self) -> int:
        """The time after which Cloud Run ends a request."""
        return round(TIMEOUT * self.quotas.attempt_s)

    @property
    def events_per_month(self) -> float:
        """Events per month."""
        return self.load.mean_per_s * MONTH_S

    @property
    def event(self) -> Event:
        """What one event takes, for the usage of a month."""
        return Event(
            response_s=self.measured.publish_s + self.work_s,
            instance_per_s=self.instance_per_s,
            message_bytes=self.billed_message_bytes,
            log_bytes=self.measured.log_bytes,
            answer_bytes=self.measured.answer_bytes,
        )

    @property
    def cost(self) -> Cost:
        """Dollars per month, part by part."""
        is_shared = self.choices.is_shared
        kept = self.min_instances if is_shared else 0
        usage = usage_of(self.load.mean_per_s, kept, self.event, self.prices, is_shared=is_shared)
        return bill(usage, self.choices, self.prices, self.entries)

    @property
    def billed_message_bytes(self) -> float:
        """The bytes of a message that Pub/Sub counts, in its prices and its quotas."""
        return self.measured.message_bytes + self.prices.pubsub_overhead_bytes

    @property
    def limits(self) -> list[Limit]:
        """Every limit with the share of it that a burst takes, the most used limit first."""
        bytes_per_s = self.load.burst_per_s * self.billed_message_bytes
        accesses_per_min = self.burst_instances * 60 / SECRET_READ_S
        allowed = defaults(self.measured).max_instances
        used = [
            Limit(f"`max_instances` of {allowed}, profile large", self.burst_instances / allowed, "`--max-instances`"),
            Limit(
                "instances of one function",
                self.burst_instances / self.quotas.revision_instances,
                "request a higher quota",
            ),
            Limit("instances in a region", self.burst_instances / self.quotas.region_instances, "another region"),
            Limit("Pub/Sub, small region", bytes_per_s / self.quotas.region_bytes_per_s, "a large region"),
            Limit(
                "Pub/Sub, large region", bytes_per_s / self.quotas.large_region_bytes_per_s, "request a higher quota"
            ),
            Limit("Secret Manager", accesses_per_min / self.quotas.secret_accesses_per_min, "request a higher quota"),
        ]
        return sorted(used, key=lambda limit: -limit.used)

    def drained_s(self, events: float) -> float:
        """Return the seconds until this many events that come at once are published by all allowed instances."""
        left_per_s = self.max_instances / self.measured.cpu_s - self.load.mean_per_s
        return events / left_per_s


@dataclass(frozen=True, slots=True)
class OneAtATime:
    """Instances that answer one request at a time, each with a part of a processor: the profile ``small``."""

    load: Load
    measured: Measured
    quotas: Quotas = QUOTAS

    @property
    def response_s(self) -> float:
        """Seconds until an event is answered. Its CPU time is less than what an instance has in a tenth of a second."""
        return self.measured.cpu_s + self.measured.waking_s + self.measured.publish_s

    @property
    def mean_instances(self) -> int:
        """Instances on average, and at least one."""
        return max(1, math.ceil(self.load.mean_per_s * self.response_s))

    @property
    def burst_instances(self) -> int:
        """Instances that a burst needs; Cloud Run adds some before all are busy."""
        return math.ceil(self.load.burst_per_s * self.response_s / self.quotas.target)

    @property
    def max_instances(self) -> int:
        """Instances to allow: enough for twice the burst, and for the mean load while Pub/Sub takes a second."""
        wanted = max(HEADROOM * self.burst_instances, self.load.mean_per_s * SLOW_PUBLISH_S)
        return math.ceil(wanted / ROUND_TO) * ROUND_TO

    @property
    def memory_mib(self) -> int:
        """Twice the measured memory of an instance under load, plus one of the largest bodies."""
        needed = 2 * self.measured.memory_bytes + COPIES * LARGEST_BODY_BYTES
        return next(choice for choice in MEMORIES_MIB if choice * 2**20 >= needed)

    @property
    def cpu_of_100_ms(self) -> float:
        """Processors that one event needs in the 100 ms for which Cloud Run bills it."""
        return (self.measured.cpu_s + self.measured.waking_s) / 0.1


def size(
    load: Load,
    measured: Measured,
    choices: Choices = AS_DEPLOYED,
    prices: Prices = PRICES,
    quotas: Quotas = QUOTAS,
    entries: Entries = ENTRIES,
) -> Sizing:
    """Return the sizing of a load."""
    return Sizing(load, measured, choices, prices, quotas, entries)


def defaults(measured: Measured) -> Sizing:
    """Return the sizing from which the deploy command's defaults follow."""
    return size(Load(DEFAULT_SENSORS), measured)


def reached_at(name: str, sizing: Sizing) -> int:
    """Return how many sensors use this limit up, to two digits; 10 thousand million mean that none do."""
    least, most = 1, 10**10
    while most - least > max(1, least // 1000):
        middle = (least + most) // 2
        larger = replace(sizing, load=replace(sizing.load, sensors=middle))
        if next(limit.used for limit in larger.limits if limit.name == name) > 1:
            most = middle
        else:
            least = middle
    return round(least, 1 - int(math.log10(least)))
