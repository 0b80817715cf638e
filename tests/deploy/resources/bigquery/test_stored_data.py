"""The data: a removal keeps them, unless it is to delete those of one dataset, and it never deletes those of others."""

from typing import Any

import pytest

from deploy.resources.alerting import REFUSED
from deploy.resources.bigquery.stored_data import StoredData
from deploy.resources.resource import answered
from deploy.spec import Warehouse
from deploy.steps import Get, RestCall
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.stage import spec

DATASETS = f"https://bigquery.googleapis.com/bigquery/v2/projects/{PROJECT}/datasets"
OURS = {"dt-pubsub": "dt-pubsub"}
KEPT = StoredData(spec())
REMOVED = StoredData(spec(bigquery=Warehouse(removed_data="sensors")))
BQ = ("bq", f"--project_id={PROJECT}", "rm")


def dataset(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a dataset of a list, with our label or with these."""
    return {"datasetReference": {"datasetId": name}, "labels": OURS if labels is None else labels}


def table(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a table of a list, with our label or with these."""
    return {"tableReference": {"tableId": name}, "labels": OURS if labels is None else labels}


def routine(name: str) -> dict[str, Any]:
    """Return a routine of a list, which has no labels."""
    return {"routineReference": {"routineId": name}, "routineType": "SCALAR_FUNCTION"}


def model(name: str) -> dict[str, Any]:
    """Return a model of a list, with our label, though this deployment makes none."""
    return {"modelReference": {"modelId": name}, "labels": OURS}


TWO = [dataset("sensors"), dataset("payroll", {"dt-pubsub": "site2-pubsub"}), dataset("events2")]


def test_the_datasets_of_this_deployment_are_listed_with_all_that_is_in_them() -> None:
    assert KEPT.describe == Get(f"{DATASETS}?filter=labels.dt-pubsub%3Adt-pubsub", "datasets")
    listed = [
        (f"{name}/{kind}", Get(f"{DATASETS}/{name}/{kind}?maxResults=1000", kind))
        for name in ("events2", "sensors")
        for kind in ("tables", "routines", "models")
    ]
    assert list(KEPT.details(TWO)) == list(KEPT.removal_details(TWO)) == listed
    assert list(KEPT.details(None)) == []
    assert KEPT.names({"datasets": TWO}) == ["events2", "sensors"]
    assert KEPT.one("payroll") == Get(f"{DATASETS}/payroll")


def test_data_are_kept_and_the_command_that_deletes_them_is_shown() -> None:
    steps = KEPT.removal({"datasets": TWO})
    assert [(step.action, step.resource, step.reason) for step in steps] == [
        (
            "keep",
            f"dataset {name}",
            f"keeps all data, which cost storage; to delete them, too: python -m deploy down --delete-data={name}",
        )
        for name in ("events2", "sensors")
    ]


@pytest.mark.parametrize("tables", [None, [], [table("events"), table("co2")]])
def test_a_dataset_with_nothing_of_others_is_deleted_with_all_that_is_in_it(tables: Any) -> None:
    kept, step = REMOVED.removal({"datasets": TWO, "sensors/tables": tables})
    assert (kept.action, kept.resource) == ("keep", "dataset events2")
    assert (step.action, step.resource) == ("delete", "dataset sensors")
    assert step.reason == "with all data in it"
    by_hand = (*BQ, "-r", "-f", "-d", f"{PROJECT}:sensors")
    assert step.call == RestCall("DELETE", f"{DATASETS}/sensors?deleteContents=true", by_hand=by_hand)


def test_tables_of_others_keep_the_dataset_and_ours_are_deleted_one_by_one() -> None:
    tables = [table("events"), table("notes", {}), table("co2"), table("maps", {"dt-pubsub": "site2-pubsub"})]
    *ours, kept = REMOVED.removal({"datasets": [dataset("sensors")], "sensors/tables": tables})
    for name, step in zip(("events", "co2"), ours, strict=True):
        by_hand = (*BQ, "-f", "-t", f"{PROJECT}:sensors.{name}")
        assert step.resource == f"dataset sensors, table {name}"
        assert (step.action, step.reason) == ("delete", "marked dt-pubsub=dt-pubsub")
        assert step.call == RestCall("DELETE", f"{DATASETS}/sensors/tables/{name}", by_hand=by_hand)
    assert (kept.action, kept.resource) == ("keep", "dataset sensors")
    assert kept.reason == "stays, because others have put these into it: table maps, table notes"


@pytest.mark.parametrize(
    ("routines", "models", "others"),
    [
        ([routine("clean")], None, "routine clean"),
        ([], [model("forecast")], "model forecast"),
        ([routine("b"), routine("a")], [model("c")], "model c, routine a, routine b"),
    ],
)
def test_routines_and_models_are_of_others_and_keep_the_dataset(routines: Any, models: Any, others: str) -> None:
    inside = {"sensors/tables": [table("events")], "sensors/routines": routines, "sensors/models": models}
    ours, kept = REMOVED.removal({"datasets": [dataset("sensors")], **inside})
    assert (ours.action, ours.resource) == ("delete", "dataset sensors, table events")
    assert (kept.action, kept.reason) == ("keep", f"stays, because others have put these into it: {others}")


def test_what_is_in_another_dataset_keeps_nothing() -> None:
    _, step = REMOVED.removal({"datasets": TWO, "events2/routines": [routine("clean")], "events2/models": [model("a")]})
    assert (step.action, step.resource) == ("delete", "dataset sensors")


@pytest.mark.parametrize("name", ["datasets", "refused"])
def test_a_dataset_may_have_any_name(name: str) -> None:
    data = StoredData(spec(bigquery=Warehouse(removed_data=name)))
    lists = {"datasets": [dataset(name)], "tables": [table("events")]}
    facts = answered(data.removal_reads(), lambda query: lists.get(query.items) if isinstance(query, Get) else None)
    (step,) = data.removal(facts)
    assert (step.action, step.resource) == ("delete", f"dataset {name}")


def test_a_deletion_is_planned_again_from_what_is_there_then() -> None:
    facts = {"datasets": TWO, "sensors/tables": [table("events")]}
    _, step = REMOVED.removal(facts)
    assert REMOVED.again(step, facts) == step.call
    assert REMOVED.again(step, {**facts, "sensors/tables": [table("events"), table("notes", {})]}) is None
    assert REMOVED.again(step, {**facts, "sensors/routines": [routine("clean")]}) is None
    assert REMOVED.again(step, {**facts, "sensors/models": [model("forecast")]}) is None
    assert REMOVED.again(step, {"datasets": []}) is None


def test_data_that_cannot_be_listed_are_left_and_the_reason_is_shown() -> None:
    (step,) = REMOVED.removal({REFUSED: "no access", "datasets": TWO})
    assert (step.action, step.resource) == ("keep", "data in BigQuery")
    assert step.reason == "cannot be listed (no access): if there are data, they are left"
    assert REMOVED.removal({"datasets": None}) == ()


@pytest.mark.parametrize(
    ("labels", "has", "fix"),
    [
        ({"dt-pubsub": "site2-pubsub"}, "has the label dt-pubsub=site2-pubsub, not", []),
        (
            None,
            "does not have the label",
            [f"  fix: bq update --set_label=dt-pubsub:dt-pubsub {PROJECT}:payroll"],
        ),
    ],
)
def test_a_dataset_without_the_label_is_adopted_by_a_command_unless_it_is_another_deployments(
    labels: dict[str, str] | None, has: str, fix: list[str]
) -> None:
    assert str(REMOVED.without_label("payroll", {"labels": labels})).splitlines() == [
        f"dataset payroll: {has} dt-pubsub=dt-pubsub: its data would stay, and nothing was changed",
        *fix,
        "  fix: python -m deploy down",
    ]
