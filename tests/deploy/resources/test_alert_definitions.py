"""What alerts watch: definitions in the shape of Google's APIs, which name only what the function or Google writes."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.cli.parser import parse
from deploy.resources import alert_definitions
from deploy.resources.alert_definitions import (
    FAULTS,
    HOUR_S,
    REJECTED,
    SIGNED,
    Alert,
    alerts_of,
    dashboard_of,
    log_metrics_of,
    page_text,
)
from deploy.resources.own_fields import differences
from deploy.spec import ALERT_DEFAULTS, Alerts, Spec, SubscriptionSettings, Warehouse
from deploy.stages.convergence import ROUND_S, ROUNDS
from deploy.stages.source import ROOT, runbook
from deploy.verbs import USAGES
from function.log import Line
from function.outcomes import BY_ERROR, BY_ERROR_WITH_ORIGIN, INTERNAL
from tests.deploy.resources.written_alerts import FILE, written
from tests.deploy.stage import spec
from tests.emulators.clouds.google.conditions import check_conditions
from tests.emulators.clouds.google.log_filter import parse_filter
from tests.emulators.clouds.google.messages import SCHEMA, faults_of, without_defaults
from tests.emulators.clouds.google.metric_types import NATIVE, USER, Metric, check_group, checked_filter
from tests.emulators.google_messages import clients_folder, schema_of

TOLD = Alerts(emails=("ops@example.com",), pages=runbook())
SPECS = (
    spec(alerts=TOLD),
    spec(name="site2-pubsub", region="us-east1", alerts=TOLD),
    spec(alerts=TOLD, bigquery=Warehouse("sensors")),
    spec(alerts=Alerts(emails=("a@b.org",), runbook_url="https://wiki.example.com/runbook/", pages=runbook())),
)
EVERY = [(wanted, alert) for wanted in SPECS for alert in alerts_of(wanted)]
every_alert = pytest.mark.parametrize(("wanted", "alert"), EVERY, ids=lambda value: getattr(value, "key", ""))
FIELDS = {field.encode_name for field in msgspec.structs.fields(Line)}
ALERTS_PAGE = (ROOT / "docs" / "alerts.md").read_text("utf-8")
REASONS = {outcome.reason for outcome in (*BY_ERROR.values(), INTERNAL)}


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def user_metrics(wanted: Spec) -> dict[str, Metric]:
    return {
        f"{USER}{metric.name}": Metric("cloud_run_revision", frozenset(metric.body["labelExtractors"]), "DELTA")
        for metric in log_metrics_of(wanted)
    }


def strings(value: Any) -> Iterator[str]:
    """Return every text in a definition."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def body_of(alert: Alert) -> dict[str, Any]:
    """Return the body as Google gets it."""
    found: dict[str, Any] = json.loads(json.dumps(alert.body))
    return found


@every_alert
def test_a_policy_has_the_shape_of_googles_type_and_conditions_that_google_accepts(wanted: Spec, alert: Alert) -> None:
    body = body_of(alert)
    assert faults_of("AlertPolicy", body) == []
    check_conditions(body["conditions"], body["alertStrategy"], user_metrics(wanted))
    assert len(body["displayName"]) <= 512
    assert re.fullmatch(r"[a-z0-9-]{1,63}", alert.key)


@every_alert
def test_a_policy_has_the_first_command_and_the_text_or_the_link_of_its_pages(wanted: Spec, alert: Alert) -> None:
    documentation = body_of(alert)["documentation"]
    content = documentation["content"]
    assert len(content) <= 8192
    assert len(content.encode()) <= 10_240
    first = next(line.strip() for line in content.splitlines() if line.startswith("    "))
    assert first.startswith(("python -m deploy ", "gcloud logging read "))
    if first.startswith("python"):
        parse(shlex.split(first)[3:], USAGES)
    for page in alert.pages:
        title = runbook()[page].splitlines()[0]
        assert (title in content) == (not wanted.alerts.runbook_url)
    assert "](" not in content, "a link to a file means nothing in an e-mail"
    urls = [link["url"] for link in documentation.get("links", [])]
    pages = [f"https://wiki.example.com/runbook/{page}.md" for page in alert.pages]
    assert urls == (pages if wanted.alerts.runbook_url else [])


@every_alert
def test_log_filters_name_only_fields_and_reasons_that_the_function_writes(wanted: Spec, alert: Alert) -> None:
    for text in (*strings(body_of(alert)), *strings([metric.body for metric in log_metrics_of(wanted)])):
        assert set(re.findall(r"jsonPayload\.(\w+)", text)) <= FIELDS
        for listed in re.findall(r"jsonPayload\.reason=\(([^)]*)\)", text):
            assert set(re.findall('"([^"]+)"', listed)) <= REASONS
        assert set(re.findall(r"labels\.(execution\w*)", text)) <= {"execution_id"}


def logged(status: int, reason: str, origin: str = "") -> dict[str, Any]:
    """Return an entry of the function's log, with a severity that every filter accepts."""
    wanted = SPECS[0]
    labels = {"service_name": wanted.name, "location": wanted.region}
    payload = {"status": status, "reason": reason, **({"origin": origin} if origin else {})}
    resource = {"type": "cloud_run_revision", "labels": labels}
    return {"resource": resource, "severity": "WARNING", "jsonPayload": payload}


@pytest.mark.parametrize("reason", REJECTED)
def test_only_events_that_were_kept_count_as_rejected_and_not_those_that_replay_or_backfill_sent(reason: str) -> None:
    (metric,) = log_metrics_of(SPECS[0])
    is_counted = parse_filter(metric.body["filter"])
    assert is_counted(logged(200, reason))
    assert not is_counted(logged(422, reason, "replay"))


@every_alert
def test_no_alert_fires_because_events_of_replay_or_backfill_were_refused(wanted: Spec, alert: Alert) -> None:
    lines = [logged(422, outcome.reason, "backfill") for outcome in BY_ERROR_WITH_ORIGIN.values()]
    for condition in body_of(alert)["conditions"]:
        if matched := condition.get("conditionMatchedLog"):
            assert not any(map(parse_filter(matched["filter"].replace(wanted.name, SPECS[0].name)), lines))
        (fields,) = (value for name, value in condition.items() if name != "displayName")
        answers = set(re.findall(r'response_code\w* = "(\w+)"', fields["filter"]))
        assert not answers & {"422", "4xx"}


def test_the_dashboard_has_the_shape_of_googles_type_and_names_metrics_and_labels_that_exist() -> None:
    for wanted in SPECS:
        body = json.loads(json.dumps(dashboard_of(wanted)))
        assert faults_of("Dashboard", body) == []
        charts = [tile["widget"]["xyChart"] for tile in body["mosaicLayout"]["tiles"] if "xyChart" in tile["widget"]]
        assert len(charts) >= 5
        for chart in charts:
            series = chart["dataSets"][0]["timeSeriesQuery"]["timeSeriesFilter"]
            _, metric = checked_filter(series["filter"], user_metrics(wanted))
            for field in series["aggregation"].get("groupByFields", []):
                check_group(field, metric)


def test_the_dashboard_shows_the_unread_messages_of_further_subscriptions_and_their_dead_letters_once() -> None:
    further = (SubscriptionSettings("alarms", dead_letter="lost"), SubscriptionSettings("archive", dead_letter="lost"))
    text = json.dumps(dashboard_of(spec(subscriptions=further)))
    named = r"one_of(\"dt-events\", \"dt-rejected\", \"alarms\", \"lost\", \"archive\")"
    assert text.count(named) == 2


def test_a_log_based_metric_has_the_shape_of_googles_type_and_few_values_of_its_labels() -> None:
    for wanted in SPECS:
        for metric in log_metrics_of(wanted):
            assert faults_of("LogMetric", {"name": metric.name, **metric.body}) == []
            assert re.fullmatch(r"dt-pubsub/[a-z0-9-]+/[a-z]+", metric.name)
            assert metric.name == f"dt-pubsub/{wanted.name}/{metric.key}"
            assert wanted.mark in metric.body["description"]
            assert set(metric.body["labelExtractors"]) == {"reason"}, (
                "an id as a label would be a series for each event"
            )


def without_zero_durations(value: Any) -> Any:
    """Return a message of a server that also leaves out durations of 0 s."""
    if isinstance(value, dict):
        return {key: without_zero_durations(inner) for key, inner in value.items() if inner != "0s"}
    return [without_zero_durations(inner) for inner in value] if isinstance(value, list) else value


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return everything that an ``up`` can send, with a threshold of 0 and an empty list, each with its type."""
    for wanted in SPECS:
        yield from (("AlertPolicy", body_of(alert) | {"notificationChannels": []}) for alert in alerts_of(wanted))
        yield from (("LogMetric", json.loads(json.dumps(metric.body))) for metric in log_metrics_of(wanted))
        yield "Dashboard", json.loads(json.dumps(dashboard_of(wanted)))


def test_what_google_returns_is_never_a_difference_although_it_leaves_out_all_defaults() -> None:
    for kind, body in bodies():
        returned = without_defaults(kind, body)
        assert differences(body, returned) == (), kind
        assert differences(body, without_zero_durations(returned)) == (), kind


def test_the_reasons_are_those_of_the_table_of_answers() -> None:
    assert set(REJECTED) == {outcome.reason for outcome in BY_ERROR.values() if outcome.status == 200}
    by_reason = {outcome.reason: outcome for outcome in (*BY_ERROR.values(), INTERNAL)}
    alerted = {by_reason[reason].severity for reason in (*SIGNED, *FAULTS)}
    assert alerted <= {"ERROR", "CRITICAL"}
    critical = {reason for reason, outcome in by_reason.items() if outcome.severity == "CRITICAL"}
    assert critical <= set(FAULTS), "what is critical alerts at the first line"
    assert not [reason for reason in (*SIGNED, "internal") if by_reason[reason].sampled]


def test_every_native_metric_that_is_named_is_one_of_googles() -> None:
    named = {text for wanted in SPECS for text in strings([body_of(alert) for alert in alerts_of(wanted)])}
    types = {found for text in named for found in re.findall(r'metric\.type = "([^"]+)"', text)}
    own = {f"{USER}{metric.name}" for wanted in SPECS for metric in log_metrics_of(wanted)}
    assert types - own <= set(NATIVE)
    assert len(types - own) == 4


def test_all_thresholds_can_be_set_and_an_absence_is_within_googles_limit() -> None:
    limits = {"no_events_hours": 23, "server_error_percent": 7, "unauthorized_percent": 8, "unread_hours": 9}
    limits |= {"unread_messages": 10, "memory_percent": 11}
    assert set(limits) == set(ALERT_DEFAULTS)
    alerts = {alert.key: body_of(alert) for alert in alerts_of(spec(alerts=Alerts(("a@b.org",), thresholds=limits)))}
    assert alerts["no-events"]["conditions"][0]["conditionAbsent"]["duration"] == "82800s"
    found = [
        condition["conditionThreshold"]["thresholdValue"]
        for key in ("server-errors", "unauthorized", "backlog", "memory")
        for condition in alerts[key]["conditions"]
    ]
    assert found == [0.07, 0.08, 32400, 10, 0.11]


def test_a_probe_of_this_command_is_no_reason_to_alert_and_a_real_mismatch_is() -> None:
    (signed,) = [alert for alert in alerts_of(SPECS[0]) if alert.key == "signed-refused"]
    wanted = signed.body["conditions"][0]["conditionMatchedLog"]["filter"]
    assert wanted.endswith(f' NOT labels.execution_id:"{alert_definitions.PROBE}"')


def test_the_probes_of_a_rotation_are_a_part_of_the_share_of_401_but_not_for_long_enough_to_alert() -> None:
    (alert,) = [alert for alert in alerts_of(SPECS[0]) if alert.key == "unauthorized"]
    condition = alert.body["conditions"][0]["conditionThreshold"]
    shown_for_s = seconds(condition["aggregations"][0]["alignmentPeriod"])
    two_rounds_s = 2 * ROUNDS * ROUND_S  # an emergency waits for two secrets, one after the other
    assert seconds(condition["duration"]) >= shown_for_s + two_rounds_s + 5 * 60
    assert seconds(condition["duration"]) + shown_for_s < 12 * HOUR_S, "DT repeats an event for 12 hours"
    page = runbook()["unauthorized"]
    for text in (alert.body["documentation"]["content"], page, ALERTS_PAGE):
        assert "45 minutes" in text
        assert re.search("rotat", text)


def test_a_share_and_an_absence_count_all_revisions_together_because_each_deployment_makes_another() -> None:
    for alert in alerts_of(SPECS[0]):
        for text in strings(body_of(alert)["conditions"]):
            assert "revision_name" not in text
        for condition in body_of(alert)["conditions"]:
            body = next(value for key, value in condition.items() if key.startswith("condition"))
            for aggregation in body.get("aggregations", []):
                assert aggregation["crossSeriesReducer"].startswith("REDUCE_")


def test_a_page_in_an_alert_has_the_names_of_the_deployment() -> None:
    wanted = spec(name="site2-pubsub", google_project="another-project", region="us-east1", alerts=TOLD)
    text = "\n".join(page_text(wanted, page) for page in runbook().values())
    assert "my-project" not in text
    assert "europe-west1" not in text
    assert 'service_name="site2-pubsub"' in text
    assert "subscriptions pull site2-rejected" in text
    assert "secrets versions list site2-signature" in text
    assert "functions describe site2-pubsub" in text


def test_a_link_of_a_page_becomes_its_text_and_the_name_of_another_page() -> None:
    text = "See [the costs](../cost.md#bigquery), [a backlog](backlog.md), and [a list](https://example.com/a.md)."
    plain = "See the costs, a backlog (page backlog), and [a list](https://example.com/a.md)."
    assert page_text(SPECS[0], text) == plain


@pytest.mark.parametrize(
    ("example", "own"),
    [
        ("--project=my-project", "--project=another-project"),
        ("--region=europe-west1", "--region=us-east1"),
        ("subscriptions pull dt-events", "subscriptions pull site2-events"),
        ("subscriptions pull dt-rejected", "subscriptions pull site2-rejected"),
        ("FROM sensors.events", "FROM cold.events"),
        ("versions list dt-signature", "versions list site2-signature"),
        ('service_name="dt-pubsub"', 'service_name="site2-pubsub"'),
        ("logs read --service=dt-pubsub", "logs read --service=site2-pubsub"),
        ("functions describe dt-pubsub", "functions describe site2-pubsub"),
        ("label dt-pubsub, my.project", "label dt-pubsub, my.project"),
    ],
)
def test_a_name_of_the_examples_becomes_that_of_the_deployment(example: str, own: str) -> None:
    names = {"name": "site2-pubsub", "google_project": "another-project", "region": "us-east1"}
    assert page_text(spec(**names, bigquery=Warehouse("cold")), f"Run {example} now.") == f"Run {own} now."


@pytest.mark.parametrize("url", ["https://example.com/XX", "https://example.com/XX/", "https://example.com/XX//"])
def test_the_links_of_pages_are_below_the_url_of_the_settings_with_one_slash(url: str) -> None:
    (alert, *_) = alerts_of(spec(alerts=Alerts(("a@b.org",), runbook_url=url, pages=runbook())))
    assert body_of(alert)["documentation"]["links"] == [
        {"displayName": f"Runbook: {page}", "url": f"https://example.com/XX/{page}.md"} for page in alert.pages
    ]


def test_an_alert_has_the_texts_of_its_pages_below_its_first_command_if_they_are_there() -> None:
    pages = {"no-events": "# No events\n\nLook.\n", "connector-disabled": "# Disabled\n\nIn my-project.\n"}
    (alert, *_) = alerts_of(spec(alerts=Alerts(("a@b.org",), pages=pages)))
    documentation = body_of(alert)["documentation"]
    content = documentation["content"]
    assert content.endswith(
        "\n    python -m deploy status\n\n# No events\n\nLook.\n\n# Disabled\n\nIn cold-chain-prod.\n"
    )
    assert documentation == {"content": content, "mimeType": "text/markdown"}
    (alert, *_) = alerts_of(spec(alerts=Alerts(("a@b.org",), pages={"no-events": "x" * 9000})))
    assert len(body_of(alert)["documentation"]["content"]) == 8000, "Google takes 8,192 characters, and 10,240 bytes"


def kept_by_hand(**thresholds: int) -> set[tuple[str, str]]:
    """Return the conditions whose threshold a person may change, each with the key of its policy."""
    wanted = spec(alerts=Alerts(("a@b.org",), thresholds=thresholds), bigquery=Warehouse("sensors"))
    return {(alert.key, condition) for alert in alerts_of(wanted) for condition in alert.unset}


@pytest.mark.parametrize(
    ("setting", "conditions"),
    [
        ("no_events_hours", {("no-events", "No event was answered with 2xx")}),
        ("server_error_percent", {("server-errors", "Share of answers 5xx")}),
        ("unauthorized_percent", {("unauthorized", "Share of answers 401")}),
        (
            "unread_hours",
            {("backlog", "Age of the oldest unread event"), ("bigquery", "Age of the oldest unwritten event")},
        ),
        ("unread_messages", {("backlog", "Number of unread events")}),
        ("memory_percent", {("memory", "Memory of an instance")}),
    ],
)
def test_a_setting_takes_the_threshold_of_its_conditions_from_the_person_and_no_other(
    setting: str, conditions: set[tuple[str, str]]
) -> None:
    assert kept_by_hand() - kept_by_hand(**{setting: 1}) == conditions
    assert kept_by_hand(**{setting: 1}) | conditions == kept_by_hand()


def test_an_alert_on_a_line_of_the_log_has_no_threshold_and_fires_at_most_once_an_hour() -> None:
    for alert in alerts_of(SPECS[0]):
        is_log_line = "conditionMatchedLog" in alert.body["conditions"][0]
        assert is_log_line == (alert.key in {"signed-refused", "faults"})
        assert (not alert.unset) == is_log_line
        limit = alert.body["alertStrategy"].get("notificationRateLimit")
        assert limit == ({"period": "3600s"} if is_log_line else None)


def test_conditions_are_few_because_each_costs_money() -> None:
    assert sum(len(alert.body["conditions"]) for alert in alerts_of(SPECS[0])) == 10


def test_the_stored_types_are_those_of_the_gcloud_here() -> None:
    folder = clients_folder()
    if folder is None:
        pytest.skip("there is no gcloud here")
    stored, here = json.loads(SCHEMA.read_text("utf-8"))["$defs"], schema_of(Path(folder))["$defs"]
    for name, kind in stored.items():
        assert kind["properties"].items() <= here[name]["properties"].items(), name


@pytest.mark.parametrize(
    ("kind", "body", "fault"),
    [
        ("AlertPolicy", {"conditonThreshold": {}}, "conditonThreshold"),
        ("AlertPolicy", {"combiner": "EITHER"}, "EITHER"),
        ("AlertPolicy", {"conditions": [{"conditionThreshold": {"thresholdValue": "5"}}]}, "thresholdValue"),
        ("AlertPolicy", {"enabled": 1}, "enabled"),
        ("Dashboard", {"mosaicLayout": {"columns": True}}, "columns"),
        ("LogMetric", {"metricDescriptor": {"labels": {"key": "reason"}}}, "labels"),
        ("NotificationChannel", {"labels": []}, "labels"),
    ],
)
def test_a_body_of_another_shape_is_noticed(kind: str, body: dict[str, Any], fault: str) -> None:
    (found,) = faults_of(kind, body)
    assert fault in found


def test_every_condition_and_word_is_as_it_was_read_last() -> None:
    again = "read the difference, then: python -m tests.deploy.resources.written_alerts"
    assert FILE.read_text("utf-8") == written(), again
