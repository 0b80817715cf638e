"""What the alerts of a deployment watch: alert policies, log-based metrics and a dashboard, as data of Google's APIs.

Every condition costs money each month (docs/cost.md), so one policy may stand for several causes with one condition.
Native metrics come before log-based ones: they need no log line, and exist before the policy does.

* Policies: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies
* Log-based metrics: https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics
* Dashboards: https://cloud.google.com/monitoring/api/ref_v1/rest/v1/projects.dashboards
* Metrics: https://cloud.google.com/monitoring/api/metrics_gcp
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from deploy.bigquery.place import TABLE
from deploy.program import MODULE
from deploy.spec import ALERT_DEFAULTS, MARK, Spec
from function.outcomes import BY_ERROR

HOUR_S = 3600
WINDOW = "300s"
SHARE_WINDOW = "1800s"
"""The window of a share. In a shorter one, a single refused request of a small site would be a large share."""

LASTING = "2700s"
"""How long the share of answers 401 has to be too high. ``rotate`` proves a secret by 48 to 96 requests, each answered
with 401, within 3 to 8 minutes; they are in the share for another ``SHARE_WINDOW``. Google counts no execution ids."""

PROBE = "dt-pubsub-probe"
"""The beginning of the execution id of a request by which this command proves a secret. It is no reason to alert."""

REJECTED = tuple(sorted({outcome.reason for outcome in BY_ERROR.values() if outcome.status == 200}))
"""The reasons for which an event is kept on the rejected topic."""

KEPT = "jsonPayload.status=200"
"""The term of a filter that leaves out what ``replay`` and ``backfill`` sent: the function refuses that with 422."""

SIGNED = ("checksum", "clock")
FAULTS = ("internal", "keys", "publish_config", "publish_rejected")
"""Reasons that are rare, so that each log line may alert."""

REQUESTS = "run.googleapis.com/request_count"
LATENCIES = "run.googleapis.com/request_latencies"
INSTANCES = "run.googleapis.com/container/instance_count"
MEMORY = "run.googleapis.com/container/memory/utilizations"
UNREAD = "pubsub.googleapis.com/subscription/num_undelivered_messages"
OLDEST = "pubsub.googleapis.com/subscription/oldest_unacked_message_age"

_MAX_CONTENT = 8_000
"""Characters of a policy's documentation. Google's limits are 8,192 characters and 10,240 bytes."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert policy. ``key``: its stable name. ``pages``: its pages in docs/runbook/. ``body``: what Google gets.

    ``unset``: the threshold of each condition, by its displayed name, that no setting names, as kind and field.
    """

    key: str
    pages: tuple[str, ...]
    body: Mapping[str, Any]
    unset: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogMetric:
    """One log-based metric. ``key``: the last part of its name."""

    key: str
    name: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of a policy: its title, its meaning in a sentence or two, and the command to run first."""

    title: str
    meaning: str
    first: str


@dataclass(frozen=True, slots=True)
class _Condition:
    """One condition: its displayed name, its kind, its fields, and the setting of its threshold if there is one."""

    name: str
    kind: str
    fields: Mapping[str, Any]
    setting: str = ""
    threshold: str = "thresholdValue"

    def body(self) -> dict[str, Any]:
        return {"displayName": self.name, self.kind: dict(self.fields)}


def alerts_of(spec: Spec) -> tuple[Alert, ...]:
    """Return the alert policies of a deployment. The one whose metric may be too new at first is the last."""
    return (
        _no_events(spec),
        _server_errors(spec),
        _unauthorized(spec),
        _backlog(spec),
        _signed(spec),
        _faults(spec),
        _memory(spec),
        _instances(spec),
        *([_unwritten(spec)] if spec.bigquery.is_on else []),
        _rejected(spec),
    )


def metric_prefix(name: str) -> str:
    """Return the beginning of the names of a deployment's log-based metrics, which have no labels."""
    return f"{MARK}/{name}/"


def log_metrics_of(spec: Spec) -> tuple[LogMetric, ...]:
    """Return the log-based metrics of a deployment."""
    body = {
        "description": f"Events that {spec.name} kept on the rejected topic, by reason ({spec.mark})",
        "filter": f"{_log_filter(spec, REJECTED)} {KEPT}",
        "labelExtractors": {"reason": "EXTRACT(jsonPayload.reason)"},
        "metricDescriptor": {
            "metricKind": "DELTA",
            "valueType": "INT64",
            "unit": "1",
            "labels": [{"key": "reason"}],  # of type STRING, which is the default: Google does not return it
        },
    }
    return (LogMetric("rejected", f"{metric_prefix(spec.name)}rejected", body),)


def dashboard_of(spec: Spec) -> dict[str, Any]:
    """Return the dashboard of a deployment, without its name."""
    rejected = f'metric.type = "{_rejected_metric(spec)}" AND resource.type = "cloud_run_revision"'
    named = [spec.topic, spec.rejected_topic]
    named += [spec.bigquery_subscription, spec.unwritten_topic] if spec.bigquery.is_on else []
    named += [name for wanted in spec.subscriptions for name in (wanted.name, wanted.dead_letter) if name]
    of_topics = "one_of({})".format(", ".join(f'"{name}"' for name in dict.fromkeys(named)))
    unread, oldest = (
        f"{_metric(metric, 'pubsub_subscription')} AND resource.labels.subscription_id = {of_topics}"
        for metric in (UNREAD, OLDEST)
    )
    by_subscription = "resource.label.subscription_id"
    by_class = "metric.label.response_code_class"
    tiles = (
        _chart("Requests by answer", "STACKED_BAR", _runs(spec, REQUESTS), ("ALIGN_DELTA", "REDUCE_SUM", by_class)),
        _chart(
            "Time to answer, 99th percentile (ms)",
            "LINE",
            _runs(spec, LATENCIES),
            ("ALIGN_PERCENTILE_99", "REDUCE_MAX"),
        ),
        _chart(
            "Rejected events by reason", "STACKED_BAR", rejected, ("ALIGN_DELTA", "REDUCE_SUM", "metric.label.reason")
        ),
        _chart("Unread messages", "LINE", unread, ("ALIGN_MAX", "REDUCE_MAX", by_subscription)),
        _chart("Age of the oldest unread message (s)", "LINE", oldest, ("ALIGN_MAX", "REDUCE_MAX", by_subscription)),
        _chart("Instances", "STACKED_AREA", _runs(spec, INSTANCES), ("ALIGN_MAX", "REDUCE_SUM", "metric.label.state")),
        _chart("Memory, 99th percentile (share)", "LINE", _runs(spec, MEMORY), ("ALIGN_PERCENTILE_99", "REDUCE_MAX")),
        {
            "title": "Log: warnings and errors",
            "logsPanel": {
                "filter": f"{_of_service(spec)} severity>=WARNING",
                "resourceNames": [f"projects/{spec.google_project}"],
            },
        },
    )
    placed = [
        {"xPos": 24 * (place % 2), "yPos": 16 * (place // 2), "width": 24, "height": 16, "widget": tile}
        for place, tile in enumerate(tiles)
    ]
    return {"displayName": spec.name, "mosaicLayout": {"columns": 48, "tiles": placed}}


def _no_events(spec: Spec) -> Alert:
    hours = _threshold(spec, "no_events_hours")
    fields = {
        "filter": f'{_runs(spec, REQUESTS)} AND metric.labels.response_code_class = "2xx"',
        "aggregations": [_aggregation(WINDOW, "ALIGN_DELTA", "REDUCE_SUM")],
        "duration": f"{hours * HOUR_S}s",
        "trigger": {"count": 1},
    }
    text = _Text(
        "no events arrive",
        "The function has answered no request with 2xx for hours, although it had done so before. Either DT sends "
        "nothing, perhaps because it has switched the Data Connector off, or the function refuses everything. This "
        "alert needs one answered event after it was made or changed.",
        f"{MODULE} status",
    )
    condition = _Condition("No event was answered with 2xx", "conditionAbsent", fields, "no_events_hours", "duration")
    return _alert(spec, "no-events", ("no-events", "connector-disabled"), "CRITICAL", text, [condition])


def _server_errors(spec: Spec) -> Alert:
    text = _Text(
        "many answers 5xx",
        "A part of DT's requests was answered with 5xx. DT repeats them for 12 hours, so nothing is lost yet.",
        _read_log(spec, "severity>=ERROR"),
    )
    condition = _share(
        spec, "Share of answers 5xx", 'metric.labels.response_code_class = "5xx"', "server_error_percent"
    )
    return _alert(spec, "server-errors", ("server-errors",), "ERROR", text, [condition])


def _unauthorized(spec: Spec) -> Alert:
    text = _Text(
        "many answers 401",
        "Most requests have no valid signature. Either the connector has another secret than the function, or a "
        "stranger calls the URL. DT repeats its events for 12 hours. A rotation makes such requests, too, so this "
        "fires only after 45 minutes; if `rotate` has just run, and had to wait for long, it may be that.",
        _read_log(spec, _reasons(("checksum", "signature", "unsigned"))),
    )
    condition = _share(
        spec, "Share of answers 401", 'metric.labels.response_code = "401"', "unauthorized_percent", LASTING
    )
    return _alert(spec, "unauthorized", ("unauthorized",), "ERROR", text, [condition])


def _backlog(spec: Spec) -> Alert:
    of = f' AND resource.labels.subscription_id = "{spec.topic}"'
    age, count = (
        {
            **_above(limit),
            "filter": f"{_metric(metric, 'pubsub_subscription')}{of}",
            "aggregations": [_aggregation(WINDOW, "ALIGN_MAX", "REDUCE_MAX")],
            "duration": WINDOW,
        }
        for metric, limit in (
            (OLDEST, _threshold(spec, "unread_hours") * HOUR_S),
            (UNREAD, _threshold(spec, "unread_messages")),
        )
    )
    text = _Text(
        "events are not read",
        f"Events wait in the subscription {spec.topic}. Its subscriber has stopped, is too slow, or does not exist. "
        "Pub/Sub deletes unread events after the retention of the subscription.",
        f"{MODULE} status",
    )
    conditions = [
        _Condition("Age of the oldest unread event", "conditionThreshold", age, "unread_hours"),
        _Condition("Number of unread events", "conditionThreshold", count, "unread_messages"),
    ]
    return _alert(spec, "backlog", ("backlog",), "WARNING", text, conditions)


def _unwritten(spec: Spec) -> Alert:
    """Return the policy of the subscription that writes to BigQuery.

    No metric has its state. In an error state nothing is written, so the oldest message becomes older; a row that
    BigQuery refuses becomes a dead letter.
    """
    of = "resource.labels.subscription_id"
    waiting = {
        **_above(_threshold(spec, "unread_hours") * HOUR_S),
        "filter": f'{_metric(OLDEST, "pubsub_subscription")} AND {of} = "{spec.bigquery_subscription}"',
        "aggregations": [_aggregation(WINDOW, "ALIGN_MAX", "REDUCE_MAX")],
        "duration": WINDOW,
    }
    refused = {
        **_above(0),
        "filter": f'{_metric(UNREAD, "pubsub_subscription")} AND {of} = "{spec.unwritten_topic}"',
        "aggregations": [_aggregation(WINDOW, "ALIGN_MAX", "REDUCE_MAX")],
        "duration": "0s",
    }
    text = _Text(
        "events are not written to BigQuery",
        f"Events wait in the subscription {spec.bigquery_subscription} because nothing can be written to the dataset "
        f"{spec.bigquery.dataset}, or BigQuery refused some, which are kept in {spec.unwritten_topic}. Nothing is lost "
        "for 31 days.",
        f"{MODULE} status",
    )
    conditions = [
        _Condition("Age of the oldest unwritten event", "conditionThreshold", waiting, "unread_hours"),
        _Condition("Events that BigQuery refused", "conditionThreshold", refused),
    ]
    return _alert(spec, "bigquery", ("bigquery",), "ERROR", text, conditions)


def _signed(spec: Spec) -> Alert:
    text = _Text(
        "a signed request was refused",
        "A request with a valid signature was refused: checksum means that the body is not the signed one, clock that "
        "it was signed in the future. Its sender has the secret.",
        _read_log(spec, _reasons(SIGNED)),
    )
    no_probe = f' NOT labels.execution_id:"{PROBE}"'
    condition = _log_line("A signed request was refused", _log_filter(spec, SIGNED) + no_probe)
    return _alert(spec, "signed-refused", ("checksum", "clock"), "ERROR", text, [condition])


def _faults(spec: Spec) -> Alert:
    text = _Text(
        "the function cannot work",
        "keys: there is no secret to verify with. publish_config, publish_rejected: a topic cannot be used. internal: "
        "an error that was not foreseen. DT repeats its events for 12 hours.",
        _read_log(spec, _reasons(FAULTS)),
    )
    condition = _log_line("The function cannot work", _log_filter(spec, FAULTS))
    return _alert(spec, "faults", ("keys", "publish", "server-errors"), "CRITICAL", text, [condition])


def _memory(spec: Spec) -> Alert:
    fields = {
        **_above(_threshold(spec, "memory_percent") / 100),
        "filter": _runs(spec, MEMORY),
        "aggregations": [_aggregation(WINDOW, "ALIGN_PERCENTILE_99", "REDUCE_MAX")],
        "duration": WINDOW,
    }
    text = _Text(
        "memory is nearly full",
        "An instance uses nearly all of its memory. Beyond that, Cloud Run ends it, and DT repeats the events that it "
        "was working on.",
        f"{MODULE} plan",
    )
    condition = _Condition("Memory of an instance", "conditionThreshold", fields, "memory_percent")
    return _alert(spec, "memory", ("memory",), "WARNING", text, [condition])


def _instances(spec: Spec) -> Alert:
    fields = {
        **_above(0),
        "filter": f'{_runs(spec, REQUESTS)} AND metric.labels.response_code = "429"',
        "aggregations": [_aggregation(WINDOW, "ALIGN_DELTA", "REDUCE_SUM")],
        "duration": "0s",
    }
    text = _Text(
        "the maximum of instances is reached",
        "Cloud Run refused requests with 429, because no further instance may start. DT repeats these events.",
        f"{MODULE} plan",
    )
    condition = _Condition("Requests without an instance", "conditionThreshold", fields)
    return _alert(spec, "instances", ("instances",), "ERROR", text, [condition])


def _rejected(spec: Spec) -> Alert:
    fields = {
        **_above(0),
        "filter": f'metric.type = "{_rejected_metric(spec)}" AND resource.type = "cloud_run_revision"',
        "aggregations": [_aggregation(WINDOW, "ALIGN_DELTA", "REDUCE_SUM", "metric.label.reason")],
        "duration": "0s",
    }
    text = _Text(
        "events are rejected",
        f"Events of DT cannot be used, and are kept on the topic {spec.rejected_topic}. The label reason says why.",
        _read_log(spec, f"{_reasons(REJECTED)} AND {KEPT}"),
    )
    condition = _Condition("Rejected events of one reason", "conditionThreshold", fields)
    return _alert(spec, "rejected", ("rejected",), "WARNING", text, [condition])


def _alert(
    spec: Spec, key: str, pages: tuple[str, ...], severity: str, text: _Text, conditions: Sequence[_Condition]
) -> Alert:
    is_log = conditions[0].kind == "conditionMatchedLog"
    limited = {"notificationRateLimit": {"period": "3600s"}} if is_log else {}
    body = {
        "displayName": f"{spec.name}: {text.title}",
        "documentation": _documentation(spec, text, pages),
        "conditions": [condition.body() for condition in conditions],
        "combiner": "OR",
        "severity": severity,
        "alertStrategy": {**limited, "autoClose": "86400s"},
    }
    unset = {
        condition.name: (condition.kind, condition.threshold)
        for condition in conditions
        if condition.threshold in condition.fields and condition.setting not in spec.alerts.thresholds
    }
    return Alert(key, pages, body, unset)


def _documentation(spec: Spec, text: _Text, pages: Sequence[str]) -> dict[str, Any]:
    """Return the text of an alert: its meaning, the first command, and the link to its pages or their text."""
    where = f"function {spec.name} in {spec.google_project}, {spec.region}"
    content = f"{text.meaning}\n\nFirst run this ({where}):\n\n    {text.first}\n"
    if spec.alerts.runbook_url:
        base = spec.alerts.runbook_url.rstrip("/")
        links = [{"displayName": f"Runbook: {page}", "url": f"{base}/{page}.md"} for page in pages]
        return {"content": content, "mimeType": "text/markdown", "links": links}
    texts = [page_text(spec, spec.alerts.pages[page]) for page in pages if page in spec.alerts.pages]
    return {"content": "\n".join([content, *texts])[:_MAX_CONTENT], "mimeType": "text/markdown"}


def page_text(spec: Spec, text: str) -> str:
    """Return a page of the runbook for this deployment: its own names in place of those of the examples."""
    names = {
        "my-project": spec.google_project,
        "europe-west1": spec.region,
        "dt-events": spec.topic,
        "dt-rejected": spec.rejected_topic,
        "sensors.events": f"{spec.bigquery.dataset}.{TABLE}",
        "dt-signature": spec.secret,
        '"dt-pubsub"': f'"{spec.name}"',
        "--service=dt-pubsub": f"--service={spec.name}",
        "functions describe dt-pubsub": f"functions describe {spec.name}",
    }
    return _named_otherwise(text, tuple(names.items()))


@lru_cache(maxsize=256)  # because policies share pages, and each change of a policy plans all of them again
def _named_otherwise(text: str, names: tuple[tuple[str, str], ...]) -> str:
    without_links = re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", text)  # a path of this repository, or a page's name
    without_links = re.sub(r"\[([^\]]+)\]\(([\w-]+)\.md\)", r"\1 (page \2)", without_links)
    own = dict(names)
    return re.sub("|".join(map(re.escape, own)), lambda match: own[match[0]], without_links)


def _threshold(spec: Spec, name: str) -> int:
    return spec.alerts.thresholds.get(name, ALERT_DEFAULTS[name])


def _above(limit: float) -> dict[str, Any]:
    return {"comparison": "COMPARISON_GT", "thresholdValue": limit, "trigger": {"count": 1}}


def _share(spec: Spec, name: str, term: str, setting: str, lasting: str = "0s") -> _Condition:
    """Return a condition on the share of some requests among all of half an hour. ``lasting``: how long it is so."""
    everything, aggregation = _runs(spec, REQUESTS), [_aggregation(SHARE_WINDOW, "ALIGN_RATE", "REDUCE_SUM")]
    fields = {
        **_above(_threshold(spec, setting) / 100),
        "filter": f"{everything} AND {term}",
        "aggregations": aggregation,
        "denominatorFilter": everything,
        "denominatorAggregations": aggregation,
        "duration": lasting,
    }
    return _Condition(name, "conditionThreshold", fields, setting)


def _log_line(name: str, wanted: str) -> _Condition:
    fields = {"filter": wanted, "labelExtractors": {"reason": "EXTRACT(jsonPayload.reason)"}}
    return _Condition(name, "conditionMatchedLog", fields)


def _aggregation(period: str, aligner: str, reducer: str, *fields: str) -> dict[str, Any]:
    """Return an aggregation over all revisions: the series of a revision ends with the next deployment."""
    grouped = {"groupByFields": list(fields)} if fields else {}
    return {"alignmentPeriod": period, "perSeriesAligner": aligner, "crossSeriesReducer": reducer, **grouped}


def _chart(title: str, plot: str, wanted: str, how: Sequence[str]) -> dict[str, Any]:
    series = {"filter": wanted, "aggregation": _aggregation(WINDOW, *how)}
    return {
        "title": title,
        "xyChart": {"dataSets": [{"plotType": plot, "timeSeriesQuery": {"timeSeriesFilter": series}}]},
    }


def _metric(metric: str, resource: str) -> str:
    return f'metric.type = "{metric}" AND resource.type = "{resource}"'


def _runs(spec: Spec, metric: str) -> str:
    """Return the filter of a metric of the function's Cloud Run service."""
    place = f'resource.labels.service_name = "{spec.name}" AND resource.labels.location = "{spec.region}"'
    return f"{_metric(metric, 'cloud_run_revision')} AND {place}"


def _rejected_metric(spec: Spec) -> str:
    return f"logging.googleapis.com/user/{metric_prefix(spec.name)}rejected"


def _of_service(spec: Spec) -> str:
    place = f'resource.labels.service_name="{spec.name}" resource.labels.location="{spec.region}"'
    return f'resource.type="cloud_run_revision" {place}'


def _reasons(reasons: Sequence[str]) -> str:
    return f"jsonPayload.reason=({' OR '.join(f'{chr(34)}{reason}{chr(34)}' for reason in reasons)})"


def _log_filter(spec: Spec, reasons: Sequence[str]) -> str:
    return f"{_of_service(spec)} {_reasons(reasons)}"


def _read_log(spec: Spec, wanted: str) -> str:
    """Return the command that shows the newest such lines of the function's log."""
    query = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{spec.name}" AND {wanted}'
    shown = "--format='value(timestamp, severity, jsonPayload.message)'"
    return f"gcloud logging read '{query}' {spec.project_flag} --freshness=1d --limit=20 {shown}"
