"""A plan shows every setting that was made by hand, above all those that stop deliveries, and leaves it alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from deploy.resources.by_hand import on_dataset, on_function, on_service, on_table, variables_of
from deploy.stages.health.rows import rows_of
from deploy.stages.plan import plan
from deploy.steps import pending
from tests.deploy.cases import PLANS, observed_of, overlaid, read, spec_of
from tests.deploy.stages.health.samples import SPEC, readings

SUBSCRIPTION, TOPIC = ("subscription dt-events", "subscription"), ("topic dt-rejected", "topic")
FUNCTION, SERVICE = ("function dt-pubsub", "function"), ("function dt-pubsub", "service")
SECRET = ("secret dt-signature", "secret")
ANNOTATION = "run.googleapis.com"
NO_INSTANCE = {f"{ANNOTATION}/scalingMode": "manual", f"{ANNOTATION}/manualInstanceCount": "0"}
AUTOMATIC = {f"{ANNOTATION}/scalingMode": "automatic", f"{ANNOTATION}/manualInstanceCount": "3"}
USUAL = [
    (SUBSCRIPTION, {"ackDeadlineSeconds": 10}),
    (SUBSCRIPTION, {"ackDeadlineSeconds": None}),
    (SUBSCRIPTION, {"state": "ACTIVE"}),
    (SUBSCRIPTION, {"state": "STATE_UNSPECIFIED"}),
    (SUBSCRIPTION, {"state": None}),
    (SUBSCRIPTION, {"pushConfig": {}}),
    (SUBSCRIPTION, {"filter": ""}),
    (TOPIC, {"messageStoragePolicy": {"allowedPersistenceRegions": []}}),
    (FUNCTION, {"serviceConfig": {"vpcConnectorEgressSettings": "PRIVATE_RANGES_ONLY"}}),
    (SERVICE, {"metadata": {"annotations": AUTOMATIC}}),
    (SERVICE, {"metadata": {"annotations": {f"{ANNOTATION}/iap-enabled": "false"}}}),
    (SERVICE, {"spec": {"traffic": [{"latestRevision": True, "percent": 100}]}}),
    (SECRET, {"replication": {"automatic": {}}}),
]
SET = [
    (SUBSCRIPTION, {"filter": 'attributes.deviceId = "d"'}, 'takes only messages that match attributes.deviceId = "d"'),
    (SUBSCRIPTION, {"ackDeadlineSeconds": 600}, "ack deadline 600 s"),
    (
        SUBSCRIPTION,
        {"deadLetterPolicy": {"deadLetterTopic": "projects/p/topics/dead", "maxDeliveryAttempts": 7}},
        "after 7 attempts a message goes to projects/p/topics/dead",
    ),
    (
        SUBSCRIPTION,
        {"retryPolicy": {"minimumBackoff": "300s", "maximumBackoff": "600s"}},
        "waits 300s to 600s before it delivers again",
    ),
    (
        SUBSCRIPTION,
        {"deadLetterPolicy": {"deadLetterTopic": "projects/p/topics/dead"}},
        "after 5 attempts a message goes to projects/p/topics/dead",
    ),
    (SUBSCRIPTION, {"retryPolicy": {"minimumBackoff": "300s"}}, "waits 300s to 600s before it delivers again"),
    (SUBSCRIPTION, {"retryPolicy": {"maximumBackoff": "300s"}}, "waits 10s to 300s before it delivers again"),
    (SUBSCRIPTION, {"enableExactlyOnceDelivery": True}, "exactly-once delivery"),
    (SUBSCRIPTION, {"retainAckedMessages": True}, "keeps acknowledged messages"),
    (SUBSCRIPTION, {"enableMessageOrdering": True}, "message ordering"),
    (SUBSCRIPTION, {"messageTransforms": [{"javascriptUdf": {}}]}, "changes messages by transforms"),
    (SUBSCRIPTION, {"state": "RESOURCE_ERROR"}, "state RESOURCE_ERROR"),
    (SUBSCRIPTION, {"bigqueryConfig": {"table": "p.d.t"}}, "pushes to p.d.t"),
    (SUBSCRIPTION, {"cloudStorageConfig": {"bucket": "b"}}, "pushes to b"),
    (
        TOPIC,
        {"schemaSettings": {"schema": "projects/p/schemas/s"}},
        "refuses messages that do not fit the schema projects/p/schemas/s",
    ),
    (
        TOPIC,
        {"messageStoragePolicy": {"allowedPersistenceRegions": ["europe-west1"]}},
        "keeps messages in europe-west1 only",
    ),
    (
        TOPIC,
        {"messageStoragePolicy": {"allowedPersistenceRegions": ["us-east1"], "enforceInTransit": True}},
        "keeps messages in us-east1 only, and refuses publishers elsewhere",
    ),
    (
        TOPIC,
        {"messageStoragePolicy": {"allowedPersistenceRegions": ["europe-west1", "europe-north1"]}},
        "keeps messages in europe-west1, europe-north1 only",
    ),
    (TOPIC, {"kmsKeyName": "projects/p/keys/k"}, "encrypted with projects/p/keys/k"),
    (TOPIC, {"ingestionDataSourceSettings": {"awsKinesis": {}}}, "takes messages from another source, too"),
    (TOPIC, {"messageTransforms": [{"javascriptUdf": {}}]}, "changes messages by transforms"),
    (TOPIC, {"messageRetentionDuration": "86400s"}, "keeps messages for 86400s"),
    (TOPIC, {"state": "INGESTION_RESOURCE_ERROR"}, "state INGESTION_RESOURCE_ERROR"),
    (
        FUNCTION,
        {"serviceConfig": {"secretEnvironmentVariables": [{"key": "B"}, {"key": "A"}]}},
        "variables from secrets A, B",
    ),
    (FUNCTION, {"buildConfig": {"environmentVariables": {"B": "1", "A": "2"}}}, "build variables A, B"),
    (
        FUNCTION,
        {"serviceConfig": {"secretEnvironmentVariables": [{"key": "DT_SIGNATURE_SECRET"}]}},
        "variables from secrets DT_SIGNATURE_SECRET",
    ),
    (FUNCTION, {"buildConfig": {"environmentVariables": {"PIP": "1"}}}, "build variables PIP"),
    (FUNCTION, {"buildConfig": {"workerPool": "projects/p/pools/w"}}, "worker pool projects/p/pools/w"),
    (
        FUNCTION,
        {"serviceConfig": {"vpcConnector": "projects/p/connectors/c", "vpcConnectorEgressSettings": "ALL_TRAFFIC"}},
        "network connector projects/p/connectors/c, egress ALL_TRAFFIC",
    ),
    (
        FUNCTION,
        {"serviceConfig": {"directVpcNetworkInterface": [{"network": "default"}]}},
        "a network interface of its own",
    ),
    (FUNCTION, {"serviceConfig": {"binaryAuthorizationPolicy": "default"}}, "binary authorization default"),
    (FUNCTION, {"kmsKeyName": "projects/p/keys/k"}, "encrypted with projects/p/keys/k"),
    (
        SERVICE,
        {"metadata": {"annotations": {f"{ANNOTATION}/default-url-disabled": "true"}}},
        "its run.app URL is switched off: DT cannot call",
    ),
    (
        SERVICE,
        {"metadata": {"annotations": {f"{ANNOTATION}/iap-enabled": "true"}}},
        "Identity-Aware Proxy is on: DT cannot call",
    ),
    (
        SERVICE,
        {"metadata": {"annotations": NO_INSTANCE}},
        "scaled by hand to 0 instances: nothing answers DT",
    ),
    (
        SERVICE,
        {"spec": {"traffic": [{"revisionName": "old", "percent": 90}, {"latestRevision": True, "percent": 10}]}},
        "its newest revision gets 10 % of the requests",
    ),
    (
        SERVICE,
        {"metadata": {"annotations": {**NO_INSTANCE, f"{ANNOTATION}/manualInstanceCount": "3"}}},
        "scaled by hand to 3 instances",
    ),
    (
        SERVICE,
        {"metadata": {"annotations": {f"{ANNOTATION}/scalingMode": "Manual"}}},
        "scaled by hand to 0 instances: nothing answers DT",
    ),
    (
        SERVICE,
        {"spec": {"traffic": [{"latestRevision": True, "percent": 60}, {"latestRevision": True, "percent": 39}]}},
        "its newest revision gets 99 % of the requests",
    ),
    (SERVICE, {"spec": {"traffic": [{"latestRevision": True}]}}, "its newest revision gets 0 % of the requests"),
    (
        SERVICE,
        {"spec": {"traffic": [{"revisionName": "old", "percent": 50}, {"revisionName": "older", "percent": 50}]}},
        "its newest revision gets 0 % of the requests",
    ),
    (SECRET, {"expireTime": "2027-01-01T00:00:00Z"}, "is deleted by Google on 2027-01-01T00:00:00Z"),
    (
        SECRET,
        {"replication": {"userManaged": {"replicas": [{"location": "europe-west1"}]}}},
        "kept in europe-west1 only",
    ),
    (
        SECRET,
        {"replication": {"userManaged": {"replicas": [{"location": "europe-west1"}, {"location": "us-east1"}]}}},
        "kept in europe-west1, us-east1 only",
    ),
    (
        SECRET,
        {"rotation": {"nextRotationTime": "2027-01-01T00:00:00Z"}},
        "a reminder to rotate it is set for 2027-01-01T00:00:00Z",
    ),
    (SECRET, {"versionDestroyTtl": "86400s"}, "destroyed versions last 86400s"),
]


def reasons(place: tuple[str, str] | None, settings: Any) -> dict[str, str]:
    """Return the reasons of the plan for a finished deployment with these settings: nothing is to do."""
    everything = read(PLANS / "everything.json")
    overlay = {"facts": {place[0]: {place[1]: settings}}} if place else {}
    steps = plan(spec_of(everything["spec"]), observed_of(overlaid(everything["observed"], overlay)))
    assert pending(steps) == ()
    return {step.resource: step.reason for step in steps}


@pytest.mark.parametrize(("place", "settings", "phrase"), SET)
def test_a_setting_made_by_hand_is_shown_and_left_alone(place: tuple[str, str], settings: Any, phrase: str) -> None:
    reason = reasons(place, settings)[place[0]]
    shown = f"; set elsewhere and left alone: {phrase}" if place == FUNCTION else f"; {phrase}, set elsewhere"
    assert reason.endswith(shown)
    assert reason.count("elsewhere") == shown.count("elsewhere")


def test_a_variable_that_an_earlier_up_may_have_set_is_not_called_set_elsewhere() -> None:
    settings = {"serviceConfig": {"environmentVariables": {"LOG_LEVEL": "DEBUG", "A": "2"}, "vpcConnector": "c"}}
    reason = reasons(FUNCTION, settings)["function dt-pubsub"]
    left = "; not in these settings and left alone: variables A, LOG_LEVEL"
    assert reason.endswith(f"{left}; set elsewhere and left alone: network connector c")


def test_resources_after_up_have_no_settings_made_by_hand() -> None:
    assert [resource for resource, reason in reasons(None, {}).items() if "elsewhere" in reason] == []


def test_the_value_of_a_variable_is_not_shown() -> None:
    settings = {"serviceConfig": {"environmentVariables": {"TOKEN": "not-for-a-terminal"}}}
    assert "not-for-a-terminal" not in str(reasons(FUNCTION, settings))


@pytest.mark.parametrize(("place", "settings"), USUAL)
def test_a_default_of_google_is_not_shown(place: tuple[str, str], settings: Any) -> None:
    assert "elsewhere" not in reasons(place, settings)[place[0]]


@pytest.mark.parametrize(
    ("found", "phrases"),
    [
        ({}, []),
        ({"defaultTableExpirationMs": None, "defaultEncryptionConfiguration": None}, []),
        ({"defaultTableExpirationMs": "172800000"}, ["tables are deleted after 2 d"]),
        ({"defaultPartitionExpirationMs": 43_200_000}, ["rows are deleted after 0.5 d"]),
        ({"defaultPartitionExpirationMs": "never"}, []),
        ({"defaultEncryptionConfiguration": {"kmsKeyName": "k"}}, ["encrypted with k"]),
    ],
)
def test_what_deletes_or_encrypts_a_dataset_is_shown(found: Mapping[str, Any], phrases: list[str]) -> None:
    assert on_dataset(found) == phrases


@pytest.mark.parametrize(
    ("found", "phrases"),
    [
        ({}, []),
        ({"timePartitioning": None, "encryptionConfiguration": None, "requirePartitionFilter": False}, []),
        ({"timePartitioning": {"expirationMs": "86400000"}}, ["rows are deleted after 1 d"]),
        ({"expirationTime": "1790000000000"}, ["expires"]),
        ({"requirePartitionFilter": True}, ["refuses queries without a filter on event_time"]),
        ({"encryptionConfiguration": {"kmsKeyName": "k"}}, ["encrypted with k"]),
    ],
)
def test_what_deletes_or_encrypts_a_table_or_refuses_its_queries_is_shown(
    found: Mapping[str, Any], phrases: list[str]
) -> None:
    assert on_table(found) == phrases


def test_requests_that_are_all_pinned_to_one_revision_are_not_shown_because_a_step_ends_that() -> None:
    assert on_service({"spec": {"traffic": [{"revisionName": "old", "percent": 100}]}}) == []


def test_a_service_of_which_google_shows_nothing_has_no_setting_made_by_hand() -> None:
    assert on_function({}) == variables_of({}, {}) == []
    assert on_service({}) == on_service({"metadata": {}, "spec": {"traffic": None}}) == []


@pytest.mark.parametrize(
    "annotations",
    [{f"{ANNOTATION}/default-url-disabled": "true"}, {f"{ANNOTATION}/iap-enabled": "true"}, NO_INSTANCE],
    ids=["no URL", "IAP", "no instance"],
)
def test_a_service_that_was_closed_to_dt_by_hand_makes_a_status_unhealthy(annotations: Mapping[str, str]) -> None:
    closed = {"facts": {SERVICE[0]: {SERVICE[1]: {"metadata": {"annotations": annotations}}}}}
    rows = rows_of(SPEC, readings(closed))
    assert [(row.state, row.page) for row in rows if row.health != "ok"] == [("closed", "no-events")]
