"""What Google Cloud charges, as data, each figure with its source. Pure.

The prices were looked up on ``AS_OF`` in stored copies of the pages. They are in US dollars before tax, for regions of
tier 1 (Belgium, Finland, Iowa, ...), without committed-use discounts.
"""

from dataclasses import dataclass, field
from typing import Any

AS_OF = "2026-11-23"
"""The date of the price list."""

_RUN = "https://cloud.google.com/run/pricing"
_PUBSUB = "https://cloud.google.com/pubsub/pricing"
_LOGGING = "https://cloud.google.com/stackdriver/pricing"
_SECRETS = "https://cloud.google.com/secret-manager/pricing"
_NETWORK = "https://cloud.google.com/vpc/network-pricing"


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
class Entries:
    """What Cloud Logging adds to a line; the whole entry is billed."""

    envelope_bytes: float = fact(
        400, "bytes of resource, labels and times around a log line of the function (assumed)", _LOGGING
    )
    request_bytes: float = fact(1000, "bytes of the entry that Cloud Run writes for each request (assumed)", _LOGGING)


PRICES, ENTRIES = Prices(), Entries()
