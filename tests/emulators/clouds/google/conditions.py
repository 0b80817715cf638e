"""The conditions of alert policies: what Google refuses, by its documentation and by errors that users have published.

https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies#Condition,
https://cloud.google.com/monitoring/alerts/metric-absence (at most 23.5 hours).
"""

import re
from collections.abc import Mapping, Sequence

from tests.emulators.clouds.exchange import Json
from tests.emulators.clouds.google.metric_types import Metric, check_group, checked_filter
from tests.emulators.clouds.google.problems import invalid

KINDS = ("conditionThreshold", "conditionAbsent", "conditionMatchedLog")
MAX_ABSENCE_S = 84_600
MAX_ALIGNMENT_S = 90_000
_EXTRACTOR = re.compile(r'EXTRACT\([\w.]+\)|REGEXP_EXTRACT\([\w.]+, ".*"\)')
_OF_DISTRIBUTIONS = {"ALIGN_PERCENTILE_99", "ALIGN_PERCENTILE_95", "ALIGN_PERCENTILE_50", "ALIGN_DELTA", "ALIGN_SUM"}
_OF_DELTAS = {"ALIGN_DELTA", "ALIGN_RATE", "ALIGN_SUM", "ALIGN_COUNT", "ALIGN_PERCENTILE_99"}


def check_conditions(conditions: Sequence[Json], strategy: Json, user_metrics: Mapping[str, Metric]) -> bool:
    """Refuse conditions that Google refuses; return whether one matches log lines. Raises ``Problem``."""
    if not 1 <= len(conditions) <= 6:
        raise invalid("A policy has 1 to 6 conditions.")
    kinds = [next((kind for kind in KINDS if kind in condition), "") for condition in conditions]
    if "" in kinds or not all(condition.get("displayName") for condition in conditions):
        raise invalid("Each condition has a displayName, and is of a kind that is played here.")
    if "conditionMatchedLog" in kinds:
        _check_log_match(conditions, strategy)
        return True
    if "notificationRateLimit" in strategy:
        raise invalid("Field alertStrategy.notificationRateLimit is only for conditions that match log lines.")
    for condition, kind in zip(conditions, kinds, strict=True):
        _check_series(condition[kind], user_metrics)
        (_check_threshold if kind == "conditionThreshold" else _check_absence)(condition[kind], user_metrics)
    return False


def _check_log_match(conditions: Sequence[Json], strategy: Json) -> None:
    if len(conditions) > 1:
        raise invalid("A condition that matches log lines must be the only condition of its policy.")
    if not strategy.get("notificationRateLimit", {}).get("period"):
        raise invalid("A policy that matches log lines needs alertStrategy.notificationRateLimit.")
    matched = conditions[0]["conditionMatchedLog"]
    if not matched.get("filter") or not all(map(_EXTRACTOR.fullmatch, matched.get("labelExtractors", {}).values())):
        raise invalid("A condition that matches log lines needs a filter, and extractors EXTRACT or REGEXP_EXTRACT.")


def _check_series(body: Json, user_metrics: Mapping[str, Metric]) -> None:
    _, metric = checked_filter(str(body.get("filter", "")), user_metrics)
    for aggregation in body.get("aggregations", []):
        _check_aggregation(aggregation, metric)


def _check_aggregation(aggregation: Json, metric: Metric) -> None:
    period_s = _seconds(aggregation.get("alignmentPeriod", "0s"))
    if not 60 <= period_s <= MAX_ALIGNMENT_S or period_s % 60:
        raise invalid("Field alignmentPeriod has 60 s to 25 h, in whole minutes.")
    aligner = aggregation.get("perSeriesAligner", "ALIGN_NONE")
    if metric.kind == "DELTA" and aligner not in _OF_DELTAS:
        raise invalid(f"The aligner {aligner} is not for metrics of kind DELTA.")
    if metric.value == "DISTRIBUTION" and aligner not in _OF_DISTRIBUTIONS:
        raise invalid(f"The aligner {aligner} is not for distributions.")
    if metric.kind == "GAUGE" and aligner in {"ALIGN_DELTA", "ALIGN_RATE"}:
        raise invalid(f"The aligner {aligner} is not for metrics of kind GAUGE.")
    for field in aggregation.get("groupByFields", []):
        check_group(field, metric)
    if aggregation.get("groupByFields") and not aggregation.get("crossSeriesReducer"):
        raise invalid("Fields to group by need a crossSeriesReducer.")


def _check_threshold(body: Json, user_metrics: Mapping[str, Metric]) -> None:
    if body.get("comparison") not in {"COMPARISON_GT", "COMPARISON_LT"}:
        raise invalid("Field comparison must be COMPARISON_GT or COMPARISON_LT.")
    duration_s = _seconds(body.get("duration", ""))
    if duration_s % 60 or duration_s > MAX_ABSENCE_S:
        raise invalid("Field duration has whole minutes, and is at most 23.5 h.")
    if "evaluationMissingData" in body and duration_s < 60:
        raise invalid("Field evaluationMissingData needs a duration of at least 60 s.")
    if bool(body.get("denominatorFilter")) != bool(body.get("denominatorAggregations")):
        raise invalid("A ratio needs denominatorFilter and denominatorAggregations.")
    if body.get("denominatorFilter"):
        _, metric = checked_filter(body["denominatorFilter"], user_metrics)
        for aggregation in body["denominatorAggregations"]:
            _check_aggregation(aggregation, metric)
        if [_shape(one) for one in body["aggregations"]] != [_shape(one) for one in body["denominatorAggregations"]]:
            raise invalid("Both sides of a ratio have the same alignment and labels.")


def _check_absence(body: Json, _: Mapping[str, Metric]) -> None:
    duration_s = _seconds(body.get("duration", ""))
    if not 120 <= duration_s <= MAX_ABSENCE_S or duration_s % 60:
        raise invalid("Field duration of an absence has 2 minutes to 23.5 hours, in whole minutes.")


def _shape(aggregation: Json) -> tuple[object, object]:
    return aggregation.get("alignmentPeriod"), aggregation.get("groupByFields")


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?s", text):
        raise invalid(f"Illegal duration format; duration must end with 's': {text!r}.")
    return float(text.removesuffix("s"))
