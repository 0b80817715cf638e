"""The stand-in for Cloud Monitoring: it reports the messages that Pub/Sub really has, and is as strict as Google."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from deploy.google.backlog import MESSAGES, OLDEST, question, unread_in
from deploy.google.request_counts import counted
from deploy.google.request_counts import question as question_of_requests
from deploy.spec import Spec
from tests.emulators.clients import all_on, ask
from tests.emulators.clouds import Clouds, clouds
from tests.emulators.clouds.google.estate import Estate
from tests.emulators.pubsub.control import Control

PROJECT = "demo-proj"
PUBSUB = f"https://pubsub.googleapis.com/v1/projects/{PROJECT}"
MONITORING = f"https://monitoring.googleapis.com/v3/projects/{PROJECT}/timeSeries"
NAMES = ("dt-events", "dt-rejected")


@pytest.fixture
def both_clouds() -> Iterator[Clouds]:
    """Both clouds, with every API enabled."""
    with clouds("embedded", estate=all_on(Estate(account_lag_s=0))) as both:
        yield both


@pytest.fixture
def subscribed(both_clouds: Clouds) -> Clouds:
    """Make two topics, each with a subscription of the same name."""
    for name in NAMES:
        assert ask(both_clouds, "PUT", f"{PUBSUB}/topics/{name}", {}).status == 200
        subscription = {"topic": f"projects/{PROJECT}/topics/{name}"}
        assert ask(both_clouds, "PUT", f"{PUBSUB}/subscriptions/{name}", subscription).status == 200
    return both_clouds


def publish(both_clouds: Clouds, topic: str, count: int) -> None:
    messages = {"messages": [{"data": "e30="} for _ in range(count)]}
    assert ask(both_clouds, "POST", f"{PUBSUB}/topics/{topic}:publish", messages).status == 200


def asked(both_clouds: Clouds, parameters: dict[str, str]) -> tuple[int, Any]:
    heard = ask(both_clouds, "GET", f"{MONITORING}?{urlencode(parameters)}")
    return heard.status, heard.json


def unread(both_clouds: Clouds) -> dict[str, tuple[int, int]]:
    """Ask as ``status`` does; return the number of messages and the age of the oldest, by subscription."""
    answers = [asked(both_clouds, question(metric, NAMES, time.time() + 1)) for metric in (MESSAGES, OLDEST)]
    assert [status for status, _ in answers] == [200, 200]
    messages, oldest = (answer.get("timeSeries", []) for _, answer in answers)
    return {name: (found.messages, found.oldest_s) for name, found in unread_in(messages, oldest).items()}


def test_the_figures_are_those_of_the_messages_in_pubsub(subscribed: Clouds) -> None:
    assert unread(subscribed) == {"dt-events": (0, 0), "dt-rejected": (0, 0)}
    publish(subscribed, "dt-rejected", 3)
    assert unread(subscribed)["dt-rejected"][0] == 3
    assert unread(subscribed)["dt-events"][0] == 0


def test_a_message_that_was_pulled_counts_until_it_is_acknowledged(subscribed: Clouds) -> None:
    publish(subscribed, "dt-events", 2)
    pulled = ask(subscribed, "POST", f"{PUBSUB}/subscriptions/dt-events:pull", {"maxMessages": 1}).json
    assert unread(subscribed)["dt-events"][0] == 2
    acknowledged = {"ackIds": [pulled["receivedMessages"][0]["ackId"]]}
    ask(subscribed, "POST", f"{PUBSUB}/subscriptions/dt-events:acknowledge", acknowledged)
    assert unread(subscribed)["dt-events"][0] == 1


def test_if_pubsub_cannot_count_messages_as_googles_emulator_they_are_pulled_and_returned(
    subscribed: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Control, "unacknowledged", lambda *_: None)
    publish(subscribed, "dt-events", 3)
    for _ in range(2):
        assert unread(subscribed)["dt-events"][0] == 3
        assert unread(subscribed)["dt-rejected"] == (0, 0)
    pulled = ask(subscribed, "POST", f"{PUBSUB}/subscriptions/dt-events:pull", {"maxMessages": 9}).json
    assert len(pulled["receivedMessages"]) == 3


def test_the_age_is_that_of_the_oldest_message(subscribed: Clouds) -> None:
    publish(subscribed, "dt-events", 1)
    time.sleep(1.1)
    publish(subscribed, "dt-events", 1)
    assert unread(subscribed)["dt-events"][1] >= 1


def test_a_metric_without_a_figure_is_not_found(both_clouds: Clouds) -> None:
    status, answer = asked(both_clouds, question(MESSAGES, NAMES, time.time()))
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")
    assert answer["error"]["message"].startswith("Cannot find metric(s) that match type")


def test_a_subscription_younger_than_the_lag_has_no_figure(subscribed: Clouds) -> None:
    subscribed.google.monitoring.lag_s = 120
    assert asked(subscribed, question(MESSAGES, NAMES, time.time()))[0] == 404


WELL = question(MESSAGES, NAMES, 1_800_000_000.0)


@pytest.mark.parametrize(
    "change",
    [
        {"filter": ""},
        {"filter": 'resource.type = "pubsub_subscription"'},
        {"filter": f'{WELL["filter"]} AND resource.labels.zone = "x"'},
        {"filter": WELL["filter"].replace("pubsub_subscription", "pubsub_topic")},
        {"interval.endTime": ""},
        {"interval.startTime": "yesterday"},
        {"interval.startTime": "2100-01-01T00:00:00Z"},
        {"aggregation.alignmentPeriod": "60s"},
    ],
)
def test_a_query_that_google_would_refuse_is_refused(subscribed: Clouds, change: dict[str, str]) -> None:
    status, answer = asked(subscribed, {**WELL, **change})
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_an_unknown_metric_is_not_found(subscribed: Clouds) -> None:
    assert asked(subscribed, {**WELL, "filter": WELL["filter"].replace(MESSAGES, "ack_message_count")})[0] == 404


SPEC = Spec(PROJECT, "europe-west1")
REQUESTS = question_of_requests(SPEC, 1_800_000_000.0)


def served(both_clouds: Clouds, *statuses: int, service: str = "dt-pubsub", region: str = "europe-west1") -> None:
    for number, status in enumerate(statuses):
        both_clouds.google.requests.add(service, region, f"dt-pubsub-0000{number}-abc", status)


def test_requests_are_added_up_by_their_answer_over_all_revisions_of_one_function(both_clouds: Clouds) -> None:
    served(both_clouds, 200, 200, 401, 503)
    served(both_clouds, 200, service="another")
    served(both_clouds, 200, region="us-central1")
    now = time.time() + 1
    status, answer = asked(both_clouds, question_of_requests(SPEC, now))
    counts = counted(answer["timeSeries"], now)
    assert (status, counts.day, counts.recent) == (200, {"200": 2, "401": 1, "503": 1}, {"200": 2, "401": 1, "503": 1})
    assert counts.since == pytest.approx(now - 300, abs=2)
    assert counts.last_ok == pytest.approx(now, abs=2)
    assert {type(point["value"]["int64Value"]) for one in answer["timeSeries"] for point in one["points"]} == {str}


def test_points_of_requests_come_newest_first_and_late(both_clouds: Clouds) -> None:
    clock = iter([time.time() - 900, time.time() - 200, time.time() - 10])
    both_clouds.google.requests._clock = lambda: next(clock)  # noqa: SLF001
    served(both_clouds, 200, 200, 200)
    both_clouds.google.monitoring.lag_s = 120
    (series,) = asked(both_clouds, question_of_requests(SPEC, time.time()))[1]["timeSeries"]
    ends = [point["interval"]["endTime"] for point in series["points"]]
    assert ends == sorted(ends, reverse=True)
    assert [point["value"]["int64Value"] for point in series["points"]] == ["1", "1"], "the third is not visible yet"


def test_without_an_aggregation_every_revision_has_a_series_with_its_labels(both_clouds: Clouds) -> None:
    served(both_clouds, 200, 503)
    plain = {name: value for name, value in question_of_requests(SPEC, time.time() + 1).items() if "aggreg" not in name}
    series = asked(both_clouds, plain)[1]["timeSeries"]
    assert [(one["metric"]["labels"], one["resource"]["labels"]["revision_name"]) for one in series] == [
        ({"response_code": "200", "response_code_class": "2xx"}, "dt-pubsub-00000-abc"),
        ({"response_code": "503", "response_code_class": "5xx"}, "dt-pubsub-00001-abc"),
    ]


def test_a_function_without_requests_beside_one_with_some_has_no_series(both_clouds: Clouds) -> None:
    assert asked(both_clouds, question_of_requests(SPEC, time.time()))[0] == 404
    served(both_clouds, 200, service="another")
    assert asked(both_clouds, question_of_requests(SPEC, time.time() + 1)) == (200, {})


@pytest.mark.parametrize(
    "change",
    [
        {"aggregation.alignmentPeriod": "30s"},
        {"aggregation.perSeriesAligner": "ALIGN_MEAN"},
        {"aggregation.perSeriesAligner": ""},
        {"aggregation.crossSeriesReducer": "REDUCE_COUNT"},
        {"aggregation.crossSeriesReducer": ""},
        {"aggregation.groupByFields": "metric.labels.code"},
        {"aggregation.secondary": "x"},
        {"filter": REQUESTS["filter"].replace("cloud_run_revision", "cloud_function")},
        {"filter": REQUESTS["filter"].replace("location", "region")},
    ],
)
def test_an_aggregation_that_google_would_refuse_is_refused(both_clouds: Clouds, change: dict[str, str]) -> None:
    served(both_clouds, 200)
    assert asked(both_clouds, {**REQUESTS, **change})[0] == 400


def test_figures_need_the_permission_and_the_api(subscribed: Clouds) -> None:
    subscribed.google.estate.denied.add("monitoring.timeSeries.list")
    assert asked(subscribed, WELL)[1]["error"]["status"] == "PERMISSION_DENIED"
    subscribed.google.estate.enabled.discard("monitoring.googleapis.com")
    assert "SERVICE_DISABLED" in str(asked(subscribed, WELL)[1])
