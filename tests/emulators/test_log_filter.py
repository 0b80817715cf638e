"""The stand-in for Cloud Logging applies filters, and refuses those that it does not know."""

import json
from typing import Any

import pytest

from tests.emulators.clouds.google.log_entries import fields_of
from tests.emulators.clouds.google.log_filter import parse_filter
from tests.emulators.clouds.google.problems import Problem

ENTRY: dict[str, Any] = {
    "logName": "projects/p/logs/run.googleapis.com%2Fstdout",
    "resource": {"type": "cloud_run_revision", "labels": {"service_name": "dt-pubsub", "location": "europe-west1"}},
    "labels": {"goog-managed-by": "cloudfunctions"},
    "severity": "WARNING",
    "timestamp": "2026-11-23T05:00:00.123Z",
    "jsonPayload": {"status": 200, "reason": "malformed", "deviceId": "b5rj9ed7rihk942p48og"},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        'resource.type="cloud_run_revision" AND resource.labels.service_name="dt-pubsub"',
        'resource.type="cloud_run_revision" resource.labels.location="europe-west1" logName:"run.googleapis.com"',
        'labels."goog-managed-by"="cloudfunctions"',
        "resource.labels.service_name=dt-pubsub severity>=INFO",
        "severity>=WARNING AND jsonPayload.reason:*",
        'NOT jsonPayload.reason=("signature" OR "unsigned")',
        'jsonPayload.reason=("expired" OR "malformed") AND timestamp>="2026-11-23T04:00:00Z"',
        "jsonPayload.status=200 AND jsonPayload.status<500 AND jsonPayload.status!=401",
        "NOT jsonPayload.eventId:*",
        "jsonPayload.eventId!=x",
        'jsonPayload.reason="MALFORMED"',
    ],
)
def test_a_filter_that_fits_matches(text: str) -> None:
    assert parse_filter(text)(ENTRY)


@pytest.mark.parametrize(
    "text",
    [
        "severity>WARNING",
        'resource.labels.service_name="another"',
        "NOT jsonPayload.reason:*",
        'jsonPayload.reason=("signature" OR "unsigned")',
        "jsonPayload.status>200",
        "jsonPayload.secretIndex>=1",
        'timestamp>="2026-11-23T05:30:00Z"',
        'severity>=WARNING AND jsonPayload.deviceId="x"',
    ],
)
def test_a_filter_that_does_not_fit_does_not_match(text: str) -> None:
    assert not parse_filter(text)(ENTRY)


@pytest.mark.parametrize(
    "text",
    [
        "jsonPayload.status",
        "jsonPayload.status==200",
        "json.status=200",
        'jsonPayload.reason=("a" OR "b"',
        'jsonPayload.reason=("a" AND "b")',
        'a word "and a text"',
        'log_id("run.googleapis.com/requests")',
        'jsonPayload.reason=~"mal.*"',
        "AND severity>=INFO",
        'jsonPayload.reason="malformed',
        "NOT",
    ],
)
def test_a_filter_that_is_not_played_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        parse_filter(text)


def test_a_line_of_json_sets_severity_trace_and_labels_of_its_entry() -> None:
    line = {
        "severity": "ERROR",
        "reason": "checksum",
        "logging.googleapis.com/trace": "projects/p/traces/1",
        "logging.googleapis.com/labels": {"execution_id": "dt-pubsub-probe-1"},
    }
    assert fields_of(json.dumps(line)) == {
        "severity": "ERROR",
        "jsonPayload": {"reason": "checksum"},
        "trace": "projects/p/traces/1",
        "labels": {"goog-managed-by": "cloudfunctions", "execution_id": "dt-pubsub-probe-1"},
    }
    assert fields_of("Traceback")["textPayload"] == "Traceback"
