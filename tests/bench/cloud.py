"""What Google Cloud and DT charge, allow and send: figures as data, each with its source.

They were looked up on ``AS_OF`` in stored copies of the pages. Prices are in US dollars before tax, for regions of tier
1 (Belgium, Finland, Iowa, ...), without committed-use discounts.
"""

from dataclasses import dataclass, field
from typing import Any

AS_OF = "2026-11-23"

_RUN = "https://cloud.google.com/run/pricing"
_RUN_QUOTAS = "https://cloud.google.com/run/quotas"
_SCALING = "https://cloud.google.com/run/docs/about-instance-autoscaling"
_PUBSUB = "https://cloud.google.com/pubsub/pricing"
_PUBSUB_QUOTAS = "https://cloud.google.com/pubsub/quotas"
_LOGGING = "https://cloud.google.com/stackdriver/pricing"
_SECRETS = "https://cloud.google.com/secret-manager/pricing"
_SECRET_QUOTAS = "https://cloud.google.com/secret-manager/quotas"
_NETWORK = "https://cloud.google.com/vpc/network-pricing"
_HEARTBEATS = "https://support.disruptive-technologies.com/hc/en-us/articles/25998897839004"
_EVENTS = "https://docs.developer.disruptive-technologies.com/docs/concepts/events"
_BACKFILL = "https://support.disruptive-technologies.com/hc/en-us/articles/12707591585564"
_CONNECTORS = "https://docs.developer.disruptive-technologies.com/docs/data-connectors/advanced-configurations"


def fact(value: float, says: str, source: str) -> Any:
    """Return a dataclass field with the figure, its unit in words and its source."""
    return field(default=value, metadata={"says": says, "source": source})


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in dollars, and the amounts that are free every month."""

    cpu_s: float = fact(24e-6, "$ per vCPU-second while a request is being answered", _RUN)
    cpu_s_free: float = fact(180_000, "vCPU-seconds per month are free", _RUN)
    gib_s: float = fact(2.5e-6, "$ per GiB-second while a request is being answered", _RUN)
    gib_s_free: float = fact(360_000, "GiB-seconds per month are free", _RUN)
    billed_s: float = fact(0.1, "s: the time of an instance is rounded up to a multiple of this", _RUN)
    request: float = fact(0.4e-6, "$ per request", _RUN)
    request_free: float = fact(2_000_000, "requests per month are free", _RUN)
    idle_cpu_s: float = fact(2.5e-6, "$ per vCPU-second of an idle minimum instance (not read again)", _RUN)
    idle_gib_s: float = fact(2.5e-6, "$ per GiB-second of an idle minimum instance (not read again)", _RUN)
    instance_cpu_s: float = fact(18e-6, "$ per vCPU-second, billed by instance: no charge for requests", _RUN)
    instance_cpu_s_free: float = fact(240_000, "vCPU-seconds per month are free, billed by instance", _RUN)
    instance_gib_s: float = fact(2e-6, "$ per GiB-second, billed by instance (not read again)", _RUN)
    instance_gib_s_free: float = fact(
        450_000, "GiB-seconds per month are free, billed by instance (not read again)", _RUN
    )
    pubsub_tib: float = fact(40, "$ per TiB, published or delivered", _PUBSUB)
    pubsub_gib_free: float = fact(10, "GiB of Pub/Sub per month are free", _PUBSUB)
    pubsub_least_bytes: float = fact(1000, "bytes are billed at least for each publish request", _PUBSUB)
    pubsub_overhead_bytes: float = fact(36, "bytes for time and message id are billed with each message", _PUBSUB)
    log_gib: float = fact(0.5, "$ per GiB of log entries, kept for 30 days", _LOGGING)
    log_gib_free: float = fact(50, "GiB of log entries per month are free, for each project", _LOGGING)
    secret_version: float = fact(0.06, "$ per secret version and month; the first six are free", _SECRETS)
    secret_access: float = fact(3e-6, "$ per access to a secret", _SECRETS)
    secret_access_free: float = fact(10_000, "accesses per month are free", _SECRETS)
    egress_gib: float = fact(0.12, "$ per GiB of answers to DT, which is outside Google's network", _NETWORK)
    egress_gib_free: float = fact(1, "GiB of answers per month is free", _NETWORK)


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits, as long as no higher quota has been requested."""

    concurrency: float = fact(1000, "requests at the same time in one instance, at most", _RUN_QUOTAS)
    revision_instances: float = fact(100, "instances of one function, unless a quota says otherwise", _RUN_QUOTAS)
    region_instances: float = fact(1000, "instances of 1 vCPU in a region; more on request", _RUN_QUOTAS)
    requests_per_s: float = fact(800, "requests per second to one instance, at most (not read again)", _RUN_QUOTAS)
    target: float = fact(0.6, "of CPU and of concurrency: Cloud Run adds instances to stay below this", _SCALING)
    queue_s: float = fact(10, "s that a request waits for an instance before it gets 429", _SCALING)
    large_region_bytes_per_s: float = fact(
        200e6,
        "bytes/s published in europe-west1, us-central1, us-east1 (an old copy: your limit may be higher)",
        _PUBSUB_QUOTAS,
    )
    region_bytes_per_s: float = fact(
        50e6, "bytes/s published in any other region (an old copy: your limit may be higher)", _PUBSUB_QUOTAS
    )
    secret_accesses_per_min: float = fact(90_000, "accesses to secrets per minute in a project", _SECRET_QUOTAS)
    connectors: float = fact(10, "Data Connectors in a DT project", _CONNECTORS)
    attempt_s: float = fact(10, "s after which DT ends an attempt and tries again", _CONNECTORS)
    kept_s: float = fact(43_200, "s during which DT tries again", _CONNECTORS)


@dataclass(frozen=True, slots=True)
class Sensors:
    """What a sensor sends, if you do not know better figures of your own."""

    heartbeat_s: float = fact(900, "s between two heartbeats: the shortest interval of most sensor types", _HEARTBEATS)
    network_events: float = fact(
        2, "networkStatus events with each reading, one for every Cloud Connector in range (assumed)", _EVENTS
    )
    triggered_per_day: float = fact(10, "times per day a sensor is touched, opened or passed (assumed)", _EVENTS)
    event_types: float = fact(4, "event types of a sensor whose latest event a sync sends again (assumed)", _EVENTS)
    gateway: float = fact(100, "sensors behind one Cloud Connector (assumed)", _BACKFILL)
    backfill_per_s: float = fact(1, "stored heartbeats per second from each sensor that comes back", _BACKFILL)


@dataclass(frozen=True, slots=True)
class Entries:
    """What Cloud Logging adds to a line; the whole entry is billed."""

    envelope_bytes: float = fact(
        400, "bytes of resource, labels and times around a log line of the function (assumed)", _LOGGING
    )
    request_bytes: float = fact(1000, "bytes of the entry that Cloud Run writes for each request (assumed)", _LOGGING)


PRICES, QUOTAS, SENSORS, ENTRIES = Prices(), Quotas(), Sensors(), Entries()
