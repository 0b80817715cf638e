"""``monitoring.googleapis.com`` v3: the number of unacknowledged messages of subscriptions, and the age of the oldest.

The values come from the Pub/Sub that has the messages, at the time of the request. Google's values are up to three
minutes late; here a test can set ``lag_s``. A subscription younger than that has no value, and a metric without any
value is answered with 404. A filter may name one metric and its subscriptions; any other term is refused, so that a
test notices a filter that the stand-in does not apply.
https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list
"""

import re
import time
from collections.abc import Mapping
from datetime import datetime

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google.data_plane import Waiting
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.problems import invalid, not_found
from tests.emulators.clouds.google.pubsub import PubSub

_PREFIX = "pubsub.googleapis.com/subscription/"
_METRICS = ("num_undelivered_messages", "oldest_unacked_message_age")
_TERM = re.compile(r'\s*([a-z_.]+)\s*=\s*(?:"([^"]*)"|one_of\(([^)]*)\))\s*')
_PLAYED = {"filter", "interval.startTime", "interval.endTime", "view", "pageSize", "alt"}


class Monitoring:
    """The metrics of a project's subscriptions."""

    def __init__(self, estate: Estate, pubsub: PubSub) -> None:
        self.lag_s = 0.0
        self._estate = estate
        self._pubsub = pubsub

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        return [Route("GET", "/v3/projects/{project}/timeSeries", self._list, "monitoring.timeSeries.list")]

    def _list(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        if unknown := sorted(set(request.query) - _PLAYED):
            raise invalid(f"Not played here: {', '.join(unknown)}.")
        began_at, ended_at = _instant(request, "interval.startTime"), _instant(request, "interval.endTime")
        if began_at > ended_at:
            raise invalid("The start time must be before the end time.")
        metric, names = _wanted(request.parameter("filter"))
        at = min(time.time() - self.lag_s, ended_at)
        measured = self._pubsub.measured(made_before=at)
        if not measured:
            raise not_found(
                f'Cannot find metric(s) that match type = "{_PREFIX}{metric}". If a metric was created recently, it '
                "could take up to 10 minutes to become available. Please try again soon."
            )
        wanted = {name: waiting for name, waiting in measured.items() if names is None or name in names}
        series = [self._series(metric, name, waiting, at) for name, waiting in wanted.items() if began_at <= at]
        return {"timeSeries": series, "unit": "s" if metric == _METRICS[1] else "1"} if series else {}

    def _series(self, metric: str, name: str, waiting: Waiting, at: float) -> Json:
        oldest_s = 0 if waiting.oldest_at is None else max(0, int(at - waiting.oldest_at))
        value = waiting.messages if metric == _METRICS[0] else oldest_s
        labels = {"project_id": self._estate.project, "subscription_id": name}
        moment = timestamp(at)
        return {
            "metric": {"type": f"{_PREFIX}{metric}"},
            "resource": {"type": "pubsub_subscription", "labels": labels},
            "metricKind": "GAUGE",
            "valueType": "INT64",
            "points": [{"interval": {"startTime": moment, "endTime": moment}, "value": {"int64Value": str(value)}}],
        }


def _instant(request: Request, name: str) -> float:
    try:
        return datetime.fromisoformat(request.parameter(name)).timestamp()
    except ValueError as error:
        raise invalid(f"Field {name} had an invalid value: it has to be a time.") from error


def _wanted(text: str) -> tuple[str, frozenset[str] | None]:
    """Return the metric of a filter, and the names of its subscriptions, or None if it has none."""
    terms: dict[str, tuple[str, ...]] = {}
    for part in re.split(r"\bAND\b", text):
        match = _TERM.fullmatch(part)
        if not match:
            raise invalid(f'Field filter had an invalid value: Could not parse filter "{text}".')
        key, one, several = match.groups()
        terms[key] = tuple(re.findall(r'"([^"]*)"', several)) if one is None else (one,)
    metric = _metric_of(terms, text)
    known = {"metric.type", "resource.type", "resource.labels.subscription_id"}
    if terms.keys() - known or terms.get("resource.type", ("pubsub_subscription",)) != ("pubsub_subscription",):
        raise invalid(f"Field filter had an invalid value: not played here: {text}")
    names = terms.get("resource.labels.subscription_id")
    return metric, None if names is None else frozenset(names)


def _metric_of(terms: Mapping[str, tuple[str, ...]], text: str) -> str:
    metrics = terms.get("metric.type", ())
    if len(metrics) != 1:
        raise invalid(f'Field filter had an invalid value: "{text}": it must name exactly one metric type.')
    metric = metrics[0].removeprefix(_PREFIX)
    if metric not in _METRICS or metric == metrics[0]:
        raise not_found(f'Cannot find metric(s) that match type = "{metrics[0]}".')
    return metric
