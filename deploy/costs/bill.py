"""From the usage of a month to dollars, part by part. Pure."""

from dataclasses import dataclass

from deploy.costs.prices import Entries, Prices

GIB = 2**30
GIB_OF_A_TIB = 1024


@dataclass(frozen=True, slots=True)
class Choices:
    """What a user can choose beside the settings that follow from the load.

    ``log_one_of``: one of so many delivered events has a log line. ``cpu``: processors of an instance. ``is_shared``:
    an instance answers several requests at the same time.
    """

    log_events: bool = True
    log_one_of: int = 1
    log_requests: bool = True
    billed_by_instance: bool = False
    cpu: float = 1.0
    memory_gib: float = 0.5
    is_shared: bool = True
    subscriptions: int = 1


AS_DEPLOYED = Choices()


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of a month. Seconds are those of instances, bytes those of one event.

    ``busy_s``: instances that are answering a request; ``all_s``: all that run; ``kept_s``: those that always run.
    """

    events: float
    busy_s: float
    all_s: float
    kept_s: float
    secret_accesses: float
    message_bytes: float
    log_bytes: float
    answer_bytes: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars per month."""

    instances: float
    requests: float
    pubsub: float
    logs: float
    egress: float
    secrets: float

    @property
    def total(self) -> float:
        """The sum of all parts."""
        return self.instances + self.requests + self.pubsub + self.logs + self.egress + self.secrets


def bill(usage: Usage, choices: Choices, prices: Prices, entries: Entries) -> Cost:
    """Return the cost of a month."""
    events, accesses = usage.events, usage.secret_accesses
    published = max(prices.pubsub_least_bytes, usage.message_bytes)
    pubsub_gib = events * (published + choices.subscriptions * usage.message_bytes) / GIB
    log_gib = events * _log_bytes(usage, choices, entries) / GIB
    egress_gib = events * usage.answer_bytes / GIB
    return Cost(
        instances=_by_instance(usage, choices, prices)
        if choices.billed_by_instance
        else _by_request(usage, choices, prices),
        requests=0 if choices.billed_by_instance else _beyond(events, prices.request_free) * prices.request,
        pubsub=_beyond(pubsub_gib, prices.pubsub_gib_free) / GIB_OF_A_TIB * prices.pubsub_tib,
        logs=_beyond(log_gib, prices.log_gib_free) * prices.log_gib,
        egress=_beyond(egress_gib, prices.egress_gib_free) * prices.egress_gib,
        secrets=_beyond(accesses, prices.secret_access_free) * prices.secret_access,
    )


def money(dollars: float) -> str:
    """Return an amount in words. Every command and message rounds dollars here, as the pages do."""
    return "under $1" if dollars < 1 else f"about ${dollars:,.0f}"


def _by_request(usage: Usage, choices: Choices, prices: Prices) -> float:
    """Return the price of instances that answer a request, and of idle minimum instances, which cost far less."""
    cpu = _beyond(usage.busy_s * choices.cpu, prices.cpu_s_free) * prices.cpu_s
    memory = _beyond(usage.busy_s * choices.memory_gib, prices.gib_s_free) * prices.gib_s
    idle_s = max(0.0, usage.kept_s - usage.busy_s)
    return cpu + memory + idle_s * (choices.cpu * prices.idle_cpu_s + choices.memory_gib * prices.idle_gib_s)


def _by_instance(usage: Usage, choices: Choices, prices: Prices) -> float:
    """Return the price of instances for all the time that they run. Minimum instances always run, also idle ones."""
    running_s = max(usage.all_s, usage.kept_s)
    cpu = _beyond(running_s * choices.cpu, prices.instance_cpu_s_free) * prices.instance_cpu_s
    memory_gib_s = running_s * choices.memory_gib
    return cpu + _beyond(memory_gib_s, prices.instance_gib_s_free) * prices.instance_gib_s


def _log_bytes(usage: Usage, choices: Choices, entries: Entries) -> float:
    ours = (usage.log_bytes + entries.envelope_bytes) / choices.log_one_of if choices.log_events else 0
    return ours + (entries.request_bytes if choices.log_requests else 0)


def _beyond(amount: float, free: float) -> float:
    return max(0.0, amount - free)
