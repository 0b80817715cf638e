"""From a rate of events to the usage of a month. Pure.

The model, and how well it agrees with what was measured: docs/scaling.md.
"""

import math
from dataclasses import dataclass

from deploy.costs.bill import Usage
from deploy.costs.prices import PRICES, Prices

MONTH_S = 365 * 86_400 / 12

SECRET_READ_S = 30
"""Seconds after which an instance in use reads the secret again."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one event takes.

    ``response_s``: seconds until its answer. ``instance_per_s``: events per second for which Cloud Run keeps one
    instance. ``message_bytes``: what Pub/Sub counts; ``log_bytes`` and ``answer_bytes``: of its log line and answer.
    """

    response_s: float
    instance_per_s: float
    message_bytes: float
    log_bytes: float
    answer_bytes: float


EVENT = Event(response_s=0.02615, instance_per_s=755.1, message_bytes=835.7, log_bytes=270.1, answer_bytes=163.0)
"""The figures of docs/scaling.json, for an instance with one vCPU. A test compares the two."""


def mean_instances(per_s: float, event: Event = EVENT) -> int:
    """Return the number of instances on average, and at least one. ``per_s``: events per second."""
    return max(1, math.ceil(per_s / event.instance_per_s))


def usage_of(
    per_s: float, kept: int, event: Event = EVENT, prices: Prices = PRICES, *, is_shared: bool = True
) -> Usage:
    """Return the usage of a month. ``per_s``: events per second; ``kept``: minimum instances.

    An instance is billed while it answers at least one request, in steps of 100 ms. Events come at random times, so
    the share of the time in which an instance answers none is that of a Poisson process. If an instance is not shared,
    it answers one request at a time, and each is billed for itself.
    """
    instances = mean_instances(per_s, event)
    occupied_s = math.ceil(event.response_s / prices.billed_s) * prices.billed_s
    shared_s = instances * -math.expm1(-per_s / instances * occupied_s) * MONTH_S
    busy_s = shared_s if is_shared else per_s * occupied_s * MONTH_S
    return Usage(
        events=per_s * MONTH_S,
        busy_s=busy_s,
        all_s=instances * MONTH_S,
        kept_s=kept * MONTH_S,
        secret_accesses=busy_s / SECRET_READ_S,
        message_bytes=event.message_bytes,
        log_bytes=event.log_bytes,
        answer_bytes=event.answer_bytes,
    )
