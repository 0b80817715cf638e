"""``monitoring.googleapis.com`` v3: time series of the messages of subscriptions, and of the requests to functions.

The values are those of the Pub/Sub that has the messages, and of the front end that has the requests, at the time of
the question. Google's values are up to three minutes late; here a test can set ``lag_s``. A subscription younger than
that has no value, and a metric without any value is answered with 404. Points come newest first, and integers are
text. A filter names exactly one metric type, its resource type and labels; any other term, and any parameter that is
not applied here, is refused, so that a test notices it.
https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.emulators.clouds.exchange import Json, Request, Route
from tests.emulators.clouds.google.data_plane import Waiting
from tests.emulators.clouds.google.estate import Estate, timestamp
from tests.emulators.clouds.google.problems import Problem, invalid, not_found
from tests.emulators.clouds.google.pubsub import PubSub
from tests.emulators.clouds.google.served_requests import Served, ServedRequests

MESSAGES = "pubsub.googleapis.com/subscription/num_undelivered_messages"
OLDEST = "pubsub.googleapis.com/subscription/oldest_unacked_message_age"
REQUESTS = "run.googleapis.com/request_count"
LABELS = {
    "pubsub_subscription": ("subscription_id", "project_id"),
    "cloud_run_revision": ("service_name", "location", "revision_name", "project_id"),
}
"""The labels of each resource type that a filter may have."""
SAMPLED_S = 60
_TERM = re.compile(r'\s*([a-z_.]+)\s*=\s*(?:"([^"]*)"|one_of\(([^)]*)\))\s*')
_PLAIN = {"filter", "interval.startTime", "interval.endTime", "view", "pageSize", "alt"}
_AGGREGATION = {"alignmentPeriod", "perSeriesAligner", "crossSeriesReducer", "groupByFields"}
_ALIGNERS = {"ALIGN_SUM", "ALIGN_DELTA"}


@dataclass(frozen=True, slots=True)
class _Question:
    """The filter, the interval in seconds since 1970, and the aggregation of a request."""

    metric: str
    wanted: Mapping[str, frozenset[str]]
    began_at: float
    ended_at: float
    aggregation: Mapping[str, Sequence[str]]

    def is_wanted(self, labels: Mapping[str, str]) -> bool:
        """Return whether the filter matches these labels of a resource."""
        return all(labels.get(name) in values for name, values in self.wanted.items())


class Monitoring:
    """The metrics of a project's subscriptions and functions."""

    def __init__(self, estate: Estate, pubsub: PubSub, requests: ServedRequests) -> None:
        self.lag_s = 0.0
        self._estate = estate
        self._pubsub = pubsub
        self._requests = requests

    def routes(self) -> list[Route]:
        """Return the routes of the API."""
        return [Route("GET", "/v3/projects/{project}/timeSeries", self._list, "monitoring.timeSeries.list")]

    def _list(self, request: Request, project: str) -> Json:
        self._estate.check_project(project)
        question = _question(request)
        readers: Mapping[str, Callable[[_Question, float], list[Json]]] = {
            MESSAGES: self._gauges,
            OLDEST: self._gauges,
            REQUESTS: self._counts,
        }
        if question.metric not in readers:
            raise _unknown(question.metric)
        at = min(time.time() - self.lag_s, question.ended_at)
        series = readers[question.metric](question, at)
        return {"timeSeries": series, "unit": "s" if question.metric == OLDEST else "1"} if series else {}

    def _gauges(self, question: _Question, at: float) -> list[Json]:
        if question.aggregation:
            raise invalid("Not played here: an aggregation of this metric.")
        measured = self._pubsub.measured(made_before=at)
        if not measured:
            raise _unknown(question.metric)
        if at < question.began_at:
            return []
        labelled = {name: {"subscription_id": name, "project_id": self._estate.project} for name in measured}
        return [
            _gauge(question.metric, labelled[name], waiting, at)
            for name, waiting in measured.items()
            if question.is_wanted(labelled[name])
        ]

    def _counts(self, question: _Question, at: float) -> list[Json]:
        served = self._requests.until(at)
        if not served:
            raise _unknown(question.metric)
        period_s, by = _alignment(question.aggregation)
        counts: dict[tuple[tuple[str, str], ...], Counter[int]] = {}
        for request in served:
            resource = self._resource(request)
            if request.at <= question.began_at or not question.is_wanted(resource):
                continue
            labels = {f"resource.labels.{name}": value for name, value in resource.items()} | _of_metric(request)
            kept = {name: value for name, value in labels.items() if by is None or name in by}
            place = int((question.ended_at - request.at) // period_s)
            counts.setdefault(tuple(sorted(kept.items())), Counter())[place] += 1
        kind = "GAUGE" if "ALIGN_SUM" in question.aggregation.get("perSeriesAligner", ()) else "DELTA"
        return [_delta(dict(labels), kind, places, question.ended_at, period_s) for labels, places in counts.items()]

    def _resource(self, request: Served) -> dict[str, str]:
        names = {"service_name": request.service, "location": request.region, "revision_name": request.revision}
        return {**names, "project_id": self._estate.project}


def _of_metric(request: Served) -> dict[str, str]:
    code = str(request.status)
    return {"metric.labels.response_code": code, "metric.labels.response_code_class": f"{code[0]}xx"}


def _gauge(metric: str, labels: Mapping[str, str], waiting: Waiting, at: float) -> Json:
    oldest_s = 0 if waiting.oldest_at is None else max(0, int(at - waiting.oldest_at))
    value = waiting.messages if metric == MESSAGES else oldest_s
    return {
        "metric": {"type": metric},
        "resource": {"type": "pubsub_subscription", "labels": labels},
        "metricKind": "GAUGE",
        "valueType": "INT64",
        "points": [_point(at, at, value)],
    }


def _delta(labels: Mapping[str, str], kind: str, places: Mapping[int, int], ended_at: float, period_s: int) -> Json:
    """Return one series; ``places``: the counts by the number of periods before the end."""
    parts: dict[str, dict[str, str]] = {"metric": {}, "resource": {}}
    for name, value in labels.items():
        part, _, label = name.partition(".labels.")
        parts[part][label] = value
    ends = {place: ended_at - place * period_s for place in places}
    return {
        "metric": {"type": REQUESTS, "labels": parts["metric"]},
        "resource": {"type": "cloud_run_revision", "labels": parts["resource"]},
        "metricKind": kind,
        "valueType": "INT64",
        "points": [_point(ends[place] - period_s, ends[place], places[place]) for place in sorted(places)],
    }


def _point(began_at: float, ended_at: float, value: int) -> Json:
    interval = {"startTime": timestamp(began_at), "endTime": timestamp(ended_at)}
    return {"interval": interval, "value": {"int64Value": str(value)}}


def _question(request: Request) -> _Question:
    given = {name: values for name, values in request.query.items() if name.startswith("aggregation.")}
    aggregation = {name.removeprefix("aggregation."): values for name, values in given.items()}
    unknown = sorted((set(request.query) - set(given) - _PLAIN) | (set(aggregation) - _AGGREGATION))
    if unknown:
        raise invalid(f"Not played here: {', '.join(unknown)}.")
    began_at, ended_at = _instant(request, "interval.startTime"), _instant(request, "interval.endTime")
    if began_at > ended_at:
        raise invalid("The start time must be before the end time.")
    metric, wanted = _wanted(request.parameter("filter"))
    return _Question(metric, wanted, began_at, ended_at, aggregation)


def _instant(request: Request, name: str) -> float:
    try:
        return datetime.fromisoformat(request.parameter(name)).timestamp()
    except ValueError as error:
        raise invalid(f"Field {name} had an invalid value: it has to be a time.") from error


def _wanted(text: str) -> tuple[str, dict[str, frozenset[str]]]:
    """Return the metric of a filter, and the values that it allows for labels of the resource."""
    terms: dict[str, tuple[str, ...]] = {}
    for part in re.split(r"\bAND\b", text):
        match = _TERM.fullmatch(part)
        if not match:
            raise invalid(f'Field filter had an invalid value: Could not parse filter "{text}".')
        key, one, several = match.groups()
        terms[key] = tuple(re.findall(r'"([^"]*)"', several)) if one is None else (one,)
    metrics = terms.pop("metric.type", ())
    if len(metrics) != 1:
        raise invalid(f'Field filter had an invalid value: "{text}": it must name exactly one metric type.')
    resource = "cloud_run_revision" if metrics[0].startswith("run.") else "pubsub_subscription"
    known = {f"resource.labels.{label}" for label in LABELS[resource]}
    if terms.pop("resource.type", (resource,)) != (resource,) or terms.keys() - known:
        raise invalid(f"Field filter had an invalid value: not played here: {text}")
    return metrics[0], {name.removeprefix("resource.labels."): frozenset(values) for name, values in terms.items()}


def _alignment(aggregation: Mapping[str, Sequence[str]]) -> tuple[int, frozenset[str] | None]:
    """Return the seconds of a period, and the labels that are kept; None for all of them."""
    if not aggregation:
        return SAMPLED_S, None
    period = re.fullmatch(r"(\d+)s", aggregation.get("alignmentPeriod", [""])[-1])
    if not period or int(period[1]) < SAMPLED_S:
        raise invalid("Field aggregation.alignmentPeriod had an invalid value: at least 60s.")
    if aggregation.get("perSeriesAligner", [""])[-1] not in _ALIGNERS:
        raise invalid("Field aggregation.perSeriesAligner had an invalid value: it does not fit a DELTA metric.")
    reducer, fields = aggregation.get("crossSeriesReducer", [""])[-1], aggregation.get("groupByFields", [])
    if reducer not in {"", "REDUCE_SUM"} or (fields and not reducer):
        raise invalid("Field aggregation.crossSeriesReducer had an invalid value.")
    known = {f"resource.labels.{label}" for label in LABELS["cloud_run_revision"]}
    known |= {"metric.labels.response_code", "metric.labels.response_code_class"}
    if set(fields) - known:
        raise invalid(f"Field aggregation.groupByFields had an invalid value: {', '.join(fields)}.")
    return int(period[1]), frozenset(fields) if reducer else None


def _unknown(metric: str) -> Problem:
    return not_found(
        f'Cannot find metric(s) that match type = "{metric}". If a metric was created recently, it could take up to 10 '
        "minutes to become available. Please try again soon."
    )
