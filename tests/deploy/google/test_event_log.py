"""What the function's log says about all events of some days."""

from typing import Any

import pytest

from deploy.errors import GcloudFailed
from deploy.google.event_log import EventLog, LogLine, lines_of
from tests.deploy.fakes.gcloud import FakeGcloud, gcloud_alone
from tests.deploy.stage import spec
from tests.emulators.clouds.google.log_filter import parse_filter

DELIVERED = {"message": "delivered temperature", "status": 200, "messageId": "1", "eventType": "temperature"}
KEPT = {"message": "kept: no JSON object", "status": 200, "messageId": "2", "reason": "malformed"}
REFUSED = {"message": "refused", "status": 401, "reason": "signature"}
REPLAYED = {**DELIVERED, "message": "delivered temperature by replay", "origin": "replay"}
UNUSABLE = {
    "message": "refused: no event: event by backfill",
    "status": 422,
    "reason": "no_envelope",
    "origin": "backfill",
}
FAILING = {"message": "put off", "status": 503, "reason": "publish_config", "origin": "backfill"}
PUT_OFF = {"message": "put off", "status": 503, "reason": "publish_config", "detail": "denied"}


def log(*lines: dict[str, Any]) -> tuple[EventLog, FakeGcloud]:
    google = FakeGcloud(log=list(lines))
    return EventLog(spec(), gcloud_alone(google)), google


def entry(fields: dict[str, Any], severity: str, **labels: str) -> dict[str, Any]:
    named = {"service_name": "dt-pubsub", "location": "europe-west1", **labels}
    return {
        "resource": {"type": "cloud_run_revision", "labels": named},
        "severity": severity,
        "timestamp": "2026-11-23T05:00:00Z",
        "jsonPayload": fields,
    }


def test_the_filters_find_the_lines_that_they_are_for() -> None:
    events, google = log()
    events.newest_event()
    events.problems()
    events.probes()
    (newest, problems, probes) = (parse_filter(argv[2]) for argv in google.asked)
    lines = [entry(DELIVERED, "INFO"), entry(KEPT, "ERROR"), entry(REFUSED, "WARNING"), entry(PUT_OFF, "CRITICAL")]
    assert [newest(line) for line in lines] == [True, False, False, False]
    assert [problems(line) for line in lines] == [False, True, False, True]
    of_operators = [entry(REPLAYED, "INFO"), entry(UNUSABLE, "WARNING"), entry(FAILING, "CRITICAL")]
    assert [newest(line) for line in of_operators] == [False, False, False]
    assert [problems(line) for line in of_operators] == [False, False, True]
    events.backfilled()
    backfilled = parse_filter(google.asked[-1][2])
    sent = [entry({**REPLAYED, "origin": "backfill"}, "INFO"), *of_operators, *lines]
    assert [backfilled(line) for line in sent] == [True] + [False] * 7
    probe = {**entry(REFUSED, "WARNING"), "labels": {"execution_id": "dt-pubsub-probe-1a2b3c"}}
    assert [probes(line) for line in (probe, *lines)] == [True, False, False, False, False]
    for other in (entry(DELIVERED, "INFO", location="us-east1"), entry(DELIVERED, "INFO", service_name="another")):
        assert not newest(other)


def test_the_log_is_read_once_for_each_question_and_not_further_back_than_needed() -> None:
    events, google = log()
    events.newest_event()
    events.problems()
    assert [argv[3:5] for argv in google.asked] == [
        ("--freshness=1d", "--limit=1"),
        ("--freshness=7d", "--limit=1000"),
    ]


def test_lines_have_their_time_reason_and_event_newest_first() -> None:
    events, _ = log(
        {**KEPT, "timestamp": "2026-11-23T05:00:00.123456789Z"},
        {**PUT_OFF, "timestamp": "2026-11-23T05:00:01Z", "deviceId": "b5rj", "eventId": "c1"},
    )
    newest, older = events.problems()
    assert newest == LogLine(1795410001.0, "publish_config", 503, "", "b5rj", "c1", "denied")
    assert (older.reason, older.is_kept, newest.is_kept) == ("malformed", True, False)


def test_the_newest_event_is_none_without_a_line() -> None:
    assert log()[0].newest_event() is None
    found = log(DELIVERED)[0].newest_event()
    assert found
    assert (found.event_type, found.reason) == ("temperature", "")


def test_a_number_of_cloud_logging_may_have_a_fraction() -> None:
    (line,) = lines_of([entry({"status": 200.0, "reason": "expired"}, "WARNING")])
    assert line.is_kept


def test_text_that_is_not_the_functions_is_left_out() -> None:
    assert lines_of([{"timestamp": "2026-11-23T05:00:00Z", "textPayload": "Traceback"}]) == ()


@pytest.mark.parametrize(
    "broken",
    [{"jsonPayload": {}}, {"timestamp": "soon", "jsonPayload": {}}, {"timestamp": "", "jsonPayload": {"status": "?"}}],
)
def test_an_entry_of_another_structure_is_an_error_that_says_so(broken: dict[str, Any]) -> None:
    events, google = log()
    google.log = [broken]
    with pytest.raises(GcloudFailed, match="gcloud logging read: its lines have an unexpected structure"):
        events.newest_event()
