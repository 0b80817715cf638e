"""The log-based metrics that alert policies and the dashboard need. They have no labels: their name names the owner."""

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from deploy.errors import Unusable
from deploy.resources.alert_definitions import LogMetric, log_metrics_of, metric_prefix
from deploy.resources.alerting import LOGGING, Alerting, Found, step_of
from deploy.resources.own_fields import differences, merged
from deploy.resources.resource import Facts
from deploy.steps import Get, ResourceId, RestCall, Step

FIXED = ("metricKind", "valueType")
"""The parts of a metric's descriptor that cannot change: logging v2, LogMetric.metricDescriptor."""


@dataclass(frozen=True, slots=True)
class LogMetrics(Alerting):
    """The log-based metrics ``dt-pubsub/NAME/…``."""

    services: ClassVar[tuple[str, ...]] = (LOGGING,)
    permissions: ClassVar[tuple[str, ...]] = (
        "logging.logMetrics.create",
        "logging.logMetrics.delete",
        "logging.logMetrics.list",
        "logging.logMetrics.update",
    )
    key: ClassVar[str] = "metrics"

    @property
    def id(self) -> ResourceId:
        """The id of all metrics together."""
        return ResourceId("log-based metrics", one="log-based metric")

    @property
    def listing(self) -> Get:
        """The request that lists the log-based metrics of the project."""
        return Get(f"https://{LOGGING}/v2/projects/{self.spec.google_project}/metrics", "metrics")

    def part_of(self, found: Found) -> str:
        """Return the last part of the name."""
        prefix, name = metric_prefix(self.spec.name), str(found.get("name", ""))
        return name.removeprefix(prefix) if name.startswith(prefix) else ""

    def url_of(self, found: Found) -> str:
        """Return the URL of a metric."""
        return f"{self.listing.url}/{quote(str(found['name']), safe='')}"

    def plan_parts(self, facts: Facts) -> tuple[Step, ...]:
        """Return a step for each metric."""
        there = dict(self.ours(facts))
        return tuple(self._step(metric, there.get(metric.key)) for metric in log_metrics_of(self.spec))

    def _step(self, metric: LogMetric, found: Found | None) -> Step:
        part = self.part(metric.key)
        if found is None:
            body = {"name": metric.name, **metric.body}
            return step_of(part, (), RestCall("POST", self.listing.url, body), is_there=False, kept="")
        self._must_be_usable(metric, found)
        call = RestCall("PUT", self.url_of(found), _writable(merged(metric.body, found)))
        return step_of(part, differences(metric.body, found), call, is_there=True, kept="counts what it should")

    def _must_be_usable(self, metric: LogMetric, found: Found) -> None:
        wanted, there = metric.body["metricDescriptor"], found.get("metricDescriptor") or {}
        if any(wanted[name] != there.get(name) for name in FIXED):
            what = (
                f"has another type, and the type of a metric cannot be changed: {[there.get(name) for name in FIXED]}"
            )
            fix = f"gcloud logging metrics delete {metric.name} {self.spec.project_flag}"
            raise Unusable(what, where=str(self.part(metric.key)), fix=[fix])


def _writable(metric: Found) -> dict[str, Any]:
    """Return a metric without the fields that only Google sets."""
    written = {key: value for key, value in metric.items() if key not in {"createTime", "updateTime", "resourceName"}}
    descriptor = {key: value for key, value in metric["metricDescriptor"].items() if key not in {"name", "type"}}
    return {**written, "metricDescriptor": {key: value for key, value in descriptor.items() if key != "description"}}
