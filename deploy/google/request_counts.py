"""How many requests the function has answered, by HTTP status, from Cloud Monitoring. Pure.

Cloud Run counts every request once a minute, also those that never reached the function's code, and Google shows a
count up to three minutes late: https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-run. A request that the
function refuses is counted, too, so that this number is exact where the log is sampled. The rate is that of the
requests that DT sends: a scanner or a probe gets 401, 403, 404 or 405, and says nothing about events.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.google.time_series import points_of
from deploy.google.time_series import question as question_of
from deploy.spec import Spec

DAY_S = 86_400
RECENT_S = 3 * 3600
"""The same three hours of which DT counts the deliveries."""

PERIOD_S = 300
"""The counts are added up for every five minutes."""

SENT = ("delivered", "failed")
"""The kinds of answers to the requests that DT sends."""


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """The requests of a day. ``day`` and ``recent``: by HTTP status, such as ``{"200": 120}``.

    ``since``: the beginning of the first five minutes with a request that was delivered or failed, ``until``: the time
    of the reading, ``last_ok``: the end of the last five minutes with an answer 2xx; all in seconds since 1970, and
    None if there was none. By the end of their five minutes, ``delivered``: the answers 2xx, ``failed``: 5xx, 408 and
    429, and ``unauthorized``: 401. The others, such as 404 and 405, are not those that DT gets.
    """

    until: float
    day: Mapping[str, int] = field(default_factory=dict)
    recent: Mapping[str, int] = field(default_factory=dict)
    since: float | None = None
    last_ok: float | None = None
    delivered: Mapping[float, int] = field(default_factory=dict)
    failed: Mapping[float, int] = field(default_factory=dict)
    unauthorized: Mapping[float, int] = field(default_factory=dict)

    @property
    def per_s(self) -> float:
        """Requests that DT sends per second, delivered or failed, on average since the first one of the day."""
        sent = sum(count for status, count in self.day.items() if _kind(status) in SENT)
        return sent / self.measured_s if self.measured_s else 0.0

    @property
    def measured_s(self) -> float:
        """Seconds over which the rate was measured: since the first such request of the day, and 0 without one."""
        return 0.0 if self.since is None else max(self.until - self.since, float(PERIOD_S))

    def recently(self, beginning: str) -> int:
        """Return the number of recent answers whose status begins like this: ``"5"`` for all 5xx, "" for all."""
        return sum(count for status, count in self.recent.items() if status.startswith(beginning))


def question(spec: Spec, now: float) -> dict[str, str]:
    """Return the parameters of ``timeSeries.list`` for the requests of a day.

    All revisions are added up, because each deployment begins the series of another revision.
    """
    wanted = (
        'metric.type = "run.googleapis.com/request_count" AND resource.type = "cloud_run_revision" AND '
        f'resource.labels.service_name = "{spec.name}" AND resource.labels.location = "{spec.region}"'
    )
    return question_of(
        wanted,
        now - DAY_S,
        now,
        alignmentPeriod=f"{PERIOD_S}s",
        perSeriesAligner="ALIGN_SUM",
        crossSeriesReducer="REDUCE_SUM",
        groupByFields="metric.labels.response_code",
    )


def counted(all_series: Iterable[Any], now: float) -> RequestCounts:
    """Return the counts of an answer.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it has another structure than Google documents.

    """
    day: Counter[str] = Counter()
    recent: Counter[str] = Counter()
    by_kind: dict[str, Counter[float]] = {"delivered": Counter(), "failed": Counter(), "unauthorized": Counter()}
    begins = []
    for point in points_of(all_series):
        if point.value <= 0:
            continue
        status = point.labels["response_code"]
        day[status] += int(point.value)
        if _kind(status) in SENT:
            begins.append(point.ended_at - PERIOD_S)
        if point.ended_at > now - RECENT_S:
            recent[status] += int(point.value)
        if kind := _kind(status):
            by_kind[kind][point.ended_at] += int(point.value)
    since, last_ok = min(begins, default=None), max(by_kind["delivered"], default=None)
    return RequestCounts(now, dict(day), dict(recent), since, last_ok, **{k: dict(v) for k, v in by_kind.items()})


def _kind(status: str) -> str:
    """Return the field for the answers of a status; empty if there is none."""
    if status == "401":
        return "unauthorized"
    if status in {"408", "429"}:
        return "failed"
    return {"2": "delivered", "5": "failed"}.get(status[:1], "")
