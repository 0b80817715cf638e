"""The stand-ins for alert policies, channels, dashboards and log-based metrics: as strict as Google documents them."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.google.calls import Call
from tests.deploy.fakes.google_api import TOKEN, FakeGoogleApi
from tests.emulators.clouds.exchange import Json

PROJECT = "cold-chain-prod"
MONITORING = f"https://monitoring.googleapis.com/v3/projects/{PROJECT}"
POLICIES, CHANNELS = f"{MONITORING}/alertPolicies", f"{MONITORING}/notificationChannels"
DASHBOARDS = f"https://monitoring.googleapis.com/v1/projects/{PROJECT}/dashboards"
METRICS = f"https://logging.googleapis.com/v2/projects/{PROJECT}/metrics"
UNREAD = (
    'metric.type = "pubsub.googleapis.com/subscription/num_undelivered_messages" AND '
    'resource.type = "pubsub_subscription" AND resource.labels.subscription_id = "s"'
)
REQUESTS = 'metric.type = "run.googleapis.com/request_count" AND resource.type = "cloud_run_revision"'
GROUPED: Json = {"alignmentPeriod": "300s", "perSeriesAligner": "ALIGN_MAX", "crossSeriesReducer": "REDUCE_MAX"}


class Clock:
    """A clock that a test sets."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Alerts:
    """The stand-ins, and a caller of them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.api = FakeGoogleApi(self.clock)

    def ask(self, method: str, url: str, body: Json | None = None) -> tuple[int, Any]:
        """Return status and answer of a request."""
        answer = self.api(Call(method, url, body, {"Authorization": f"Bearer {TOKEN}"}))
        return answer.status, answer.body

    def made(self, url: str, body: Json) -> Any:
        """Return what a request has made."""
        status, answer = self.ask("POST", url, body)
        assert status == 200, answer
        return answer

    def refusal(self, url: str, body: Json, method: str = "POST") -> str:
        """Return the status and the message of a refusal."""
        status, answer = self.ask(method, url, body)
        assert status != 200, answer
        return f"{answer['error']['status']}: {answer['error']['message']}"


@pytest.fixture
def alerts() -> Alerts:
    """A project without alerts."""
    return Alerts()


def threshold(**changes: Any) -> Json:
    body = {"filter": UNREAD, "aggregations": [GROUPED], "comparison": "COMPARISON_GT", "duration": "60s", **changes}
    return {"displayName": "c", "conditionThreshold": body}


def policy(*conditions: Json, **changes: Any) -> Json:
    return {"displayName": "p", "combiner": "OR", "conditions": list(conditions) or [threshold()], **changes}


def log_match(**changes: Any) -> Json:
    matched = {"filter": "severity>=ERROR", "labelExtractors": {"reason": "EXTRACT(jsonPayload.reason)"}, **changes}
    return {"displayName": "c", "conditionMatchedLog": matched}


LIMITED = {"notificationRateLimit": {"period": "300s"}}
EMAIL: Json = {"type": "email", "displayName": "me", "labels": {"email_address": "ops@example.com"}}


def test_a_policy_gets_a_name_and_its_conditions_too_and_defaults_are_left_out(alerts: Alerts) -> None:
    found = alerts.made(POLICIES, policy(threshold(thresholdValue=0)))
    assert found["name"].startswith(f"projects/{PROJECT}/alertPolicies/")
    assert found["conditions"][0]["name"].startswith(f"{found['name']}/conditions/")
    assert "thresholdValue" not in found["conditions"][0]["conditionThreshold"]
    assert found["enabled"] is True
    assert alerts.ask("GET", POLICIES)[1]["alertPolicies"] == [found]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (policy(name=f"projects/{PROJECT}/alertPolicies/1"), "name must not be set"),
        (policy(displayNam="x"), 'Unknown name "displayNam"'),
        (policy(displayName=""), "displayName"),
        (policy(displayName="x" * 513), "displayName"),
        (policy(combiner="COMBINE_UNSPECIFIED"), "combiner"),
        (policy(*[threshold()] * 7), "1 to 6 conditions"),
        (policy(userLabels={"Team": "x"}), "user label"),
        (policy(userLabels={"team": "X y"}), "user label"),
        (policy(userLabels={f"k{number}": "" for number in range(65)}), "64 user labels"),
        (policy(documentation={"content": "x" * 8193, "mimeType": "text/markdown"}), "8,192"),
        (policy(documentation={"content": "ø" * 6000, "mimeType": "text/markdown"}), "10,240"),
        (policy(documentation={"content": "x", "mimeType": "text/plain"}), "mimeType"),
        (policy(documentation={"links": [{"url": "https://a.b"}] * 4}), "3 links"),
        (policy(alertStrategy={"autoClose": "60s"}), "30 minutes"),
        (policy(alertStrategy=LIMITED), "only for conditions that match log lines"),
        (policy(notificationChannels=[f"projects/{PROJECT}/notificationChannels/1"]), "NOT_FOUND"),
        (policy(threshold(comparison="COMPARISON_GE")), "COMPARISON_GT or"),
        (policy(threshold(duration="90s")), "whole minutes"),
        (policy(threshold(duration="1m")), "Illegal duration"),
        (policy(threshold(duration="0s", evaluationMissingData="EVALUATION_MISSING_DATA_ACTIVE")), "at least 60 s"),
        (policy(threshold(filter=UNREAD.replace("AND resource.type", "AND resource.kind"))), "resource.type"),
        (policy(threshold(filter=UNREAD.replace("num_", "number_"))), "NOT_FOUND: Cannot find metric(s)"),
        (policy(threshold(filter=UNREAD.replace("subscription_id", "subscription"))), "does not exist"),
        (policy(threshold(filter=UNREAD.replace('"pubsub_subscription"', '"pubsub_topic"'))), "not written for"),
        (policy(threshold(filter=UNREAD + " OR x")), "could not parse"),
        (policy(threshold(filter=UNREAD.replace('"s"', f'"{"s" * 2048}"'))), "2048"),
        (policy(threshold(aggregations=[{**GROUPED, "alignmentPeriod": "30s"}])), "25 h"),
        (policy(threshold(aggregations=[{**GROUPED, "alignmentPeriod": "90060s"}])), "25 h"),
        (policy(threshold(aggregations=[{**GROUPED, "perSeriesAligner": "ALIGN_RATE"}])), "kind GAUGE"),
        (policy(threshold(aggregations=[{**GROUPED, "groupByFields": ["metric.label.x"]}])), "does not exist"),
        (policy(threshold(filter=REQUESTS)), "kind DELTA"),
        (policy(threshold(denominatorFilter=UNREAD)), "denominatorAggregations"),
        (
            policy(
                threshold(denominatorFilter=UNREAD, denominatorAggregations=[{**GROUPED, "alignmentPeriod": "600s"}])
            ),
            "same alignment",
        ),
        (policy({"displayName": "c", "conditionAbsent": {"filter": UNREAD, "duration": "84660s"}}), "23.5 hours"),
        (policy({"displayName": "c", "conditionAbsent": {"filter": UNREAD, "duration": "60s"}}), "2 minutes"),
        (policy(log_match()), "notificationRateLimit"),
        (policy(log_match(), threshold(), alertStrategy=LIMITED), "the only condition"),
        (policy(log_match(filter=""), alertStrategy=LIMITED), "needs a filter"),
        (policy(log_match(labelExtractors={"a": "jsonPayload.a"}), alertStrategy=LIMITED), "EXTRACT"),
    ],
)
def test_a_policy_that_google_would_refuse_is_refused(alerts: Alerts, body: Json, message: str) -> None:
    assert message in alerts.refusal(POLICIES, body)
    assert alerts.api.left() == []


def test_a_patch_with_a_mask_changes_only_these_fields_and_without_one_everything(alerts: Alerts) -> None:
    made = alerts.made(POLICIES, policy(userLabels={"team": "x"}, severity="ERROR"))
    url = f"https://monitoring.googleapis.com/v3/{made['name']}"
    _, after = alerts.ask(
        "PATCH", f"{url}?updateMask=display_name,user_labels", {"displayName": "q", "severity": "WARNING"}
    )
    assert (after["displayName"], after["severity"], "userLabels" in after) == ("q", "ERROR", False)
    _, after = alerts.ask("PATCH", url, policy())
    assert "severity" not in after
    assert after["name"] == made["name"]


def test_a_log_match_policy_needs_the_permission_to_make_notification_rules(alerts: Alerts) -> None:
    alerts.api.estate.denied.add("logging.notificationRules.create")
    assert "PERMISSION_DENIED" in alerts.refusal(POLICIES, policy(log_match(), alertStrategy=LIMITED))
    alerts.api.estate.denied.clear()
    alerts.made(POLICIES, policy(log_match(), alertStrategy=LIMITED))


def test_a_channel_shows_a_part_of_its_address_and_is_deleted_with_force_while_it_is_used(alerts: Alerts) -> None:
    channel = alerts.made(CHANNELS, EMAIL)
    assert channel["labels"]["email_address"] == "o***@example.com"
    used = alerts.made(POLICIES, policy(notificationChannels=[channel["name"]]))
    url = f"https://monitoring.googleapis.com/v3/{channel['name']}"
    assert "FAILED_PRECONDITION" in alerts.refusal(url, {}, "DELETE")
    assert alerts.ask("DELETE", f"{url}?force=true") == (200, {})
    assert (
        alerts.ask("GET", f"https://monitoring.googleapis.com/v3/{used['name']}")[1].get("notificationChannels") == []
    )
    assert "NOT_FOUND" in alerts.refusal(url, {}, "DELETE")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "x"}, "name must not be set"),
        ({"type": "sms"}, "Not played here"),
        ({"labels": {}}, "email_address"),
        ({"labels": {"email_address": "nobody"}}, "email_address"),
        ({"address": "x"}, "Unknown name"),
    ],
)
def test_a_channel_that_google_would_refuse_is_refused(alerts: Alerts, change: Json, message: str) -> None:
    assert message in alerts.refusal(CHANNELS, {**EMAIL, **change})


def metric(**changes: Any) -> Json:
    descriptor = {"metricKind": "DELTA", "valueType": "INT64", "labels": [{"key": "reason"}]}
    extractors = {"reason": "EXTRACT(jsonPayload.reason)"}
    return {"name": "a/b", "filter": "x", "labelExtractors": extractors, "metricDescriptor": descriptor, **changes}


def test_a_default_of_any_kind_is_left_out_of_an_answer_also_the_first_word_of_an_enum(alerts: Alerts) -> None:
    typed = {"key": "reason", "valueType": "STRING", "description": ""}
    descriptor = {"metricKind": "DELTA", "valueType": "INT64", "labels": [typed]}
    found = alerts.made(METRICS, metric(metricDescriptor=descriptor, disabled=False, version="V2"))
    assert found["metricDescriptor"]["labels"] == [{"key": "reason"}]
    assert {"disabled", "version"} & set(found) == set()
    assert (found["metricDescriptor"]["metricKind"], found["metricDescriptor"]["valueType"]) == ("DELTA", "INT64")
    labelled = alerts.made(POLICIES, policy(userLabels={"team": ""}, notificationChannels=[]))
    assert labelled["userLabels"] == {"team": ""}
    assert "notificationChannels" not in labelled
    placed = alerts.made(DASHBOARDS, dashboard(tile(xPos=0, yPos=0), labels={}))
    assert set(placed["mosaicLayout"]["tiles"][0]) == {"width", "height", "widget"}
    assert "labels" not in placed


OF_METRIC = 'metric.type = "logging.googleapis.com/user/a/b" AND resource.type = "cloud_run_revision"'
SUMMED = {"alignmentPeriod": "300s", "perSeriesAligner": "ALIGN_DELTA", "crossSeriesReducer": "REDUCE_SUM"}


def test_a_policy_on_a_new_metric_is_not_found_for_a_while_and_a_dashboard_may_name_it_at_once(alerts: Alerts) -> None:
    alerts.api.metrics.lag_s = 60
    alerts.made(METRICS, metric())
    wanted = policy(threshold(filter=OF_METRIC, aggregations=[{**SUMMED, "groupByFields": ["metric.label.reason"]}]))
    assert "If a metric was created recently" in alerts.refusal(POLICIES, wanted)
    chart = {"xyChart": {"dataSets": [{"timeSeriesQuery": {"timeSeriesFilter": {"filter": OF_METRIC}}}]}}
    alerts.made(DASHBOARDS, dashboard(tile(widget=chart)))
    alerts.clock.now += 61
    alerts.made(POLICIES, wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a b"}, "the name"),
        ({"name": "x" * 101}, "the name"),
        ({"filter": ""}, "the filter"),
        ({"filter": "x" * 20_001}, "the filter"),
        ({"description": "x" * 8001}, "the description"),
        ({"labelExtractors": {}}, "each label needs an extractor"),
        ({"labelExtractors": {"reason": "jsonPayload.reason"}}, "an extractor is"),
        ({"metricDescriptor": {"metricKind": "GAUGE", "labels": [{"key": "reason"}]}}, "DELTA"),
        ({"filters": "x"}, "Unknown name"),
    ],
)
def test_a_metric_that_google_would_refuse_is_refused(alerts: Alerts, change: Json, message: str) -> None:
    assert message in alerts.refusal(METRICS, metric(**change))


def test_a_metrics_type_and_labels_cannot_be_taken_away_and_a_put_makes_what_is_missing(alerts: Alerts) -> None:
    assert alerts.ask("PUT", f"{METRICS}/a%2Fb", metric())[0] == 200
    assert "ALREADY_EXISTS" in alerts.refusal(METRICS, metric())
    other = metric()["metricDescriptor"] | {"valueType": "DISTRIBUTION"}
    assert "cannot be changed" in alerts.refusal(f"{METRICS}/a%2Fb", metric(metricDescriptor=other), "PUT")
    without = metric(labelExtractors={}, metricDescriptor={"metricKind": "DELTA", "valueType": "INT64"})
    assert "cannot be removed" in alerts.refusal(f"{METRICS}/a%2Fb", without, "PUT")
    assert "cannot be changed" in alerts.refusal(f"{METRICS}/a%2Fb", metric(name="c"), "PUT")
    assert alerts.ask("DELETE", f"{METRICS}/a%2Fb")[0] == 200
    assert alerts.ask("GET", f"{METRICS}/a%2Fb")[0] == 404


def tile(**changes: Any) -> Json:
    return {"width": 24, "height": 16, "widget": {"text": {"content": "x"}}, **changes}


def dashboard(*tiles: Json, **changes: Any) -> Json:
    return {"displayName": "d", "mosaicLayout": {"columns": 48, "tiles": list(tiles)}, **changes}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (dashboard(tile(), tile(xPos=10)), "overlap"),
        (dashboard(tile(xPos=25)), "within the columns"),
        (dashboard(tile(height=0)), "within the columns"),
        (dashboard(mosaicLayout={"columns": 49}), "between 1 and 48"),
        (dashboard(gridLayout={}), "exactly one layout"),
        (dashboard(displayName=""), "displayName"),
        (dashboard(etag="x"), "etag"),
        (dashboard(name="dashboards/x"), "name had an invalid value"),
        (dashboard(name=f"projects/{PROJECT}/dashboards/a b"), "name had an invalid value"),
        (dashboard(tile(widget={"chart": {}})), "Unknown name"),
    ],
)
def test_a_dashboard_that_google_would_refuse_is_refused(alerts: Alerts, body: Json, message: str) -> None:
    assert message in alerts.refusal(DASHBOARDS, body)


def test_a_dashboard_has_the_chosen_id_and_an_etag_that_an_update_must_not_miss(alerts: Alerts) -> None:
    name = f"projects/{PROJECT}/dashboards/mine"
    made = alerts.made(DASHBOARDS, dashboard(tile(), name=name))
    assert made["name"] == name
    assert "ALREADY_EXISTS" in alerts.refusal(DASHBOARDS, dashboard(name=name))
    status, after = alerts.ask("PATCH", f"{DASHBOARDS}/mine", {**made, "displayName": "e"})
    assert (status, after["displayName"], after["etag"] != made["etag"]) == (200, "e", True)
    assert "ABORTED" in alerts.refusal(f"{DASHBOARDS}/mine", made, "PATCH")
    assert alerts.ask("DELETE", f"{DASHBOARDS}/mine")[0] == 200
    assert alerts.ask("GET", f"{DASHBOARDS}/mine")[0] == 404


@pytest.mark.parametrize(
    ("url", "items", "make"),
    [
        (POLICIES, "alertPolicies", lambda _: policy()),
        (CHANNELS, "notificationChannels", lambda _: EMAIL),
        (DASHBOARDS, "dashboards", lambda _: dashboard()),
        (METRICS, "metrics", lambda number: metric(name=f"m{number}")),
    ],
)
def test_lists_have_pages(alerts: Alerts, url: str, items: str, make: Callable[[int], Json]) -> None:
    for number in range(3):
        alerts.made(url, make(number))
    _, first = alerts.ask("GET", f"{url}?pageSize=2")
    _, second = alerts.ask("GET", f"{url}?pageSize=2&pageToken={first['nextPageToken']}")
    assert (len(first[items]), len(second[items])) == (2, 1)
    assert alerts.ask("GET", f"{url}?size=2")[0] == 400
