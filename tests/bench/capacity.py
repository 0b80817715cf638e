"""From so many sensors to instances, settings, dollars and the limit that is reached first. Pure.

``size(Load(sensors=100_000), measured)`` does all of it. Every step is a property with its arithmetic in sight; the
figures it starts from are in ``cloud`` and, measured, in docs/scaling.json.
"""

import math
from dataclasses import dataclass, replace

from deploy.spec import DEFAULT_SENSORS
from function.settings import LARGEST_BODY_BYTES
from tests.bench.cloud import ENTRIES, PRICES, QUOTAS, SENSORS, Entries, Prices, Quotas, Sensors
from tests.bench.costs import AS_DEPLOYED, Choices, Cost, Usage, bill
from tests.bench.queueing import Instance

MONTH_S = 365 * 86_400 / 12

CONCURRENCIES = (80, 250, 1000)
"""Few, so that a measurement a little off does not choose another one."""
SLOW_PUBLISH_S = 1.0
"""How long Pub/Sub may take while all instances together still have places for what comes on average.

Not for a burst: the more places there are, the longer a flood of unsigned requests holds signed ones up; and what is
refused comes again.
"""
HEADROOM = 2
"""How many times the instances of a burst are allowed: a wrong guess of the burst then costs nothing."""
ROUND_TO = 5
TIMEOUT = 1.5
"""How many times DT's own patience: what is still under way then has no one waiting for it."""
MEMORIES_MIB = (256, 512, 1024, 2048)
LARGEST_AT_ONCE = 10
"""How many of the largest bodies an instance is to have room for beside twice what it was seen to hold."""
COPIES = 3
"""Of a body, while it is under way: as it is read, as it is verified, and as it is published."""
SECRET_READ_S = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """What one event costs on one CPU: ``cpu_s`` when it is busy, ``waking_s`` more when it is idle.

    ``publish_s`` is how long Pub/Sub takes to acknowledge, ``memory_bytes`` an instance's under load.
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
        """One instance, whose ``concurrency`` is nothing to be thought of."""
        return Instance(self.cpu_s, self.publish_s, self.waking_s)


@dataclass(frozen=True, slots=True)
class Load:
    """So many sensors, and what they send."""

    sensors: int
    each: Sensors = SENSORS

    @property
    def events_of_a_report(self) -> float:
        """One reading, and a networkStatus from each Cloud Connector that heard it."""
        return 1 + self.each.network_events

    @property
    def mean_per_s(self) -> float:
        """Events a second on average."""
        reports_per_s = 1 / self.each.heartbeat_s + self.each.triggered_per_day / 86_400
        return self.sensors * reports_per_s * self.events_of_a_report

    @property
    def returning(self) -> float:
        """Sensors that come back together: those of one Cloud Connector, or one sensor in a thousand."""
        return min(self.sensors, max(self.each.gateway, self.sensors / 1000))

    @property
    def burst_per_s(self) -> float:
        """Events of a busy second (six standard deviations above the mean) while sensors backfill."""
        busy = self.mean_per_s + 6 * math.sqrt(self.mean_per_s)
        return busy + self.returning * self.each.backfill_per_s * self.events_of_a_report


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. ``used``: how much of it a burst takes, as a share of 1; ``remedy``: what to do when it is all."""

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
        """Places enough for the mean while Pub/Sub is slow, and for a CPU at its target while it is not."""
        slow = self.load.mean_per_s * SLOW_PUBLISH_S / self.max_instances
        usual = (self.work_s + self.measured.publish_s) / self.work_s
        return next((each for each in CONCURRENCIES if each >= max(slow, usual)), CONCURRENCIES[-1])

    @property
    def instance_per_s(self) -> float:
        """Events a second for which Cloud Run keeps one instance."""
        return min(self.quotas.target / self.work_s, self.quotas.requests_per_s)

    @property
    def work_s(self) -> float:
        """CPU of an event on an instance that is as busy as Cloud Run keeps it."""
        return self.measured.instance.work_s(self.quotas.target)

    @property
    def mean_instances(self) -> int:
        """Instances on average."""
        return math.ceil(self.load.mean_per_s / self.instance_per_s)

    @property
    def burst_instances(self) -> int:
        """Instances that a burst needs."""
        return math.ceil(self.load.burst_per_s / self.instance_per_s)

    @property
    def max_instances(self) -> int:
        """What to allow: enough for a burst guessed wrong by half, little enough to bound what a flood costs."""
        return math.ceil(HEADROOM * self.burst_instances / ROUND_TO) * ROUND_TO

    @property
    def min_instances(self) -> int:
        """What to keep: as many as are busy anyway, which costs nothing. None of them only to save a cold start."""
        return math.floor(self.load.mean_per_s / self.instance_per_s)

    @property
    def memory_mib(self) -> int:
        """Twice what an instance was seen to hold under load, and a few of the largest bodies."""
        needed = 2 * self.measured.memory_bytes + LARGEST_AT_ONCE * COPIES * LARGEST_BODY_BYTES
        return next(each for each in MEMORIES_MIB if each * 2**20 >= needed)

    @property
    def timeout_s(self) -> int:
        """When Cloud Run is to end a request."""
        return round(TIMEOUT * self.quotas.attempt_s)

    @property
    def events_per_month(self) -> float:
        """Events a month."""
        return self.load.mean_per_s * MONTH_S

    @property
    def busy_instances(self) -> float:
        """Instances with a request under way, on average: what is billed, in steps of 100 ms."""
        response_s = self.measured.publish_s + self.work_s
        occupied_s = math.ceil(response_s / self.prices.billed_s) * self.prices.billed_s
        return self.mean_instances * -math.expm1(-self.load.mean_per_s / self.mean_instances * occupied_s)

    @property
    def cost(self) -> Cost:
        """Dollars a month, part by part."""
        usage = Usage(
            events=self.events_per_month,
            busy_s=self.busy_instances * MONTH_S,
            all_s=self.mean_instances * MONTH_S,
            kept_s=self.min_instances * MONTH_S,
            secret_accesses=self.busy_instances * MONTH_S / SECRET_READ_S,
            message_bytes=self.billed_message_bytes,
            log_bytes=self.measured.log_bytes,
            answer_bytes=self.measured.answer_bytes,
        )
        return bill(usage, self.choices, self.prices, self.entries)

    @property
    def billed_message_bytes(self) -> float:
        """What Pub/Sub counts of a message, in its prices and its quotas."""
        return self.measured.message_bytes + self.prices.pubsub_overhead_bytes

    @property
    def limits(self) -> list[Limit]:
        """Every limit and how much of it a burst takes, the most used first."""
        bytes_per_s = self.load.burst_per_s * self.billed_message_bytes
        accesses_per_min = self.burst_instances * 60 / SECRET_READ_S
        allowed = defaults(self.measured).max_instances
        used = [
            Limit(f"`max_instances` of {allowed}, the default", self.burst_instances / allowed, "`--max-instances`"),
            Limit("instances of one function", self.burst_instances / self.quotas.revision_instances, "ask for more"),
            Limit("instances in a region", self.burst_instances / self.quotas.region_instances, "another region"),
            Limit("Pub/Sub, small region", bytes_per_s / self.quotas.region_bytes_per_s, "a large region"),
            Limit("Pub/Sub, large region", bytes_per_s / self.quotas.large_region_bytes_per_s, "ask for more"),
            Limit("Secret Manager", accesses_per_min / self.quotas.secret_accesses_per_min, "ask for more"),
        ]
        return sorted(used, key=lambda limit: -limit.used)

    def drained_s(self, events: float) -> float:
        """Seconds until so many events that come at once are published, by all instances that are allowed."""
        left_per_s = self.max_instances / self.measured.cpu_s - self.load.mean_per_s
        return events / left_per_s


def size(
    load: Load,
    measured: Measured,
    choices: Choices = AS_DEPLOYED,
    prices: Prices = PRICES,
    quotas: Quotas = QUOTAS,
    entries: Entries = ENTRIES,
) -> Sizing:
    """Work a load out."""
    return Sizing(load, measured, choices, prices, quotas, entries)


def defaults(measured: Measured) -> Sizing:
    """Give what the deploy command's defaults follow from."""
    return size(Load(DEFAULT_SENSORS), measured)


def reached_at(name: str, sizing: Sizing) -> int:
    """Give how many sensors use the limit of this name up, to two digits; more than 10 thousand million: never."""
    least, most = 1, 10**10
    while most - least > max(1, least // 1000):
        middle = (least + most) // 2
        larger = replace(sizing, load=replace(sizing.load, sensors=middle))
        if next(limit.used for limit in larger.limits if limit.name == name) > 1:
            most = middle
        else:
            least = middle
    return round(least, 1 - int(math.log10(least)))
