"""``logging.googleapis.com`` v2: log-based metrics. A new one is known to Cloud Monitoring only after a while.

https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics
"""

import re
import time
from collections.abc import Callable, Mapping

from tests.emulators.clouds.exchange import Json, Request, Route, page
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.messages import check_message, without_defaults
from tests.emulators.clouds.google.metric_types import USER, Metric
from tests.emulators.clouds.google.problems import exists, invalid, not_found
from tests.emulators.clouds.google.strict import PAGED, strict

_NAME = re.compile(r"[A-Za-z0-9_\-.,+!*',()%][A-Za-z0-9_\-.,+!*',()%/]{0,99}")
_EXTRACTOR = re.compile(r'EXTRACT\([\w.\\"/-]+\)|REGEXP_EXTRACT\([\w.]+, ".*"\)')
_MANY = "/v2/projects/{project}/metrics"
_ONE = _MANY + "/{name*}"


class LogMetrics:
    """The log-based metrics of a project. ``clock`` returns the seconds since 1970."""

    def __init__(self, estate: Estate, clock: Callable[[], float] = time.time) -> None:
        self.items: dict[str, Json] = {}
        self.lag_s = 1.5
        self._clock = clock
        self._estate = estate
        self._made_at: dict[str, float] = {}

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        called = "logging.logMetrics"
        return [
            strict(Route("GET", _MANY, self._list, f"{called}.list"), PAGED),
            strict(Route("POST", _MANY, self._create, f"{called}.create")),
            strict(Route("GET", _ONE, self._get, f"{called}.get")),
            strict(Route("PUT", _ONE, self._replace, f"{called}.update")),
            strict(Route("DELETE", _ONE, self._delete, f"{called}.delete")),
        ]

    def names(self) -> list[str]:
        """Return the full names of all metrics."""
        return [f"projects/{self._estate.project}/metrics/{name}" for name in sorted(self.items)]

    def known(self) -> Mapping[str, Metric]:
        """Return the metrics that Cloud Monitoring knows by now, by their types."""
        old = [name for name in self.items if self._clock() >= self._made_at[name] + self.lag_s]
        return {f"{USER}{name}": _metric(self.items[name]) for name in old}

    def every(self) -> Mapping[str, Metric]:
        """Return all metrics by their types; a dashboard may name one that Cloud Monitoring does not know yet."""
        return {f"{USER}{name}": _metric(item) for name, item in self.items.items()}

    def _list(self, request: Request, project: str) -> Json:
        del project
        if request.parameter("filter"):
            raise invalid("Not played here: a filter of log-based metrics.")
        return page("metrics", list(self.items.values()), request, default=100, most=1000)

    def _get(self, _: Request, project: str, name: str) -> Json:
        if name not in self.items:
            raise not_found(f"Metric {name} does not exist.")
        del project
        return self.items[name]

    def _create(self, request: Request, project: str) -> Json:
        body = request.json()
        name = str(body.get("name", ""))
        if name in self.items:
            raise exists(f"Metric {name} already exists.")
        return self._stored(project, name, body)

    def _replace(self, request: Request, project: str, name: str) -> Json:
        body = request.json()
        if body.get("name", name) != name:
            raise invalid("The name of a metric cannot be changed.")
        return self._stored(project, name, body)

    def _delete(self, request: Request, project: str, name: str) -> Json:
        self._get(request, project, name)
        del self.items[name], self._made_at[name]
        return {}

    def _stored(self, project: str, name: str, body: Json) -> Json:
        check_message("LogMetric", body)
        _check(name, body)
        before = self.items.get(name)
        if before:
            _check_change(before, body)
        descriptor = {**body.get("metricDescriptor", {}), "type": f"{USER}{name}"}
        descriptor["name"] = f"projects/{project}/metricDescriptors/{USER}{name}"
        descriptor["description"] = body.get("description", "")
        now = timestamp(self._clock())
        stored = {**body, "name": name, "metricDescriptor": descriptor, "updateTime": now}
        self.items[name] = without_defaults(
            "LogMetric", {**stored, "createTime": (before or {}).get("createTime", now)}
        )
        self._made_at.setdefault(name, self._clock())
        return self.items[name]


def _check(name: str, body: Json) -> None:
    descriptor, extractors = body.get("metricDescriptor", {}), body.get("labelExtractors", {})
    labels = {label.get("key", "") for label in descriptor.get("labels", [])}
    wrong = {
        f"the name {name!r} is not valid": not _NAME.fullmatch(name),
        "the filter has 1 to 20,000 characters": not 1 <= len(body.get("filter", "")) <= 20_000,
        "the description has at most 8,000 characters": len(body.get("description", "")) > 8_000,
        "each label needs an extractor, and each extractor a label": labels != set(extractors),
        "an extractor is EXTRACT(field) or REGEXP_EXTRACT(field, regex)": not all(
            map(_EXTRACTOR.fullmatch, extractors.values())
        ),
        "a counter has metricKind DELTA": descriptor.get("metricKind", "DELTA") != "DELTA",
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise invalid(f"Invalid log-based metric: {what}.")


def _check_change(before: Json, after: Json) -> None:
    old, new = before.get("metricDescriptor", {}), after.get("metricDescriptor", {})
    if any(old.get(field) != new.get(field, old.get(field)) for field in ("metricKind", "valueType")):
        raise invalid("metricKind and valueType of a metric cannot be changed.")
    if not {label["key"] for label in old.get("labels", [])} <= {label["key"] for label in new.get("labels", [])}:
        raise invalid("Labels of a metric cannot be removed.")


def _metric(item: Json) -> Metric:
    labels = frozenset(label["key"] for label in item["metricDescriptor"].get("labels", []))
    return Metric("cloud_run_revision", labels, "DELTA", item["metricDescriptor"].get("valueType", "INT64"))
