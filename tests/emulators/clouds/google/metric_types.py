"""The metrics of Google's that alerts may name, with their monitored resource and labels; and a check of filters.

https://cloud.google.com/monitoring/api/metrics_gcp and https://cloud.google.com/monitoring/api/resources, as far as
public copies of these pages show them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.emulators.clouds.google.problems import Problem, invalid, not_found

USER = "logging.googleapis.com/user/"
"""The beginning of the type of a log-based metric of the project's own."""

RESOURCES: Mapping[str, frozenset[str]] = {
    "cloud_run_revision": frozenset({"project_id", "service_name", "location", "revision_name", "configuration_name"}),
    "pubsub_subscription": frozenset({"project_id", "subscription_id"}),
    "pubsub_topic": frozenset({"project_id", "topic_id"}),
}
"""The labels of each monitored resource."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its monitored resource, its labels, its kind and the type of its values."""

    resource: str
    labels: frozenset[str] = frozenset()
    kind: str = "GAUGE"
    value: str = "INT64"


def _run(name: str, kind: str, value: str, *labels: str) -> tuple[str, Metric]:
    return f"run.googleapis.com/{name}", Metric("cloud_run_revision", frozenset(labels), kind, value)


def _subscription(name: str, kind: str = "GAUGE", *labels: str) -> tuple[str, Metric]:
    return f"pubsub.googleapis.com/subscription/{name}", Metric("pubsub_subscription", frozenset(labels), kind)


def _topic(name: str, value: str, *labels: str) -> tuple[str, Metric]:
    return f"pubsub.googleapis.com/topic/{name}", Metric("pubsub_topic", frozenset(labels), "DELTA", value)


NATIVE: Mapping[str, Metric] = dict(
    (
        _run("request_count", "DELTA", "INT64", "response_code", "response_code_class"),
        _run("request_latencies", "DELTA", "DISTRIBUTION", "response_code", "response_code_class"),
        _run("container/instance_count", "GAUGE", "INT64", "state"),
        _run("container/startup_latencies", "DELTA", "DISTRIBUTION"),
        _run("container/max_request_concurrencies", "DELTA", "DISTRIBUTION"),
        _run("container/billable_instance_time", "DELTA", "DOUBLE"),
        _run("container/cpu/utilizations", "DELTA", "DISTRIBUTION"),
        _run("container/memory/utilizations", "DELTA", "DISTRIBUTION"),
        _subscription("num_undelivered_messages"),
        _subscription("oldest_unacked_message_age"),
        _subscription("delivery_latency_health_score"),
        _subscription("num_outstanding_messages"),
        _subscription("expired_ack_deadlines_count", "DELTA"),
        _subscription("pull_ack_request_count", "DELTA"),
        _subscription("streaming_pull_response_count", "DELTA"),
        _subscription("dead_letter_message_count", "DELTA"),
        _subscription("ack_message_count", "DELTA", "delivery_type"),
        _topic("send_request_count", "INT64", "response_class", "response_code"),
        _topic("message_sizes", "DISTRIBUTION"),
    )
)

_TERM = re.compile(r'([a-z_.]+)\s*=\s*("[^"]*"|one_of\((?:"[^"]*"(?:,\s*)?)+\))')


def terms_of(text: str) -> dict[str, str]:
    """Return the terms of a filter of time series, by their left side. Raises ``Problem``."""
    terms: dict[str, str] = {}
    for part in re.split(r"\s+AND\s+", text.strip()):
        match = _TERM.fullmatch(part)
        if not match:
            raise invalid(f'Field filter had an invalid value: could not parse "{text}".')
        terms[match[1]] = match[2].strip('"')
    return terms


def checked_filter(text: str, user_metrics: Mapping[str, Metric]) -> tuple[str, Metric]:
    """Return the type of the metric that a filter names, and the metric. Raises ``Problem``.

    ``user_metrics``: the log-based metrics of the project that are known already, by their whole type.
    """
    if len(text) > 2048:
        raise invalid("Field filter had an invalid value: it has at most 2048 characters.")
    terms = terms_of(text)
    if "metric.type" not in terms or "resource.type" not in terms:
        raise invalid("Field filter had an invalid value: must specify a restriction on metric.type and resource.type.")
    name = terms["metric.type"]
    metric = NATIVE.get(name) or user_metrics.get(name)
    if metric is None:
        raise too_new(name)
    if metric.resource != terms["resource.type"]:
        raise invalid(f"Field filter had an invalid value: {name} is not written for {terms['resource.type']}.")
    for problem in _unknown_labels(terms, metric):
        raise problem
    return name, metric


def check_group(field: str, metric: Metric) -> None:
    """Refuse a field to group by that the series of a metric do not have. Raises ``Problem``."""
    for problem in _unknown_labels({field: ""}, metric):
        raise problem


def too_new(name: str) -> Problem:
    """Return the refusal of a metric that does not exist, or that is not known everywhere yet."""
    return not_found(
        f'Cannot find metric(s) that match type = "{name}". If a metric was created recently, it could take up to 10 '
        "minutes to become available. Please try again soon."
    )


def _unknown_labels(terms: Mapping[str, str], metric: Metric) -> Iterator[Problem]:
    for term in terms:
        group, _, rest = term.partition(".")
        label = rest.removeprefix("labels.").removeprefix("label.")
        known = metric.labels if group == "metric" else RESOURCES[metric.resource]
        if rest != "type" and (group not in {"metric", "resource"} or label not in known):
            yield invalid(f'Field filter had an invalid value: the label "{term}" does not exist.')
