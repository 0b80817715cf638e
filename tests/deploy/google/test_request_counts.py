"""Requests by their HTTP status, as Cloud Monitoring returns them."""

from typing import Any

import pytest

from deploy.google.request_counts import PERIOD_S, RequestCounts, counted, question
from deploy.google.time_series import points_of
from tests.deploy.stage import spec

NOW = 1_795_410_000.0


def series(status: str, *points: tuple[str, object]) -> dict[str, Any]:
    """Return a series with points as (end of five minutes, value)."""
    return {
        "metric": {"labels": {"response_code": status}},
        "points": [
            {"interval": {"startTime": end, "endTime": end}, "value": {"int64Value": str(value)}}
            for end, value in points
        ],
    }


def test_the_question_names_one_metric_one_function_and_adds_up_its_revisions() -> None:
    asked = question(spec(), NOW)
    assert asked["filter"].count("metric.type") == 1
    assert 'service_name = "dt-pubsub" AND resource.labels.location = "europe-west1"' in asked["filter"]
    assert (asked["interval.startTime"], asked["interval.endTime"]) == ("2026-11-22T05:00:00Z", "2026-11-23T05:00:00Z")
    assert asked["aggregation.crossSeriesReducer"] == "REDUCE_SUM"
    assert asked["aggregation.groupByFields"] == "metric.labels.response_code"


def test_the_day_the_last_hours_and_the_rate_are_counted() -> None:
    found = counted(
        [
            series("200", ("2026-11-23T05:00:00Z", 60), ("2026-11-23T04:00:00Z", 30), ("2026-11-23T00:05:00Z", 10)),
            series("503", ("2026-11-23T01:00:00Z", 5), ("2026-11-22T23:00:00Z", 0)),
        ],
        NOW,
    )
    assert found.day == {"200": 100, "503": 5}
    assert found.recent == {"200": 90}
    assert (found.recently(""), found.recently("2"), found.recently("5")) == (90, 90, 0)
    assert (found.since, found.last_ok) == (NOW - 18_000, NOW)
    assert found.per_s == pytest.approx(105 / 18_000)


def test_the_rate_is_that_of_the_requests_that_dt_sends() -> None:
    stray = [series(status, ("2026-11-23T00:05:00Z", 9_000)) for status in ("401", "403", "404", "405")]
    sent = [series(status, ("2026-11-23T05:00:00Z", 10)) for status in ("200", "408", "429", "503")]
    assert (counted(stray, NOW).per_s, counted(stray, NOW).since) == (0.0, None)
    assert counted([*stray, *sent], NOW).per_s == pytest.approx(40 / PERIOD_S)


def test_without_requests_there_is_no_rate_and_no_last_answer() -> None:
    assert counted([], NOW) == RequestCounts(NOW)
    assert (RequestCounts(NOW).per_s, RequestCounts(NOW).measured_s) == (0.0, 0.0)


def test_a_few_seconds_are_no_rate_over_less_than_five_minutes() -> None:
    found = counted([series("200", ("2026-11-23T05:00:00Z", 30))], NOW)
    assert (found.measured_s, found.per_s) == (PERIOD_S, 0.1)


@pytest.mark.parametrize(
    "answer",
    [
        ["x"],
        [{"points": [{}]}],
        [series("200", ("soon", 1))],
        [series("200", ("2026-11-23T05:00:00Z", "many"))],
        {"a": 1},
    ],
)
def test_another_structure_is_an_error(answer: Any) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        counted(answer, NOW)


def test_a_point_has_the_labels_of_its_metric_and_its_resource() -> None:
    given = {"resource": {"labels": {"a": "1"}}, "metric": {"labels": {"b": "2"}}}
    interval = {"endTime": "2026-11-23T05:00:00Z"}
    (point,) = points_of([{**given, "points": [{"interval": interval, "value": {"doubleValue": 1.5}}]}])
    assert (point.labels, point.ended_at, point.value) == ({"a": "1", "b": "2"}, NOW, 1.5)
