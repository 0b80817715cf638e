"""What Google Cloud and DT allow and send: figures as data, each with its source. The prices are in ``deploy.costs``.

They were looked up on the date of the price list in stored copies of the pages.
"""

from dataclasses import dataclass

from deploy.costs.prices import fact

_RUN_QUOTAS = "https://cloud.google.com/run/quotas"
_SCALING = "https://cloud.google.com/run/docs/about-instance-autoscaling"
_PUBSUB_QUOTAS = "https://cloud.google.com/pubsub/quotas"
_SECRET_QUOTAS = "https://cloud.google.com/secret-manager/quotas"
_HEARTBEATS = "https://support.disruptive-technologies.com/hc/en-us/articles/25998897839004"
_EVENTS = "https://docs.developer.disruptive-technologies.com/docs/concepts/events"
_BACKFILL = "https://support.disruptive-technologies.com/hc/en-us/articles/12707591585564"
_CONNECTORS = "https://docs.developer.disruptive-technologies.com/docs/data-connectors/advanced-configurations"


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


QUOTAS, SENSORS = Quotas(), Sensors()
