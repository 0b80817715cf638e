"""The dataset: one request for each step, and the command of ``bq`` that does the same."""

import pytest

from deploy.errors import DeployError, Unusable
from deploy.resources.bigquery.dataset import Dataset
from deploy.spec import Warehouse
from deploy.steps import RestCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

URL = f"https://bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}/datasets"
LABELS = {"dt-pubsub": "dt-pubsub", "team": "air"}
DATASET = Dataset(spec(bigquery=Warehouse("sensors"), labels={"team": "air"}))
IN_EU = Dataset(spec(bigquery=Warehouse("sensors", "EU")))
FOUND = {"location": "EU", "labels": {**LABELS, "site": "oslo"}}


def test_a_new_dataset_is_made_with_its_labels_and_a_description_in_the_region_of_the_function() -> None:
    (step,) = DATASET.plan({"dataset": None})
    assert isinstance(step.call, RestCall)
    description = "Events of Disruptive Technologies sensors, written by a Pub/Sub subscription."
    assert (step.action, step.resource, step.reason) == ("create", "dataset sensors", "not there")
    assert (step.call.method, step.call.url) == ("POST", URL)
    assert step.call.body == {
        "datasetReference": {"projectId": PROJECT, "datasetId": "sensors"},
        "location": "europe-west1",
        "description": description,
        "labels": LABELS,
    }
    assert step.call.line() == (
        f"bq --project_id={PROJECT} mk --dataset --location=europe-west1 '--description={description}' "
        f"--label=dt-pubsub:dt-pubsub --label=team:air {PROJECT}:sensors"
    )


def test_a_label_that_differs_is_set_and_those_of_others_stay() -> None:
    (step,) = DATASET.plan({"dataset": {**FOUND, "labels": {"dt-pubsub": "dt-pubsub", "team": "x", "site": "oslo"}}})
    labels = {"labels": {**LABELS, "site": "oslo"}}
    by_hand = ("bq", f"--project_id={PROJECT}", "update", "--set_label=dt-pubsub:dt-pubsub", "--set_label=team:air")
    assert (step.action, step.reason) == ("update", "label team x -> air")
    assert step.call == RestCall("PATCH", f"{URL}/sensors", labels, (*by_hand, f"{PROJECT}:sensors"))


@pytest.mark.parametrize("dataset", [DATASET, IN_EU])
def test_a_dataset_is_kept_where_it_is_unless_a_setting_says_another_location(dataset: Dataset) -> None:
    (step,) = dataset.plan({"dataset": FOUND})
    assert (step.action, step.id, step.reason) == ("keep", DATASET.id, "in EU")
    (step,) = dataset.plan({"dataset": {**FOUND, "location": "eu"}})
    assert (step.action, step.reason) == ("keep", "in eu")


def test_a_dataset_in_another_location_than_that_of_the_settings_is_unusable_and_three_fixes_are_shown() -> None:
    with pytest.raises(Unusable) as refused:
        IN_EU.plan({"dataset": {**FOUND, "location": "US"}})
    assert str(refused.value).splitlines() == [
        "dataset sensors: is in US and not in EU, and a dataset cannot be moved",
        "  fix: python -m deploy up --bigquery-location=US",
        "  fix: python -m deploy up --bigquery=ANOTHER_DATASET --bigquery-location=EU",
        "  hint: if deploy.toml or DEPLOY_BIGQUERY_LOCATION says EU, change it there to US",
    ]


def test_a_dataset_without_the_label_is_not_touched_and_the_command_that_adds_it_is_shown() -> None:
    assert DATASET.not_ours({"dataset": None}) is None
    with pytest.raises(DeployError) as refused:
        DATASET.plan({"dataset": {"location": "EU", "labels": {"team": "air"}}})
    assert str(refused.value).splitlines() == [
        "dataset sensors: exists, but does not have the label dt-pubsub=dt-pubsub",
        "  add it by this command, or name another dataset",
        f"  fix: bq update --set_label=dt-pubsub:dt-pubsub {PROJECT}:sensors",
        "  fix: python -m deploy up --bigquery=ANOTHER_DATASET",
    ]


def test_a_new_dataset_would_be_where_the_settings_say_and_one_that_is_there_says_where_it_is() -> None:
    assert [IN_EU.location(facts) for facts in ({}, {"dataset": None}, {"dataset": {"location": "US"}})] == [
        *("EU", "EU", "US")
    ]
