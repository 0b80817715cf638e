"""``down`` with BigQuery: the data stay, unless their loss is confirmed by the name of the dataset."""

from typing import Any

import pytest

from deploy.errors import Aborted, ApplyFailed, DeployError
from deploy.google.calls import Call
from deploy.spec import Warehouse
from deploy.verbs.exit_codes import NOTHING_TO_DO
from tests.deploy.fakes.gcloud import PROJECT
from tests.deploy.resources.bigquery.conftest import SENSORS
from tests.deploy.stage import Stage
from tests.emulators.clouds.google.problems import Problem


def datasets(stage: Stage) -> list[str]:
    return sorted(stage.api.bigquery.catalog.datasets)


def test_down_without_any_setting_removes_the_subscriptions_and_says_that_the_data_stay(stored: Stage) -> None:
    assert stored.deployment().down() == NOTHING_TO_DO
    assert stored.google.things == {}
    assert datasets(stored) == ["sensors"]
    assert "keeps all data, which cost storage; to delete them, too: python -m deploy down --delete-data=sensors" in (
        stored.shown
    )


def test_data_are_deleted_by_name_also_after_everything_else_is_gone(stored: Stage) -> None:
    stored.deployment(bigquery=SENSORS).down()
    assert stored.deployment().down(delete_data="sensors") == NOTHING_TO_DO
    assert stored.api.left() == []
    assert f"bq --project_id={PROJECT} rm -r -f -d {PROJECT}:sensors" in stored.shown
    assert "all events in dataset sensors are deleted" in stored.shown
    assert "with all data in it" in stored.shown
    assert stored.deployment().down(delete_data="sensors") == NOTHING_TO_DO  # nothing is there any more


@pytest.mark.parametrize("terminal", [None, "sensors\n"])
def test_yes_alone_does_not_confirm_the_loss_of_data_with_or_without_a_terminal(
    stored: Stage, terminal: str | None
) -> None:
    with pytest.raises(Aborted, match="not confirmed by --yes alone") as refused:
        stored.deployment(answer=terminal).down(delete_data="")
    assert refused.value.fix == ("python -m deploy down --yes --delete-data=sensors",)
    assert (stored.google.changes(), stored.api.changes()) == ([], [])


@pytest.mark.parametrize("answer", ["y\ny\n", "y\nsensor\n", "y\n", "n\nsensors\n"])
def test_without_the_typed_name_of_the_dataset_nothing_is_changed(stored: Stage, answer: str) -> None:
    with pytest.raises(Aborted, match="nothing was changed"):
        stored.deployment(yes=False, answer=answer).down(delete_data="")
    assert (stored.google.changes(), stored.api.changes()) == ([], [])


def test_the_typed_name_of_the_dataset_deletes_the_data(stored: Stage) -> None:
    assert stored.deployment(yes=False, answer="y\nsensors\n").down(delete_data="") == NOTHING_TO_DO
    assert "all events in BigQuery are lost: type the name of the dataset, sensors, to delete them:" in stored.noted
    assert datasets(stored) == []


def test_a_dataset_that_is_not_ours_cannot_be_named(stored: Stage) -> None:
    stored.api.bigquery.datasets.create("payroll", {"location": "EU", "labels": {"dt-pubsub": "other-pubsub"}})
    with pytest.raises(DeployError, match="payroll is no dataset of this deployment") as refused:
        stored.deployment().down(delete_data="payroll")
    assert refused.value.fix == ("python -m deploy down --delete-data=sensors",)
    assert datasets(stored) == ["payroll", "sensors"]


@pytest.mark.parametrize(
    ("labels", "what", "fix"),
    [
        ({}, "does not have the label", ["bq update --set_label=dt-pubsub:dt-pubsub cold-chain-prod:sensors"]),
        ({"dt-pubsub": "other-pubsub"}, "has the label dt-pubsub=other-pubsub, not", []),
    ],
)
def test_a_dataset_without_the_label_is_not_deleted_and_down_says_so_before_it_changes_anything(
    stored: Stage, labels: dict[str, str], what: str, fix: list[str]
) -> None:
    stored.api.bigquery.catalog.datasets["sensors"]["labels"] = labels
    with pytest.raises(
        DeployError, match=f"dataset sensors: {what} dt-pubsub=dt-pubsub: its data would stay"
    ) as refused:
        stored.deployment().down(delete_data="sensors")
    assert [*refused.value.fix] == [*fix, "python -m deploy down"]
    assert (stored.google.changes(), stored.api.changes(), datasets(stored)) == ([], [], ["sensors"])


@pytest.mark.parametrize("named", ["sensors", ""])
def test_data_that_google_does_not_list_are_not_called_deleted(stored: Stage, named: str) -> None:
    stored.google.services.discard("bigquery.googleapis.com")
    with pytest.raises(DeployError) as refused:
        stored.deployment().down(delete_data=named)
    assert refused.value.fix[0].startswith("gcloud services enable ")
    stored.google.services.add("bigquery.googleapis.com")
    stored.api.stumbles = [("GET", "/datasets", Problem("PERMISSION_DENIED", "Access Denied"))]
    with pytest.raises(DeployError, match="the datasets or their contents cannot be listed, so their data would stay"):
        stored.deployment().down(delete_data=named)
    assert (stored.google.changes(), stored.api.changes(), datasets(stored)) == ([], [], ["sensors"])


def test_a_name_of_no_dataset_is_an_error_as_long_as_anything_is_left(up: Stage) -> None:
    up.google.services.add("bigquery.googleapis.com")
    with pytest.raises(DeployError, match="there is no dataset sensors, and nothing was changed"):
        up.deployment().down(delete_data="sensors")
    assert up.deployment().down(delete_data="") == NOTHING_TO_DO  # there are no data at all


def test_of_several_datasets_one_has_to_be_named_and_only_that_one_goes(stored: Stage) -> None:
    assert stored.deployment(bigquery=Warehouse("events2")).up(verify=False) == NOTHING_TO_DO
    with pytest.raises(DeployError, match="several datasets: name one"):
        stored.deployment(yes=False, answer="y\nsensors\n").down(delete_data="")
    assert stored.deployment().down(delete_data="events2") == NOTHING_TO_DO
    assert datasets(stored) == ["sensors"]


def test_tables_of_others_keep_the_dataset_and_only_ours_are_deleted(stored: Stage) -> None:
    stored.api.bigquery.tables.create("sensors", "notes", {"schema": {"fields": [{"name": "a", "type": "STRING"}]}})
    assert stored.deployment().down(delete_data="sensors") == NOTHING_TO_DO
    assert list(stored.api.bigquery.catalog.tables) == [("sensors", "notes")]
    assert "stays, because others have put these into it: table notes" in stored.shown


@pytest.mark.parametrize("kind", ["routine", "model"])
def test_a_routine_or_model_of_others_keeps_the_dataset_and_only_ours_is_deleted(stored: Stage, kind: str) -> None:
    stored.api.bigquery.extras.add(kind, "sensors", "mine")
    assert stored.deployment().down(delete_data="sensors") == NOTHING_TO_DO
    catalog = stored.api.bigquery.catalog
    assert (datasets(stored), [*catalog.tables], [*catalog.extras]) == (["sensors"], [], [(kind, "sensors", "mine")])
    assert f"stays, because others have put these into it: {kind} mine" in stored.shown


@pytest.mark.parametrize("kind", ["routine", "model"])
def test_all_pages_of_the_routines_and_models_are_read(stored: Stage, kind: str) -> None:
    for number in range(1001):
        stored.api.bigquery.extras.add(kind, "sensors", f"n{number:04}")
    stored.deployment().down(delete_data="sensors")
    assert f"{kind} n0999, {kind} n1000\n" in stored.shown


@pytest.mark.parametrize("permission", ["tables.list", "routines.list", "models.list"])
@pytest.mark.parametrize("settings", [{}, {"bigquery": SENSORS}], ids=["without settings", "with settings"])
def test_nothing_is_deleted_if_what_is_in_the_dataset_may_not_be_listed(
    stored: Stage, permission: str, settings: dict[str, Any]
) -> None:
    stored.api.estate.denied = {f"bigquery.{permission}"}
    with pytest.raises(DeployError, match=f"Permission bigquery.{permission} denied on dataset") as refused:
        stored.deployment(**settings).down(delete_data="sensors")
    assert refused.value.fix
    assert (stored.google.changes(), stored.api.changes(), datasets(stored)) == ([], [], ["sensors"])


@pytest.mark.parametrize("permission", ["tables.list", "routines.list", "models.list"])
def test_the_dataset_stays_if_what_is_in_it_may_not_be_listed_just_before_it_goes(
    stored: Stage, permission: str
) -> None:
    def refuse(_: Call) -> None:
        if not stored.google.things:
            stored.api.estate.denied = {f"bigquery.{permission}"}

    stored.api.before = refuse
    with pytest.raises(ApplyFailed, match=f"Permission bigquery.{permission} denied on dataset"):
        stored.deployment().down(delete_data="sensors")
    assert datasets(stored) == ["sensors"]


@pytest.mark.parametrize("kind", ["routine", "model"])
def test_a_routine_or_model_that_others_make_during_down_is_not_deleted_with_the_dataset(
    stored: Stage, kind: str
) -> None:
    def appear(call: Call) -> None:
        if call.method == "GET" and not stored.google.things and not extras:
            stored.api.bigquery.extras.add(kind, "sensors", "mine")

    extras = stored.api.bigquery.catalog.extras
    stored.api.before = appear
    stored.deployment().down(delete_data="sensors")
    assert [*extras] == [(kind, "sensors", "mine")]


def test_a_table_that_others_make_during_down_is_not_deleted_with_the_dataset(stored: Stage) -> None:
    def appear(call: Call) -> None:
        if call.method == "GET" and not stored.google.things and ("sensors", "notes") not in tables:
            stored.api.bigquery.tables.create("sensors", "notes", {"schema": {"fields": []}})

    tables = stored.api.bigquery.catalog.tables
    stored.api.before = appear
    stored.deployment().down(delete_data="sensors")
    assert ("sensors", "notes") in tables


def test_a_removal_that_is_killed_before_the_data_go_names_the_command_that_finishes_it(stored: Stage) -> None:
    def killed(call: Call) -> None:
        if call.method == "DELETE":
            raise KeyboardInterrupt

    stored.api.before = killed
    with pytest.raises(ApplyFailed) as stopped:
        stored.deployment().down(delete_data="sensors")
    assert stopped.value.fix[-1] == "python -m deploy down --delete-data=sensors"
    stored.api.before = lambda _: None
    assert stored.deployment().down(delete_data="sensors") == NOTHING_TO_DO
    assert stored.api.left() == []


def test_a_refusal_to_list_datasets_leaves_them_and_says_so(up: Stage) -> None:
    up.google.services.add("bigquery.googleapis.com")
    up.api.estate.denied = {"bigquery.datasets.get"}
    assert up.deployment().down() == NOTHING_TO_DO


def test_list_shows_the_dataset_also_when_only_the_data_are_left(stored: Stage) -> None:
    stored.deployment(in_json=True).list()
    (found,) = stored.in_json()["deployments"]
    assert {"dataset sensors", "subscription dt-events-bigquery"} <= {*found["resources"]}
    stored.deployment().down()
    stored.out.truncate(0)
    stored.out.seek(0)
    stored.deployment(in_json=True).list()
    (found,) = stored.in_json()["deployments"]
    assert (found["state"], found["resources"]) == ("left over", ["dataset sensors"])
