"""The kinds of resources in a project: their list commands, and the deployment that a listed resource belongs to."""

from typing import Any

import pytest

from deploy.resources.catalog import removable
from deploy.resources.kinds import ALERT_KINDS, KINDS, DatasetKind, label_of, place_of, region_of_service
from deploy.resources.marked import Marked
from deploy.steps import Get
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

KIND_OF = {" ".join(kind.words[:-1] if kind.words[-1].startswith("--") else kind.words): kind for kind in KINDS}
OURS = {"labels": {"dt-pubsub": "fridges"}}
OF_RUN = {"metadata": {"name": "fridges", **OURS}}


@pytest.mark.parametrize(
    ("command", "found", "title"),
    [
        (
            "functions list --v2",
            {"name": "projects/p/locations/us-east1/functions/fridges", **OURS},
            "function fridges",
        ),
        ("run services list", OF_RUN, "Cloud Run service fridges"),
        ("secrets list", {"name": "projects/1/secrets/fridges-signature", **OURS}, "secret fridges-signature"),
        ("pubsub topics list", {"name": "projects/p/topics/fridges-events", **OURS}, "topic fridges-events"),
        ("pubsub subscriptions list", {"name": "projects/p/subscriptions/s", **OURS}, "subscription s"),
        (
            "iam service-accounts list",
            {"email": "fridges@p.iam.gserviceaccount.com", "description": "Publishes (dt-pubsub=fridges)"},
            "service account fridges",
        ),
    ],
)
def test_a_listed_resource_has_the_id_of_a_plan_and_the_owner_of_its_mark(
    command: str, found: dict[str, Any], title: str
) -> None:
    kind = KIND_OF[command]
    assert (str(kind.id_of(found)), kind.owner_of(found)) == (title, "fridges")
    assert kind.owner_of({}) == ""
    assert str(kind.id_of({})).strip() == title.rpartition(" ")[0]


MONITORING = "https://monitoring.googleapis.com"
LOGGING = f"https://logging.googleapis.com/v2/projects/{PROJECT}"
LABELLED = {"dt-pubsub": "fridges"}


@pytest.mark.parametrize(
    ("url", "found", "title"),
    [
        (
            f"{MONITORING}/v3/projects/{PROJECT}/alertPolicies",
            {"userLabels": {**LABELLED, "dt-pubsub-policy": "no-events"}},
            "alert policy no-events",
        ),
        (
            f"{MONITORING}/v3/projects/{PROJECT}/notificationChannels",
            {"userLabels": LABELLED, "displayName": "dt-pubsub fridges: ops@example.com"},
            "notification channel ops@example.com",
        ),
        (
            f"{MONITORING}/v1/projects/{PROJECT}/dashboards",
            {"name": "projects/1/dashboards/dt-pubsub-fridges"},
            "dashboard dt-pubsub-fridges",
        ),
        (f"{LOGGING}/metrics", {"name": "dt-pubsub/fridges/rejected"}, "log-based metric rejected"),
        (
            f"{LOGGING}/exclusions",
            {"name": "dt-pubsub-fridges-requests", "description": "of fridges (dt-pubsub=fridges)"},
            "log exclusion dt-pubsub-fridges-requests",
        ),
    ],
)
def test_a_listed_resource_of_alerts_has_the_id_of_a_plan_and_the_owner_of_its_mark(
    url: str, found: dict[str, Any], title: str
) -> None:
    (kind,) = (kind for kind in ALERT_KINDS if kind.of(spec()).listing.url == url)
    assert kind.query(spec()) == kind.of(spec()).listing
    assert (str(kind.id_of(found)), kind.owner_of(found)) == (title, "fridges")
    assert kind.is_optional
    assert kind.permission.endswith(f".{url.rpartition('/')[2].replace('metrics', 'logMetrics')}.list")
    for theirs in ({}, {"name": "another/fridges"}, {"name": "projects/1/dashboards/another-fridges"}):
        assert kind.owner_of(theirs) == ""


def test_a_listed_dataset_has_the_owner_of_its_label_and_listing_needs_no_permission() -> None:
    kind = DatasetKind()
    url = f"https://bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}/datasets?filter=labels.dt-pubsub"
    assert kind.query(spec()) == Get(url, "datasets")
    found = {"datasetReference": {"projectId": PROJECT, "datasetId": "sensors"}, "labels": LABELLED}
    assert (str(kind.id_of(found)), kind.owner_of(found)) == ("dataset sensors", "fridges")
    assert (kind.is_optional, kind.permission) == (True, "")


def test_the_list_command_of_a_kind_names_the_project() -> None:
    assert [kind.query(spec()) for kind in KINDS] == [(*kind.words, f"--project={PROJECT}") for kind in KINDS]
    assert not any(kind.is_optional for kind in KINDS)


def test_every_marked_resource_of_a_deployment_is_listed_and_needs_one_permission() -> None:
    marked = {resource.id.kind for resource in removable(spec()) if isinstance(resource, Marked)}
    assert marked <= {kind.id_of({}).kind for kind in KINDS}
    assert all(kind.permission.endswith(".list") for kind in KINDS)


def test_gcloud_filters_by_the_mark_except_for_secrets_and_accounts() -> None:
    filters = {
        " ".join(kind.words[:2]): [word for word in kind.words if word.startswith("--filter=")] for kind in KINDS
    }
    of_labels = ["--filter=labels.dt-pubsub:*"]
    assert filters == {
        "functions list": of_labels,
        "run services": ["--filter=metadata.labels.dt-pubsub:*"],
        "secrets list": [],
        "pubsub topics": of_labels,
        "pubsub subscriptions": of_labels,
        "iam service-accounts": [],
    }


@pytest.mark.parametrize("found", [{}, {"labels": None}, {"labels": {}}, {"labels": {"team": "payments"}}])
def test_a_resource_without_the_label_has_no_owner(found: dict[str, Any]) -> None:
    assert label_of(found) == ""


def test_the_region_of_a_function_is_in_its_name_and_that_of_a_service_in_a_label() -> None:
    assert place_of({"name": "projects/p/locations/us-east1/functions/fridges"}) == ("us-east1", "fridges")
    assert place_of({}) == ("", "")
    assert region_of_service({"metadata": {"labels": {"cloud.googleapis.com/location": "us-east1"}}}) == "us-east1"
    assert region_of_service({"metadata": {"labels": None}}) == region_of_service({}) == ""
