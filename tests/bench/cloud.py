"""What Google Cloud and DT allow: figures as data, each with its source. ``deploy.costs`` has prices and sensors.

They were looked up on the date of the price list in stored copies of the pages.
"""

from dataclasses import dataclass

from deploy.costs.prices import fact

_RUN_QUOTAS = "https://cloud.google.com/run/quotas"
_RUN_CPU = "https://cloud.google.com/run/docs/configuring/services/cpu#startup-boost"
_SCALING = "https://cloud.google.com/run/docs/about-instance-autoscaling"
_PUBSUB_QUOTAS = "https://cloud.google.com/pubsub/quotas"
_SECRET_QUOTAS = "https://cloud.google.com/secret-manager/quotas"
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
    boosted_cpu: float = fact(
        2, "vCPU of an instance with at most 1 vCPU while it starts, if its CPU is boosted", _RUN_CPU
    )
    boosted_s: float = fact(10, "s after the start for which the CPU stays boosted, and is billed as such", _RUN_CPU)
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


QUOTAS = Quotas()
